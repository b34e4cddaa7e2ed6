// The ways a request can end that the page must tell apart: an answer, "sign in", a refusal, and no network.
export class SignedOut extends Error {}
export class Unreachable extends Error {}
export class Refused extends Error {
  constructor(url, { why = "", detail = "" } = {}) {
    super(`${url}: ${why}`);
    this.detail = detail; // a sentence for the person, where the server has one
  }
}

const TIMEOUT_MS = 15000;

export function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

// JSON of `url`; with `body` a POST. Gives {data, sentMs, receivedMs} by the phone's own clock.
export async function request(url, { body, csrfCookie = "csrftoken" } = {}) {
  const headers = { Accept: "application/json", "Accept-Language": document.documentElement.lang };
  const options = { headers, credentials: "same-origin", cache: "no-store", redirect: "error" };
  if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    headers["X-CSRFToken"] = cookie(csrfCookie);
    Object.assign(options, { method: "POST", body: JSON.stringify(body) });
  }
  const ending = new AbortController();
  const late = setTimeout(() => ending.abort(), TIMEOUT_MS);
  const sentMs = Date.now();
  try {
    const response = await fetch(url, { ...options, signal: ending.signal });
    const receivedMs = Date.now();
    const data = await response.json().catch(() => ({}));
    if (response.ok) return { data, sentMs, receivedMs };
    // A person the server knows but refuses is told why; without a `why` it does not know who asks.
    if ([401, 403].includes(response.status) && !data.why) throw new SignedOut(url);
    throw new Refused(url, data);
  } catch (error) {
    if (error instanceof SignedOut || error instanceof Refused) throw error;
    throw new Unreachable(String(error));
  } finally {
    clearTimeout(late);
  }
}
