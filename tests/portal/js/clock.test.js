import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../../ecard/portal/js/parts/clock.js";

function phone({ offsetMs = 0 } = {}) {
  const hands = { wall: 1_000_000, steady: 5_000 };
  const clock = new Clock({ offsetMs, wall: () => hands.wall, steady: () => hands.steady });
  const pass = (ms, { wallMs = ms } = {}) => {
    hands.wall += wallMs;
    hands.steady += ms;
  };
  return { clock, pass, hands };
}

test("a server's stamp halfway through the trip becomes the time of the code", () => {
  const { clock } = phone();
  assert.equal(clock.measure(1_060_100, 1_000_000, 1_000_200), true);
  assert.equal(clock.nowMs(), 1_060_000);
  assert.equal(clock.offS(), -60);
});

test("a trip too long to tell anything is not believed", () => {
  const { clock } = phone({ offsetMs: 7 });
  assert.equal(clock.measure(9_000_000, 1_000_000, 1_011_000), false);
  assert.equal(clock.measure(9_000_000, 1_000_000, 999_000), false);
  assert.equal(clock.offsetMs, 7);
});

test("an offset that nobody would notice is not told", () => {
  assert.equal(phone({ offsetMs: 4_900 }).clock.offS(), 0);
  assert.equal(phone({ offsetMs: -5_000 }).clock.offS(), 5);
});

test("setting a fast clock right leaves the code's time where it was", () => {
  const { clock, pass } = phone({ offsetMs: -60_000 });
  const before = clock.nowMs();
  pass(1_000, { wallMs: 1_000 - 60_000 });
  assert.equal(clock.tick(), true);
  assert.equal(clock.nowMs(), before + 1_000);
  assert.equal(clock.offS(), 0);
});

test("setting a slow clock right in view of the page leaves the code's time where it was", () => {
  const { clock, pass } = phone({ offsetMs: 60_000 });
  const before = clock.nowMs();
  pass(1_000, { wallMs: 61_000 });
  assert.equal(clock.tick(), true);
  assert.equal(clock.nowMs(), before + 1_000);
});

test("a phone that slept has not jumped, though its steady clock stood still", () => {
  const { clock, pass } = phone({ offsetMs: 60_000 });
  clock.pause();
  pass(500, { wallMs: 3_600_000 });
  assert.equal(clock.tick(), false);
  assert.equal(clock.offsetMs, 60_000);
});

test("ordinary seconds change nothing", () => {
  const { clock, pass } = phone({ offsetMs: 123 });
  for (let second = 0; second < 100; second += 1) {
    pass(1_000, { wallMs: 1_003 });
    assert.equal(clock.tick(), false);
  }
  assert.equal(clock.offsetMs, 123);
});
