// The code on the screen: a new moment every 5 s, the countdown to it, and as large as the place allows.
import { REDRAW_S, show } from "./code.js";
import { current } from "./credentials.js";
import { sign } from "./keys.js";
import { draw } from "./qr.js";

const LOOK_MS = 200;

export class Panel {
  constructor({ elements, clock, onNoCode, onBroken }) {
    Object.assign(this, { elements, clock, onNoCode, onBroken });
    this.days = [];
    this.institution = "";
    this.drawn = null; // {date, atMs, text}
    this.waiting = false;
  }

  // Give it the days it may show; draws at once where something changed.
  async use(days, institution) {
    this.days = days;
    this.institution = institution;
    this.drawn = null;
    await this.look();
  }

  start() {
    setInterval(() => this.look(), LOOK_MS);
  }

  get hasCode() {
    return Boolean(this.institution) && current(this.days, this.clock.nowS()) !== null;
  }

  async look() {
    if (this.waiting || document.hidden) return;
    const day = this.institution ? current(this.days, this.clock.nowS()) : null;
    if (!day) return this.empty();
    const passedMs = this.drawn ? this.clock.nowMs() - this.drawn.atMs : Infinity;
    if (this.drawn?.day === day && passedMs >= 0 && passedMs < REDRAW_S * 1000) return this.count(passedMs);
    this.waiting = true;
    try {
      await this.redraw(day);
      this.count(0);
    } finally {
      this.waiting = false;
    }
  }

  async redraw(day) {
    const atMs = this.clock.nowMs();
    const shownAtS = Math.floor(atMs / 1000);
    let text;
    try {
      text = await show(day.credential, {
        institution: this.institution,
        shownAtS,
        sign: (message) => sign(day, message),
      });
    } catch {
      this.days = this.days.filter((each) => each !== day);
      this.onBroken(day); // a stored key this browser can no longer use
      return;
    }
    this.drawn = { day, atMs, text };
    this.fit();
    if (this.elements.frame.dataset.state !== "shown") {
      this.elements.frame.dataset.state = "shown";
      requestAnimationFrame(() => performance.mark("code-visible"));
    }
  }

  // Draw the text again at the size there is now (turned phone, lit screen).
  fit() {
    if (!this.drawn) return;
    const { canvas, frame } = this.elements;
    const lit = document.body.classList.contains("lit");
    const share = lit ? 0.82 : 0.62;
    const room = Math.min(lit ? innerWidth : frame.clientWidth, Math.max(240, innerHeight * share), 560);
    draw(canvas, this.drawn.text, { room });
  }

  count(passedMs) {
    const leftMs = REDRAW_S * 1000 - passedMs;
    this.elements.bar.style.transform = `scaleX(${Math.max(0, leftMs / (REDRAW_S * 1000))})`;
    const seconds = String(Math.max(1, Math.ceil(leftMs / 1000)));
    if (this.elements.seconds.textContent !== seconds) this.elements.seconds.textContent = seconds;
  }

  empty() {
    if (this.elements.frame.dataset.state === "empty") return;
    this.drawn = null;
    this.elements.frame.dataset.state = "empty";
    this.elements.canvas.width = this.elements.canvas.width;
    this.onNoCode();
  }
}
