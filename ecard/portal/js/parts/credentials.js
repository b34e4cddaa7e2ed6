// The days ahead: which keys to make, when to ask the server, and which credential is good now. A day is
// {date, kind, private, public, credential?, notBeforeS?, notAfterS?}; without a credential it is a key that waits.
import { equal, fromBase64, toHex } from "./bytes.js";
import { CREDENTIAL_BYTES, phonePublic } from "./code.js";
import { makeKey } from "./keys.js";

export const LOW_DAYS = 3;

// Dates ("2026-11-21") from today on, in the institution's zone.
export function datesAhead(nowMs, { zone, count }) {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  const [year, month, day] = parts.format(nowMs).split("-").map(Number);
  return Array.from({ length: count }, (_, ahead) =>
    new Date(Date.UTC(year, month - 1, day + ahead)).toISOString().slice(0, 10),
  );
}

// The credential good now. A day's lives some minutes into the next, so that of two the later one is meant.
export function current(days, nowS) {
  const good = days.filter((day) => day.credential && day.notBeforeS <= nowS && nowS < day.notAfterS);
  return good.reduce((best, day) => (best && best.notBeforeS >= day.notBeforeS ? best : day), null);
}

// Until when there is a code at every moment from now on, unix seconds; null where there is none now.
export function coveredUntilS(days, nowS) {
  let until = null;
  const signed = days.filter((day) => day.credential).sort((left, right) => left.notBeforeS - right.notBeforeS);
  for (const day of signed) {
    const continues = day.notBeforeS <= (until ?? nowS) && day.notAfterS > (until ?? nowS);
    if (continues) until = day.notAfterS;
  }
  return until;
}

// How many days there is a code without a gap, today among them; the minutes that yesterday's lives on are no day.
export function daysLeft(days, nowS) {
  const today = current(days, nowS);
  const until = coveredUntilS(days, nowS);
  const ahead = (day) => day.credential && day.notBeforeS >= today.notBeforeS && day.notAfterS <= until;
  return today ? days.filter(ahead).length : 0;
}

// Why to ask the server for credentials now: "none", "low", "due", "funds", or "" for no need. More money than when
// they were issued is a top-up, which a terminal that is offline can learn of only from the code.
export function renewalReason({ days, values, nowS, funds, lowDays = LOW_DAYS }) {
  if (!current(days, nowS)) return "none";
  if (daysLeft(days, nowS) < lowDays) return "low";
  if (values.nextRenewalS && nowS >= values.nextRenewalS) return "due";
  if (values.fundsAtIssue !== undefined && funds > values.fundsAtIssue) return "funds";
  return "";
}

// Ask for a credential for each of `dates`, making the keys that are missing. Keys are stored before they are sent:
// a credential whose key was lost would be a day without a code.
export async function renew({ store, days, dates, post }) {
  const known = new Map(days.map((day) => [day.date, day]));
  const wanted = [];
  for (const date of dates) wanted.push(known.get(date) ?? { date, ...(await makeKey()) });
  await store.putDays(wanted);
  const answer = await post({ days: wanted.map((day) => ({ date: day.date, public: toHex(day.public) })) });
  const signed = answer.data.credentials.map((each) => accept(each, wanted)).filter(Boolean);
  await store.putDays(signed);
  await store.removeDays(days.filter((day) => day.date < dates[0]).map((day) => day.date));
  const renewed = new Map([...wanted, ...signed].map((day) => [day.date, day]));
  return { days: [...renewed.values()], answer };
}

// Only a credential for the very key that was asked about is of use; any other is left aside.
function accept(each, wanted) {
  const day = wanted.find((one) => one.date === each.date);
  const credential = fromBase64(each.credential);
  if (!day || credential.length !== CREDENTIAL_BYTES || !equal(phonePublic(credential), day.public)) return null;
  return { ...day, credential, notBeforeS: each.not_before_s, notAfterS: each.not_after_s };
}
