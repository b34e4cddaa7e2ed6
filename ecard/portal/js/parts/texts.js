// Words come from the page, which the server rendered through gettext: one catalogue for both sides.
export function readJson(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

export function fill(template, params = {}) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

// "3 minutes ago" in the page's language; under a minute, `justNow`.
export function age(thenMs, nowMs, { language, justNow }) {
  const seconds = Math.max(0, (nowMs - thenMs) / 1000);
  for (const [unit, size] of UNITS) {
    if (seconds >= size) {
      return new Intl.RelativeTimeFormat(language, { numeric: "always" }).format(-Math.floor(seconds / size), unit);
    }
  }
  return justNow;
}

const SAME_DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const SAME_YEAR = { year: "numeric" };

function same(parts, oneMs, otherMs, zone) {
  const form = new Intl.DateTimeFormat("en", { ...parts, timeZone: zone });
  return form.format(oneMs) === form.format(otherMs);
}

// The date, with its year where that is not this one: "Nov 22" alone would be read as the nearest.
function dated(atMs, nowMs, zone) {
  const year = same(SAME_YEAR, atMs, nowMs, zone) ? {} : SAME_YEAR;
  return { ...year, month: "short", day: "numeric", timeZone: zone };
}

export function day(atMs, nowMs, { language, zone }) {
  return new Intl.DateTimeFormat(language, dated(atMs, nowMs, zone)).format(atMs);
}

// The moment of a sale: the time alone today, else with its date.
export function moment(atMs, nowMs, { language, zone }) {
  const time = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  const form = same(SAME_DAY, atMs, nowMs, zone) ? time : { ...time, ...dated(atMs, nowMs, zone) };
  return new Intl.DateTimeFormat(language, form).format(atMs);
}
