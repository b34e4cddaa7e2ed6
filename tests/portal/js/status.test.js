import assert from "node:assert/strict";
import { test } from "node:test";
import { notes } from "../../../ecard/portal/js/parts/status.js";

const well = {
  hasCode: true,
  hasDays: true,
  daysLeft: 8,
  online: true,
  signedOut: false,
  evicted: false,
  restored: false,
  starting: false,
  refusal: "",
  clockOffS: 0,
  secure: true,
  persistent: true,
  promised: true,
  keyKind: "webcrypto",
};

for (const [name, facts, expected] of [
  ["all is well", {}, []],
  ["offline with a code", { online: false }, []],
  ["still starting", { hasCode: false, starting: true }, []],
  ["credentials run low", { daysLeft: 2, online: false }, ["low"]],
  ["one day was all that was asked for", { daysLeft: 1, lowDays: 1 }, []],
  ["credentials expired offline", { hasCode: false, daysLeft: 0, online: false }, ["expired_offline"]],
  ["never been here, offline", { hasCode: false, hasDays: false, online: false }, ["nothing_offline"]],
  ["storage cleared, offline", { hasCode: false, hasDays: false, evicted: true, online: false }, ["evicted"]],
  ["storage cleared and brought back", { restored: true }, ["restored"]],
  ["session over, code good", { signedOut: true, daysLeft: 5 }, ["signed_out"]],
  ["session over, no code", { signedOut: true, hasCode: false }, ["signed_out_no_code"]],
  ["the account was stopped", { hasCode: false, refusal: "Stopped." }, ["refused"]],
  ["the server failed", { hasCode: false }, ["no_code"]],
  ["the phone's clock is fast", { clockOffS: 42 }, ["clock_fast"]],
  ["the phone's clock is slow", { clockOffS: -42 }, ["clock_slow"]],
  ["storage denied", { persistent: false }, ["storage_denied"]],
  ["http on a LAN", { secure: false, persistent: false }, ["not_secure"]],
  ["a browser without Ed25519", { keyKind: "bytes" }, ["no_ed25519"]],
  ["storage not promised", { promised: false }, ["storage_not_promised"]],
]) {
  test(`${name}: ${expected.join(", ") || "nothing to say"}`, () => {
    assert.deepEqual(notes({ ...well, ...facts }).map((note) => note.text), expected);
  });
}

test("evicted online offers the one sign-in that restores it", () => {
  const [note] = notes({ ...well, hasCode: false, hasDays: false, evicted: true });
  assert.equal(note.action, "sign-in");
});
