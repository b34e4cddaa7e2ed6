// A gate: its flaps open for whoever may pass; where it serves both ways, somebody comes from one side or the other.
import { press, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);

document.querySelectorAll("[data-direction]").forEach((button) =>
  button.addEventListener("click", () => press("kind", { direction: button.dataset.direction })),
);

export function draw(_screen, _language, { arm, kind }) {
  if (!arm) return;
  byId("gate").dataset.open = String(arm.open);
  byId("gate-state").textContent = text(arm.stuck ? "gate_stuck" : arm.open ? "gate_open" : "gate_shut");
  byId("gate-state").dataset.state = arm.stuck ? "no" : arm.open ? "yes" : "";
  byId("passed").textContent = text("opened", { count: arm.opened });
  const both = kind?.allowed === "both";
  document.querySelectorAll("[data-direction]").forEach((button) => {
    button.disabled = !both;
    button.setAttribute("aria-pressed", String(button.dataset.direction === kind?.direction));
  });
  byId("gate").dataset.way = kind?.direction ?? "in";
}
