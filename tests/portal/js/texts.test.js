import assert from "node:assert/strict";
import { test } from "node:test";
import { age, day, fill, moment } from "../../../ecard/portal/js/parts/texts.js";

test("an age is told in the page's language", () => {
  const now = 10_000_000_000;
  const english = { language: "en", justNow: "just now" };
  assert.equal(age(now - 30_000, now, english), "just now");
  assert.equal(age(now + 5_000, now, english), "just now");
  assert.equal(age(now - 3 * 60_000, now, english), "3 minutes ago");
  assert.equal(age(now - 50 * 3_600_000, now, english), "2 days ago");
  assert.equal(age(now - 3 * 60_000, now, { language: "zh-hans", justNow: "刚刚" }), "3分钟前");
});

test("a text keeps what it was given no word for", () => {
  assert.equal(fill("{days} of {total}", { days: 3 }), "3 of {total}");
});

test("today's sale has a time, an older one its date too", () => {
  const now = Date.parse("2026-11-21T04:00:00Z");
  const form = { language: "en", zone: "Asia/Shanghai" };
  assert.equal(moment(now - 60_000, now, form), "11:59");
  assert.match(moment(now - 86_400_000, now, form), /Nov 20.*12:00/);
});

test("a date of another year says which: a subsidy until this day next year does not end today", () => {
  const now = Date.parse("2026-11-22T04:00:00Z");
  const english = { language: "en", zone: "Asia/Shanghai" };
  assert.equal(day(Date.parse("2026-12-31T15:59:59Z"), now, english), "Dec 31");
  assert.equal(day(Date.parse("2026-12-31T16:00:00Z"), now, english), "Jan 1, 2027");
  assert.equal(day(Date.parse("2027-11-22T04:00:00Z"), now, { ...english, language: "zh-hans" }), "2027年11月22日");
  assert.match(moment(Date.parse("2025-11-22T04:00:00Z"), now, english), /Nov 22, 2025.*12:00/);
});

test("a minute past midnight is told as 00:01", () => {
  const at = Date.parse("2026-11-20T16:01:00Z");
  assert.equal(moment(at, at, { language: "en", zone: "Asia/Shanghai" }), "00:01");
});
