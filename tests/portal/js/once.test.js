import assert from "node:assert/strict";
import { test } from "node:test";
import { Once, PRESS_MS } from "../../../ecard/portal/js/parts/once.js";

test("a double press sends a form once, and a press after a while sends it again", () => {
  let nowMs = 0;
  const once = new Once({ nowMs: () => nowMs });
  const form = {};
  assert.equal(once.lets(form), true);
  nowMs += PRESS_MS - 1;
  assert.equal(once.lets(form), false);
  nowMs += 1;
  assert.equal(once.lets(form), true);
});

test("another form is not held up", () => {
  const once = new Once({ nowMs: () => 0 });
  assert.equal(once.lets({}), true);
  assert.equal(once.lets({}), true);
});
