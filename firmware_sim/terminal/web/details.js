// The explanation of the newest sale or decline, large enough for both sides of the counter; it stays until closed.
import { money, said, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
let open = null;
let drawn = "";

// Drawn anew in another language only: somebody may be reading, or listening to it.
function draw(result) {
  if (drawn === document.documentElement.lang) return;
  drawn = document.documentElement.lang;
  byId("details-words").textContent = said(result.sentence);
  byId("details-words").dataset.sound = result.sound;
  const sum = result.amount_minor ? money(result.amount_minor) : "";
  byId("details-who").textContent = [result.name, sum].filter(Boolean).join(" · ");
  const steps = result.reasons.length ? result.reasons.map(said) : [text("no_steps")];
  byId("steps").replaceChildren(...steps.map((each) => Object.assign(document.createElement("li"), { textContent: each })));
}

byId("explain").addEventListener("click", async () => {
  const answer = await fetch("/explained").catch(() => null);
  open = answer?.ok ? await answer.json() : null;
  if (!open) return;
  drawn = "";
  draw(open);
  byId("details").showModal();
  byId("details").querySelector(".body").focus();
});
byId("details-close").addEventListener("click", () => byId("details").close());
byId("details").addEventListener("close", () => byId("explain").focus());

// Whether the server had a say in this answer.
function drawAsked(id, result, asked) {
  const was = Boolean(result && asked?.number === result.number);
  byId(id).hidden = !was;
  byId(id).dataset.state = asked?.answered ? "yes" : "warn";
  byId(id).textContent = was ? text(asked.answered ? "asked_answered" : "asked_in_vain", { ms: asked.took_ms }) : "";
}

export function drawDetails(screen, { asked }) {
  byId("explain").disabled = !screen.explained;
  drawAsked("asked", screen.result, asked);
  if (!byId("details").open || !open) return;
  draw(open);
  drawAsked("details-asked", open, asked);
}
