// Lit for scanners: the whole screen white around a larger code, and kept awake while the code is in view.
export class Screen {
  constructor({ button, texts, onFit }) {
    Object.assign(this, { button, texts, onFit });
    this.lock = null;
    button.addEventListener("click", () => this.light(!this.isLit));
    button.disabled = false; // until here, a press would have been lost
    addEventListener("keydown", (event) => event.key === "Escape" && this.isLit && this.light(false));
    addEventListener("resize", onFit);
  }

  get isLit() {
    return document.body.classList.contains("lit");
  }

  light(on) {
    document.body.classList.toggle("lit", on);
    this.button.setAttribute("aria-pressed", String(on));
    this.button.textContent = on ? this.texts.dim : this.texts.light;
    this.onFit();
  }

  // A phone that falls asleep in the queue is a phone that must be unlocked at the till.
  async stayAwake() {
    if (this.lock || document.hidden || !navigator.wakeLock) return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
      this.lock.addEventListener("release", () => (this.lock = null));
    } catch {
      this.lock = null; // low battery, or not allowed: the page works all the same
    }
  }
}
