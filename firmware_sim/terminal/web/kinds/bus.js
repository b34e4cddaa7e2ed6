// A bus: its line, the stop where it stands, and the driver's button for the next one.
import { money, press, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
let drawn = "";

byId("next-stop").addEventListener("click", () => press("kind", { next: true }));

export function draw(screen, language, { kind }) {
  const now = JSON.stringify([kind, screen.amount_minor, language]);
  if (!kind || now === drawn) return;
  drawn = now;
  byId("line-name").textContent = kind.line ? text("bus_line", { line: kind.line }) : "";
  byId("fare").textContent = screen.amount_minor ? text("fare", { sum: money(screen.amount_minor) }) : "";
  byId("stop-now").textContent = kind.stop ? text("stop_now", { stop: kind.stop }) : "";
  byId("stops").replaceChildren(
    ...kind.stops.map((stop) => {
      const made = Object.assign(document.createElement("li"), { textContent: stop });
      if (stop === kind.stop) made.setAttribute("aria-current", "step");
      return made;
    }),
  );
  byId("next-stop").disabled = kind.stops.length < 2;
}
