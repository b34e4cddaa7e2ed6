// The server's time, as far as this phone knows it: the phone's clock plus an offset measured when last online.
// A code carries this time, so a phone whose clock is off still pays after one contact, and is told about it.
export const TELL_FROM_MS = 5000;
const BELIEVE_ROUND_TRIP_MS = 10000;
const JUMP_MS = 3000;
const UNBROKEN_MS = 2000;

export class Clock {
  constructor({ offsetMs = 0, wall = () => Date.now(), steady = () => performance.now() } = {}) {
    this.offsetMs = offsetMs;
    this.wall = wall;
    this.steady = steady;
    this.last = { wall: wall(), steady: steady() };
  }

  nowMs() {
    return this.wall() + this.offsetMs;
  }

  nowS() {
    return Math.floor(this.nowMs() / 1000);
  }

  // Believe a server's stamp, halfway between question and answer. False where the trip took too long to tell.
  measure(serverMs, sentMs, receivedMs) {
    if (receivedMs < sentMs || receivedMs - sentMs > BELIEVE_ROUND_TRIP_MS) return false;
    this.offsetMs = Math.round(serverMs - (sentMs + receivedMs) / 2);
    return true;
  }

  // Called about once a second. Somebody setting the phone's clock shows as wall time leaving steady time behind;
  // the offset moves with it, so that setting the clock right does not spoil the code. Steady time may stand still
  // while the phone sleeps, so a leap forward is believed only without a pause. True where it jumped.
  tick() {
    const now = { wall: this.wall(), steady: this.steady() };
    const passed = { wall: now.wall - this.last.wall, steady: now.steady - this.last.steady };
    this.last = now;
    const jump = passed.wall - passed.steady;
    const setBack = jump < -JUMP_MS;
    const setForward = jump > JUMP_MS && passed.steady < UNBROKEN_MS && !this.paused;
    this.paused = false;
    if (!setBack && !setForward) return false;
    this.offsetMs = Math.round(this.offsetMs - jump);
    return true;
  }

  // The page was hidden or asleep: the next leap forward proves nothing.
  pause() {
    this.paused = true;
  }

  // Seconds by which the phone's clock is fast (positive) or slow, or 0 where nobody need be told.
  offS() {
    return Math.abs(this.offsetMs) < TELL_FROM_MS ? 0 : Math.round(-this.offsetMs / 1000);
  }
}
