// The code page. First what is stored is shown, with no network at all; then, where there is one, balance and
// credentials are brought up to date in the background.
import { Clock } from "./parts/clock.js";
import { datesAhead, daysLeft, LOW_DAYS, renew, renewalReason } from "./parts/credentials.js";
import { byId } from "./parts/dom.js";
import { cookie, Refused, request, SignedOut, Unreachable } from "./parts/http.js";
import { Notices } from "./parts/notices.js";
import { Panel } from "./parts/panel.js";
import { Screen } from "./parts/screen.js";
import { notes } from "./parts/status.js";
import { openStore } from "./parts/store.js";
import { SummaryView } from "./parts/summary.js";
import { readJson } from "./parts/texts.js";
import { keepOffline } from "./parts/worker.js";

const REFRESH_MS = 60_000;
const REFRESH_ON_RETURN_MS = 10_000;
const REFUSED_WAIT_MS = 120_000;
const TICK_MS = 1_000;

const config = readJson("config");
const texts = readJson("texts");
const clock = new Clock();

const state = {
  store: null,
  values: {},
  days: [],
  starting: true,
  online: navigator.onLine,
  signedOut: false,
  evicted: false,
  restored: false,
  left: false,
  promised: null,
  refusal: "",
  refusedMs: 0,
  fresh: false,
  refreshing: null,
  refreshedMs: 0,
};

const panel = new Panel({
  elements: { frame: byId("frame"), canvas: byId("code"), bar: byId("bar"), seconds: byId("seconds") },
  clock,
  onNoCode: tell,
  onBroken: (day) => dropDay(day),
});
const screen = new Screen({ button: byId("light"), texts, onFit: () => panel.fit() });
const view = new SummaryView({
  elements: {
    whole: byId("summary"),
    holder: byId("holder"),
    group: byId("group"),
    balance: byId("balance"),
    age: byId("age"),
    benefits: byId("benefits"),
    sales: byId("sales"),
    none: byId("no-sales"),
  },
  texts,
  config,
});
const notices = new Notices({
  loud: byId("notices"),
  quiet: byId("remarks"),
  texts,
  actions: {
    "sign-in": { label: "sign_in", href: config.urls.signIn },
    retry: { label: "retry", run: () => tryAgain() },
  },
});

async function open() {
  state.store = await openStore({ persistent: globalThis.isSecureContext });
  const kept = await state.store.load();
  const owner = cookie(config.ownerCookie);
  const isAnother = Boolean(owner) && kept.values.owner !== owner;
  if (isAnother) await state.store.clear(); // somebody else signed in here, or nobody is: show nothing of the last one
  state.days = isAnother ? [] : kept.days;
  state.values = isAnother ? {} : kept.values;
  const isEmpty = state.store.persistent && kept.days.length === 0;
  state.evicted = isEmpty && Boolean(owner) && owner !== config.nobody && !cookie(config.welcomeCookie);
  document.cookie = `${config.welcomeCookie}=; path=/; max-age=0`;
  clock.offsetMs = kept.values.clockOffsetMs ?? 0;
  await panel.use(state.days, state.values.institution ?? "");
  state.starting = !panel.hasCode && state.online;
  showSummary();
  tell();
}

function showSummary() {
  const { summary, summaryAtMs } = state.values;
  if (summary) view.show(summary, { atMs: summaryAtMs, nowMs: clock.nowMs(), fresh: state.fresh });
}

function tell() {
  const nowS = clock.nowS();
  notices.say(
    notes({
      starting: state.starting,
      hasCode: panel.hasCode,
      hasDays: state.days.some((day) => day.credential),
      daysLeft: daysLeft(state.days, nowS),
      lowDays: lowDays(),
      refusal: state.refusal,
      online: state.online,
      signedOut: state.signedOut,
      evicted: state.evicted,
      restored: state.restored,
      clockOffS: clock.offS(),
      secure: globalThis.isSecureContext,
      persistent: state.store?.persistent ?? true,
      promised: state.promised,
      keyKind: state.days[0]?.kind,
    }),
  );
  document.documentElement.dataset.net = state.online ? "on" : "off";
}

// Who signed in, or out, in another tab. What this one still holds must neither be shown nor mixed with what is theirs.
// True where the page is being opened anew for them; asked for once, or on a slow phone it would never arrive.
function leftToAnother() {
  const owner = cookie(config.ownerCookie);
  if (!state.left && owner && state.values.owner && owner !== state.values.owner) {
    state.left = true;
    panel.use([], "");
    location.reload();
  }
  return state.left;
}

