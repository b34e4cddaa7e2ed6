import assert from "node:assert/strict";
import { test } from "node:test";
import {
  coveredUntilS,
  current,
  datesAhead,
  daysLeft,
  renew,
  renewalReason,
} from "../../../ecard/portal/js/parts/credentials.js";
import { openStore } from "../../../ecard/portal/js/parts/store.js";

const DAY_S = 86_400;
const START_S = 1_795_190_400; // 2026-11-21 00:00 in Shanghai
const day = (ahead) => ({
  date: `day ${ahead}`,
  credential: new Uint8Array(132),
  notBeforeS: START_S + ahead * DAY_S,
  notAfterS: START_S + (ahead + 1) * DAY_S + 600,
});
const days = (count) => Array.from({ length: count }, (_, ahead) => day(ahead));
const noon = START_S + 12 * 3600;

test("dates are the institution's, whatever the phone's zone", () => {
  const beforeMidnight = Date.parse("2026-12-30T15:59:00Z");
  const after = Date.parse("2026-12-30T16:00:00Z");
  assert.deepEqual(datesAhead(beforeMidnight, { zone: "Asia/Shanghai", count: 2 }), ["2026-12-30", "2026-12-31"]);
  assert.deepEqual(datesAhead(after, { zone: "Asia/Shanghai", count: 3 }), ["2026-12-31", "2027-01-01", "2027-01-02"]);
});

test("in the minutes that two days share, the new day's credential is shown", () => {
  const both = days(2);
  assert.equal(current(both, START_S + DAY_S - 1), both[0]);
  assert.equal(current(both, START_S + DAY_S + 1), both[1]);
  assert.equal(current([...both].reverse(), START_S + DAY_S + 1), both[1]);
});

test("a key that waits for its credential is no code", () => {
  assert.equal(current([{ date: "2026-11-21", public: new Uint8Array(32) }], noon), null);
  assert.equal(daysLeft([{ date: "2026-11-21" }], noon), 0);
});

test("right after midnight the minutes that a day lives on count for no day", () => {
  assert.equal(daysLeft(days(8), START_S + DAY_S - 1), 8);
  assert.equal(daysLeft(days(8), START_S + DAY_S + 1), 7);
  assert.equal(daysLeft(days(1), START_S + DAY_S + 1), 1);
});

test("a gap ends the days that are left", () => {
  assert.equal(daysLeft(days(8), noon), 8);
  assert.equal(daysLeft([day(0), day(1), day(3)], noon), 2);
  assert.equal(coveredUntilS([day(1)], noon), null);
});

for (const [name, expected, given] of [
  ["no credential for now", "none", { days: [day(1)] }],
  ["fewer than three days left", "low", { days: days(2) }],
  ["past the time the server named", "due", { days: days(8), values: { nextRenewalS: noon } }],
  ["more money than when they were issued", "funds", { days: days(8), values: { fundsAtIssue: 100 }, funds: 101 }],
  ["less money than then", "", { days: days(8), values: { fundsAtIssue: 100 }, funds: 99 }],
  ["nothing new", "", { days: days(8), values: { fundsAtIssue: 100, nextRenewalS: noon + 1 }, funds: 100 }],
  ["one day where one was wanted", "", { days: days(1), lowDays: 1 }],
]) {
  test(`renewal with ${name}: "${expected}"`, () => {
    assert.equal(renewalReason({ values: {}, nowS: noon, ...given }), expected);
  });
}

function serverThatSigns({ tamper = (each) => each } = {}) {
  const asked = [];
  const post = async (body) => {
    asked.push(body);
    const credentials = body.days.map(({ date, public: key }, at) => {
      const credential = Buffer.alloc(132, 7);
      Buffer.from(key, "hex").copy(credential, 36);
      const window = { not_before_s: START_S + at * DAY_S, not_after_s: START_S + (at + 1) * DAY_S };
      return tamper({ date, credential: credential.toString("base64"), ...window }, at);
    });
    return { data: { credentials, institution: "EC", next_renewal_s: noon + 3600 } };
  };
  return { asked, post };
}

test("keys are made once, stored before they are sent, and kept when credentials are renewed", async () => {
  const store = await openStore({ persistent: false });
  const { asked, post } = serverThatSigns();
  const dates = ["2026-11-21", "2026-11-22"];
  const first = await renew({ store, days: [], dates, post });
  const again = await renew({ store, days: first.days, dates, post });
  assert.deepEqual(asked[0], asked[1]);
  assert.notEqual(asked[0].days[0].public, asked[0].days[1].public);
  assert.equal((await store.load()).days.length, 2);
  assert.equal(current(again.days, noon).date, "2026-11-21");
});

test("a line cut after sending leaves the keys, and the next try uses them", async () => {
  const store = await openStore({ persistent: false });
  const cut = () => Promise.reject(new Error("cut"));
  await assert.rejects(renew({ store, days: [], dates: ["2026-11-21"], post: cut }));
  const { days: kept } = await store.load();
  assert.equal(kept.length, 1);
  const { asked, post } = serverThatSigns();
  const { days: now } = await renew({ store, days: kept, dates: ["2026-11-21"], post });
  assert.equal(asked[0].days[0].public, Buffer.from(kept[0].public).toString("hex"));
  assert.ok(current(now, noon));
});

test("days gone by are removed with their keys", async () => {
  const store = await openStore({ persistent: false });
  const { post } = serverThatSigns();
  const { days: old } = await renew({ store, days: [], dates: ["2026-11-20"], post });
  await renew({ store, days: old, dates: ["2026-11-21"], post });
  assert.deepEqual((await store.load()).days.map((each) => each.date), ["2026-11-21"]);
});

for (const [name, tamper] of [
  ["for another key", (each) => ({ ...each, credential: Buffer.alloc(132, 9).toString("base64") })],
  ["cut short", (each) => ({ ...each, credential: each.credential.slice(0, 40) })],
  ["for a day nobody asked about", (each) => ({ ...each, date: "2027-01-01" })],
]) {
  test(`a credential ${name} is left aside`, async () => {
    const store = await openStore({ persistent: false });
    const { post } = serverThatSigns({ tamper });
    const { days: now } = await renew({ store, days: [], dates: ["2026-11-21"], post });
    assert.equal(current(now, noon), null);
  });
}
