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

// The moment of a sale: the time alone today, else with its date.
export function moment(atMs, nowMs, { language, zone }) {
  const day = (ms) => new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(ms);
  const time = { hour: "2-digit", minute: "2-digit", hour12: false, timeZone: zone };
  const form = day(atMs) === day(nowMs) ? time : { ...time, month: "short", day: "numeric" };
  return new Intl.DateTimeFormat(language, form).format(atMs);
}
