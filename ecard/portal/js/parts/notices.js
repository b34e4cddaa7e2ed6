// Puts the notes of status.js on the page. Replaced only when they changed, so that a screen reader says each once.
import { element } from "./dom.js";
import { fill } from "./texts.js";

export class Notices {
  constructor({ loud, quiet, texts, actions }) {
    Object.assign(this, { loud, quiet, texts, actions });
    this.said = "";
  }

  say(notes) {
    const key = JSON.stringify(notes);
    if (key === this.said) return;
    this.said = key;
    const isQuiet = (note) => note.tone === "quiet";
    this.loud.replaceChildren(...notes.filter((note) => !isQuiet(note)).map((note) => this.note(note)));
    this.quiet.replaceChildren(
      ...notes.filter(isQuiet).map((note) => element("p", { class: "quiet-text" }, fill(this.texts[note.text]))),
    );
  }

  note({ tone, text, params, action }) {
    const said = element("p", {}, fill(this.texts[text], params));
    return element("div", { class: `note ${tone}`, "data-note": text }, said, action ? this.button(action) : null);
  }

  button(action) {
    const { label, href, run } = this.actions[action];
    if (href) return element("a", { class: "button", href }, this.texts[label]);
    const button = element("button", { class: "button", type: "button" }, this.texts[label]);
    button.addEventListener("click", run);
    return button;
  }
}
