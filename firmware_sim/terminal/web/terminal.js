// Draws the terminal's screen and carries its buttons; nothing is decided here.
const texts = await (await fetch("/static/texts.json")).json();
const byId = (id) => document.getElementById(id);
const SIGNS = { approved: "✓", warned: "✓", declined: "✕", stopped: "!", booting: "…", unenrolled: "…", ready: "" };
const SHOWS = { approved: "approved", warned: "warned", reversed: "approved", declined: "declined" };

let language = localStorage.getItem("language") ?? "zh";
let screen = null;
let parts = {};
let heardNumber = null;
let shownNumber = null;
let countdown = null;

export const text = (key, values = {}) =>
  Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, value), texts[key][language]);
export const money = (minor) =>
  `${minor < 0 ? "-" : ""}¥${(Math.abs(minor) / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
export const current = () => screen;
// Its answer is newer than any event already on its way.
export async function press(part, form) {
  const told = await send(`/parts/${part}`, form);
  parts = { ...parts, [part]: told };
  return told;
}
export const said = (both) => both[language];
// Names of the catalogue are [Chinese, English]; an empty English name is not translated.
export const named = ([zh, en]) => (language === "zh" || !en ? zh : en);

export async function send(path, body, type = "application/json") {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": type, "x-terminal": "1", "accept-language": language },
    body: type === "application/json" ? JSON.stringify(body ?? {}) : body,
  }).catch(() => {
    throw new Error(text("lost"));
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

function ago(seconds) {
  if (seconds < 60) return text("s", { n: Math.max(0, Math.round(seconds)) });
  if (seconds < 3600) return text("min", { n: Math.round(seconds / 60) });
  if (seconds < 48 * 3600) return text("h", { n: Math.round(seconds / 3600) });
  return text("d", { n: Math.round(seconds / 86400) });
}

function fact(id, said, state) {
  const place = byId(id);
  if (!place) return;
  place.textContent = said;
  place.dataset.state = state;
}

function drawFacts() {
  const { network, unsent, snapshot_age_s: age, clock_ok: clockOk } = screen;
  const offline = text("offline", { ago: ago((screen.at_ms - network.since_ms) / 1000) });
  fact("network", network.online ? text("online") : offline, network.online ? "yes" : "warn");
  fact("unsent", unsent ? text("unsent", { count: unsent }) : text("sent"), unsent ? "warn" : "yes");
  fact("snapshot", age === null ? text("no_snapshot") : text("snapshot", { ago: ago(age) }), age === null ? "no" : age > 14400 ? "warn" : "yes");
  fact("clock", clockOk ? "" : text("clock_bad"), "no");
  byId("outlet").textContent = screen.outlet[language];
}

const sells = () => ["ready", "approved", "declined"].includes(screen.phase);

const { kind, view } = document.documentElement.dataset;
const awaitsCashier = () => view === "customer" && kind === "canteen" && screen.mode !== "identity" && !screen.amount_minor;
function idleWords() {
  if (!sells()) return screen.notice ? said(screen.notice) : text(screen.phase);
  const mine = `ready_${kind}${screen.amount_minor ? "" : "_no_amount"}`;
  if (mine in texts) return text(mine);
  if (awaitsCashier()) return text("ready_customer"); // what to enter is the cashier's business
  if (screen.mode === "identity") return text("ready_identity");
  if (screen.mode === "products") return text(screen.amount_minor ? "ready_basket" : "ready_no_basket");
  return text(screen.amount_minor ? "ready" : "ready_no_amount");
}

function list(id, all) {
  byId(id)?.replaceChildren(...all.map((both) => Object.assign(document.createElement("li"), { textContent: said(both) })));
}

function drawWait(result) {
  clearInterval(countdown);
  const place = byId("wait");
  place.hidden = !result?.wait_s;
  if (!result?.wait_s) return;
  let left = result.wait_s;
  const draw = () => {
    place.textContent = left > 0 ? text("wait", { count: left }) : text("ready");
    left -= 1;
  };
  draw();
  countdown = setInterval(draw, 1000);
}

function drawResult() {
  const result = screen.result;
  document.body.dataset.phase = screen.phase;
  document.body.dataset.asks = screen.mode;
  // The colour stays as long as the result does: the terminal is ready for the next person long before. What was paid
  // is never drawn as a refusal, also where nothing more is sold.
  const shows = result && (sells() || result.sound !== "declined") ? SHOWS[result.sound] : screen.phase;
  document.body.dataset.shows = shows;
  byId("sign").textContent = SIGNS[shows];
  const declined = result?.sound === "declined";
  const minor = declined ? screen.amount_minor || result.amount_minor : (result?.amount_minor ?? screen.amount_minor);
  byId("sum").textContent = money(minor);
  const unasked = ["identity", "pass"].includes(screen.mode) || kind !== "canteen";
  byId("sum").hidden = !minor && (unasked || (result ? !declined : awaitsCashier()));
  byId("words").textContent = result ? said(result.sentence) : idleWords();
  // While it sells, a notice is the cashier's business, and stays there beside each answer.
  if (byId("notice")) {
    byId("notice").hidden = !screen.notice || !sells();
    byId("notice").textContent = screen.notice ? said(screen.notice) : "";
  }
  byId("who").textContent = result?.name ?? "";
  const left = [];
  if (result && result.left_minor !== null) left.push(text("left", { sum: money(result.left_minor) }));
  for (const benefit of result?.benefits ?? []) {
    left.push(text("benefit_left", { name: said(benefit.name), sum: money(benefit.left_minor) }));
  }
  byId("left").textContent = left.join(" · ");
  byId("left").classList.toggle("low", Boolean(result?.low));
  const warnings = new Set((result?.warnings ?? []).map(said));
  list("sentences", (result?.reasons ?? []).filter((both) => !warnings.has(said(both))));
  list("warnings", result?.warnings ?? []);
  byId("warnings").hidden = !result?.warnings.length;
  if ((result?.number ?? null) !== shownNumber) {
    shownNumber = result?.number ?? null;
    drawWait(result);
  }
}

let audio = null;
function tone(hertz, startS, lengthS) {
  const voice = audio.createOscillator();
  const volume = audio.createGain();
  voice.frequency.value = hertz;
  volume.gain.setValueAtTime(0.2, audio.currentTime + startS);
  volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + startS + lengthS);
  voice.connect(volume).connect(audio.destination);
  voice.start(audio.currentTime + startS);
  voice.stop(audio.currentTime + startS + lengthS);
}

function hear() {
  const result = screen.result;
  if (!result || result.number === heardNumber) return;
  const first = heardNumber === null && screen.at_ms - result.at_ms > 1500;
  heardNumber = result.number;
  if (first) return;
  audio ??= new AudioContext();
  if (result.sound === "declined") tone(180, 0, 0.45);
  else if (result.sound === "warned") [0, 0.25, 0.5].forEach((at) => (tone(880, at, 0.1), tone(620, at + 0.12, 0.1)));
  else [[880, 0], [1320, 0.12]].forEach(([hertz, at]) => tone(hertz, at, 0.15));
  if (byId("speak")?.checked && window.speechSynthesis) {
    const saying = new SpeechSynthesisUtterance(result.spoken[language]);
    saying.lang = language === "zh" ? "zh-CN" : "en-US";
    speechSynthesis.cancel();
    speechSynthesis.speak(saying);
  }
}

function drawTexts() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.querySelectorAll("[data-text]").forEach((place) => (place.textContent = text(place.dataset.text)));
  document.querySelectorAll("[data-label]").forEach((place) => place.setAttribute("aria-label", text(place.dataset.label)));
  byId("language").textContent = language === "zh" ? "English" : "中文";
}

// What stands there then is the past: nobody should take it for the present.
function lost(now) {
  byId("lost").hidden = !now;
  document.body.toggleAttribute("data-lost", now);
}

export function start(drawMore) {
  const draw = () => {
    drawFacts();
    drawResult();
    hear();
    drawMore(screen, language, parts);
  };
  byId("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    localStorage.setItem("language", language);
    drawTexts();
    if (screen) draw();
  });
  if (byId("speak")) {
    byId("speak").checked = localStorage.getItem("speak") === "1";
    byId("speak").addEventListener("change", (event) => localStorage.setItem("speak", event.target.checked ? "1" : "0"));
  }
  drawTexts();
  const events = new EventSource("/events");
  events.onmessage = (event) => {
    screen = JSON.parse(event.data);
    draw();
    lost(false);
    // A press before there was a screen to act on would have been lost.
    document.querySelectorAll("[inert]").forEach((part) => (part.inert = false));
  };
  events.addEventListener("parts", (event) => {
    parts = JSON.parse(event.data);
    if (screen) draw();
  });
  events.onerror = () => lost(true);
}
