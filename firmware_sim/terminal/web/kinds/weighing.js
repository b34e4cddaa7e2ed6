// A scale: dishes are dragged onto it, or put there with the keyboard; the price follows the weight.
import { money, press, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
const SEEN_MS = 600;
const DISHES = [["rice", 150], ["greens", 80], ["meat", 120], ["soup", 200]];
let grams = 0;
let sending = 0;
let queue = Promise.resolve();
let drawnIn = "";

const put = (total) => {
  grams = Math.max(0, Math.min(5000, total));
  byId("grams").value = grams;
  sending += 1;
  // One at a time: of two on their way at once, the older could arrive later.
  queue = queue
    .then(() => press("scale", { grams }))
    .catch((error) => {
      byId("entry-error").textContent = error.message;
      byId("entry-error").hidden = false;
    })
    .finally(() => setTimeout(() => (sending -= 1), SEEN_MS));
};

function drawDishes(language) {
  if (drawnIn === language) return;
  drawnIn = language;
  byId("dishes").replaceChildren(
    ...DISHES.map(([dish, weighs]) => {
      const made = Object.assign(document.createElement("button"), { type: "button", className: "dish", draggable: true });
      made.dataset.dish = dish;
      made.textContent = `${text(`dish_${dish}`)} ${weighs} g`;
      made.addEventListener("click", () => put(grams + weighs));
      made.addEventListener("dragstart", (event) => event.dataTransfer.setData("text/plain", String(weighs)));
      return made;
    }),
  );
}

const pan = byId("pan");
for (const kind of ["dragenter", "dragover"]) pan.addEventListener(kind, (event) => (event.preventDefault(), pan.classList.add("over")));
for (const kind of ["dragleave", "drop"]) pan.addEventListener(kind, () => pan.classList.remove("over"));
pan.addEventListener("drop", (event) => {
  event.preventDefault();
  const weighs = Number(event.dataTransfer.getData("text/plain"));
  if (weighs > 0) put(grams + weighs);
});
byId("grams").addEventListener("input", (event) => put(Number(event.target.value)));
byId("take-off").addEventListener("click", () => put(0));

export function draw(_screen, language, { scale, kind }) {
  drawDishes(language);
  if (!scale) return;
  // What this page has put there itself is newer than an event on its way.
  if (!sending) {
    grams = scale.grams;
    byId("grams").value = grams;
  }
  byId("rate").textContent = kind?.per_kg_minor ? text("per_kg", { sum: money(kind.per_kg_minor) }) : "";
  byId("weight").textContent = scale.plugged ? `${scale.grams} g` : "– – –";
  const rests = scale.plugged ? (scale.stable ? "scale_stable" : "scale_moves") : "scale_gone";
  byId("at-rest").textContent = text(rests);
  byId("at-rest").dataset.state = scale.plugged && scale.stable ? "yes" : "warn";
  byId("plate").style.setProperty("--full", Math.min(1, scale.grams / 800));
  byId("plate").hidden = !scale.grams;
}