function tryAgain() {
  state.refusedMs = 0;
  return refresh();
}

// One at a time; a second caller waits for the first.
function refresh() {
  state.refreshing ??= bringUpToDate().finally(() => (state.refreshing = null));
  return state.refreshing;
}

async function bringUpToDate() {
  try {
    const answer = await request(config.urls.summary);
    if (leftToAnother()) return;
    Object.assign(state, { online: true, signedOut: false, fresh: true, refreshedMs: Date.now() });
    await believe(answer);
    await renewIfDue(answer.data.funds_minor);
  } catch (error) {
    state.fresh = false;
    if (error instanceof SignedOut) Object.assign(state, { online: true, signedOut: true });
    else if (error instanceof Refused) Object.assign(state, { refusal: error.detail, refusedMs: Date.now() });
    else if (error instanceof Unreachable) state.online = false;
    else throw error;
  } finally {
    state.starting = false;
    showSummary();
    tell();
  }
  if (state.signedOut && !panel.hasCode) {
    location.assign(config.urls.signIn + (state.evicted ? "?why=evicted" : ""));
  }
}

async function believe({ data, sentMs, receivedMs }) {
  clock.measure(data.server_time_ms, sentMs, receivedMs);
  await keep({
    summary: data,
    summaryAtMs: data.server_time_ms,
    clockOffsetMs: clock.offsetMs,
    owner: cookie(config.ownerCookie),
  });
}

// Keys that only memory holds are not worth more than the day.
function daysWanted() {
  return state.store?.persistent === false ? 1 : config.daysAhead;
}

const lowDays = () => Math.min(LOW_DAYS, daysWanted());

async function renewIfDue(funds) {
  const { days: known, values } = state;
  const reason = renewalReason({ days: known, values, nowS: clock.nowS(), funds, lowDays: lowDays() });
  if (funds < values.fundsAtIssue) await keep({ fundsAtIssue: funds });
  if (!reason || Date.now() - state.refusedMs < REFUSED_WAIT_MS) return;
  const { days, answer } = await renew({
    store: state.store,
    days: known,
    dates: datesAhead(clock.nowMs(), { zone: config.zone, count: daysWanted() }),
    post: (body) => request(config.urls.credentials, { body, csrfCookie: config.csrfCookie }),
  });
  Object.assign(state, { days, refusal: "" });
  await keep({
    institution: answer.data.institution,
    nextRenewalS: answer.data.next_renewal_s,
    fundsAtIssue: funds,
  });
  if (state.evicted) Object.assign(state, { evicted: false, restored: true });
  await panel.use(state.days, state.values.institution);
  await navigator.storage?.persist?.();
}

async function keep(changes) {
  Object.assign(state.values, changes);
  await state.store.setValues(changes);
}

async function askWhetherKept() {
  if (navigator.storage?.persisted) state.promised = await navigator.storage.persisted();
  tell();
}

async function dropDay(day) {
  state.days = state.days.filter((each) => each.date !== day.date);
  await state.store.removeDays([day.date]);
  tell();
  if (state.online) refresh();
}

function tick() {
  if (leftToAnother()) return;
  if (clock.tick()) keep({ clockOffsetMs: clock.offsetMs });
  const { summaryAtMs } = state.values;
  if (summaryAtMs) {
    const nowMs = clock.nowMs();
    view.tellAge({ atMs: summaryAtMs, nowMs, fresh: state.fresh && nowMs - summaryAtMs < 2 * REFRESH_MS });
  }
  if (!document.hidden && navigator.onLine && Date.now() - state.refreshedMs >= REFRESH_MS) {
    state.refreshedMs = Date.now(); // also after a failure: not every second
    refresh();
  }
  tell();
}

function onReturn() {
  clock.pause();
  if (document.hidden) return;
  if (leftToAnother()) return;
  panel.look();
  screen.stayAwake();
  if (navigator.onLine && Date.now() - state.refreshedMs > REFRESH_ON_RETURN_MS) refresh();
}

addEventListener("online", () => refresh());
addEventListener("offline", () => {
  Object.assign(state, { online: false, fresh: false });
  tell();
});
document.addEventListener("visibilitychange", onReturn);
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  const button = byId("install");
  button.hidden = false;
  button.addEventListener("click", () => event.prompt().finally(() => (button.hidden = true)), { once: true });
});

async function main() {
  await open();
  panel.start();
  setInterval(tick, TICK_MS);
  screen.stayAwake();
  if (navigator.onLine) await refresh();
  await askWhetherKept();
  await keepOffline(config.urls.worker, config.language);
}

main();
