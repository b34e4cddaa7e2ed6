// A fresh Ed25519 key for each day. WebCrypto keeps the private half out of reach of any script; where the browser
// lacks Ed25519, or the page is not a secure context, the key is 32 bytes that @noble/ed25519 signs with.
import * as noble from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";

noble.hashes.sha512 = sha512;

export const GUARDED = "webcrypto";
export const BYTES = "bytes";

export async function makeKey() {
  return (await makeGuarded()) ?? makeBytes();
}

async function makeGuarded() {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) return null;
  try {
    const pair = await subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    const raw = await subtle.exportKey("raw", pair.publicKey);
    return { kind: GUARDED, private: pair.privateKey, public: new Uint8Array(raw) };
  } catch {
    return null; // an older browser: NotSupportedError, or a TypeError from an odd polyfill
  }
}

function makeBytes() {
  const seed = globalThis.crypto.getRandomValues(new Uint8Array(32));
  return { kind: BYTES, private: seed, public: noble.getPublicKey(seed) };
}

// 64 bytes over `message`, by a key of either kind.
export async function sign(key, message) {
  if (key.kind === BYTES) return noble.sign(message, key.private);
  return new Uint8Array(await globalThis.crypto.subtle.sign({ name: "Ed25519" }, key.private, message));
}
