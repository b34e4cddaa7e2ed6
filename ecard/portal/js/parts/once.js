// A second press right after the first would be answered in its place: it finds nothing left to do, and says so.
// Later it is meant: the first may have been lost on the way.
export const PRESS_MS = 1000;

export class Once {
  constructor({ nowMs = () => performance.now() } = {}) {
    this.nowMs = nowMs;
    this.sent = new WeakMap();
  }

  // Whether this form may be sent now.
  lets(form) {
    const nowMs = this.nowMs();
    if (nowMs - (this.sent.get(form) ?? -Infinity) < PRESS_MS) return false;
    this.sent.set(form, nowMs);
    return true;
  }
}
