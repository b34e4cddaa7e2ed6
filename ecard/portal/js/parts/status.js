// What the page has to say about itself, worst first: pure, from facts to notes {tone, text, params, action?}.
import { LOW_DAYS } from "./credentials.js";
import { BYTES } from "./keys.js";

export function notes(facts) {
  return [...refusalNotes(facts), ...codeNotes(facts), ...clockNotes(facts), ...storageNotes(facts)];
}

function refusalNotes({ refusal }) {
  return refusal ? [{ tone: "no", text: "refused", params: { detail: refusal }, action: "retry" }] : [];
}

function codeNotes({ hasCode, hasDays, daysLeft, lowDays = LOW_DAYS, online, signedOut, evicted, starting, refusal }) {
  if (starting) return [];
  const signIn = { action: "sign-in" };
  if (!hasCode && evicted) return [{ tone: "no", text: "evicted", ...(online ? signIn : {}) }];
  if (!hasCode && signedOut) return [{ tone: "no", text: "signed_out_no_code", ...signIn }];
  if (!hasCode && !online) return [{ tone: "no", text: hasDays ? "expired_offline" : "nothing_offline" }];
  if (!hasCode && refusal) return [];
  if (!hasCode) return [{ tone: "no", text: "no_code", action: "retry" }];
  if (signedOut) return [{ tone: "warn", text: "signed_out", params: { days: daysLeft }, ...signIn }];
  if (daysLeft < lowDays) return [{ tone: "warn", text: "low", params: { days: daysLeft } }];
  return [];
}

function clockNotes({ clockOffS }) {
  if (!clockOffS) return [];
  const text = clockOffS > 0 ? "clock_fast" : "clock_slow";
  return [{ tone: "warn", text, params: { seconds: Math.abs(clockOffS) } }];
}

function storageNotes({ secure, persistent, promised, restored, keyKind }) {
  const said = [];
  if (restored) said.push({ tone: "yes", text: "restored" });
  if (!secure) return [...said, { tone: "info", text: "not_secure" }];
  if (!persistent) return [...said, { tone: "warn", text: "storage_denied" }];
  if (promised === false) said.push({ tone: "quiet", text: "storage_not_promised" });
  if (keyKind === BYTES) said.push({ tone: "quiet", text: "no_ed25519" });
  return said;
}
