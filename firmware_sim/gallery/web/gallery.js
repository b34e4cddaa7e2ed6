// Every device as a small live screen; nothing is decided here.
const texts = await (await fetch("/static/texts.json")).json();
const EVERY_MS = 1000;
const SHOWS = { approved: "approved", warned: "warned", reversed: "approved", declined: "declined" };
const SELLS = ["ready", "approved", "declined"];
const GOOD = { plugged: true, paper: true };
const FAULTS = ["plugged", "paper", "restless", "stuck", "full", "cut", "jams", "silent", "garbles", "repeats"];

let language = localStorage.getItem("language") ?? "zh";
let told = [];

const text = (key, values = {}) =>
  Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, value), texts[key][language]);
const money = (minor) => `¥${(minor / 100).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
const element = (name, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};

function wordsOf(screen) {
  if (!screen) return text("off");
  if (screen.result) return screen.result.sentence[language];
  if (!SELLS.includes(screen.phase)) return screen.notice?.[language] ?? text(screen.phase);
  return text("ready");
}

// What stands beside the words: the weight on the scale, the stop of the bus, what lies in the tray.
function moreOf({ device, parts }) {
  if (!parts) return "";
  if (device.kind === "weighing" && parts.scale) return `${parts.scale.grams} g`;
  if (device.kind === "bus" && parts.kind?.stop) return [parts.kind.line, parts.kind.stop].filter(Boolean).join(" · ");
  if (device.kind === "cabinet") return (parts.cabinet?.tray ?? []).map((name) => name[language]).join(" · ");
  return "";
}

// The cable is named by itself.
const isBroken = ({ lan: _lan, ...parts }) =>
  Boolean(parts.clock?.offset_s) ||
  Object.values(parts).some((part) => FAULTS.some((fault) => fault in part && part[fault] !== (GOOD[fault] ?? false)));

const fact = (said, state) => {
  const made = element("li", { className: "fact", textContent: said });
  made.dataset.state = state;
  return made;
};

function factsOf({ screen, parts, line }) {
  if (!screen) return [fact(text("off"), "no")];
  const facts = [screen.network.online ? fact(text("online"), "yes") : fact(text("offline"), "warn")];
  const broken = { drop: "line_cut", delay: "line_delay", half_close: "line_half_close" }[line?.mode];
  if (broken) facts.push(fact(text(broken), "no"));
  if (parts?.lan?.plugged === false) facts.push(fact(text("lan_out"), "no"));
  facts.push(screen.unsent ? fact(text("unsent", { count: screen.unsent }), "warn") : fact(text("sent"), "yes"));
  if (isBroken(parts ?? {})) facts.push(fact(text("faults"), "no"));
  return facts;
}

function card(each) {
  const { device, screen } = each;
  const result = screen?.result;
  const shown = element("a", { className: "screen", href: device.url, target: `device-${device.url}` });
  shown.dataset.shows = !screen ? "off" : result && SELLS.includes(screen.phase) ? SHOWS[result.sound] : screen.phase;
  const minor = result ? result.amount_minor : (screen?.amount_minor ?? 0);
  if (minor) shown.append(element("span", { className: "sum money", textContent: money(minor) }));
  shown.append(element("span", { className: "words", textContent: wordsOf(screen) }));
  shown.append(element("span", { className: "more", textContent: moreOf(each) }));
  shown.setAttribute("aria-label", `${text("open")}: ${device[language]}. ${wordsOf(screen)}`);
  const made = element("li", { className: "device card" });
  made.dataset.kind = device.kind;
  made.append(
    element("h2", { textContent: device[language] }),
    element("p", { className: "kind", textContent: text(device.kind) }),
    shown,
    element("ul", { className: "facts" }, ...factsOf(each)),
    element(
      "div",
      { className: "links" },
      element("a", { className: "button", href: device.url, target: `device-${device.url}`, textContent: text("open") }),
      element("a", { className: "button quiet", href: `${device.url}/customer`, target: `customer-${device.url}`, textContent: text("customer") }),
    ),
  );
  return made;
}

// A card is drawn anew only where it changed: somebody may be about to press it.
const drawn = [];
function draw() {
  const list = document.getElementById("devices");
  told.forEach((each, place) => {
    const { at_ms: _at, snapshot_age_s: _age, ...lasting } = each.screen ?? {};
    const now = JSON.stringify([each.device, Boolean(each.screen), lasting, each.parts, each.line?.mode, language]);
    if (drawn[place] === now) return;
    drawn[place] = now;
    const at = [...(list.children[place]?.querySelectorAll("a") ?? [])].indexOf(document.activeElement);
    if (list.children[place]) list.children[place].replaceWith(card(each));
    else list.append(card(each));
    if (at >= 0) list.children[place].querySelectorAll("a")[at]?.focus();
  });
}

function drawTexts() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.querySelectorAll("[data-text]").forEach((place) => (place.textContent = text(place.dataset.text)));
  document.querySelectorAll("[data-label]").forEach((place) => place.setAttribute("aria-label", text(place.dataset.label)));
  document.getElementById("language").textContent = language === "zh" ? "English" : "中文";
}

document.getElementById("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  drawTexts();
  draw();
});
document.querySelectorAll("[data-lines]").forEach((button) =>
  button.addEventListener("click", () =>
    fetch("/lines", {
      method: "POST",
      headers: { "content-type": "application/json", "x-terminal": "1" },
      body: JSON.stringify({ mode: button.dataset.lines }),
    }).then(look, () => undefined),
  ),
);

async function look() {
  const answer = await fetch("/devices").catch(() => null);
  if (!answer?.ok) return;
  told = await answer.json();
  draw();
}

drawTexts();
document.querySelector("header").inert = false; // A press before this would have been lost.
await look();
setInterval(look, EVERY_MS);
