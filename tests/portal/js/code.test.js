// The phone's half of the code, held to the vectors that both sides and the independent decoder share.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as base45 from "../../../ecard/portal/js/parts/base45.js";
import { momentMessage, phonePublic, show } from "../../../ecard/portal/js/parts/code.js";
import { BYTES, GUARDED, makeKey, sign } from "../../../ecard/portal/js/parts/keys.js";
import { matrix } from "../../../ecard/portal/js/parts/qr.js";

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url)));
const hex = (text) => new Uint8Array(Buffer.from(text, "hex"));
const toHex = (bytes) => Buffer.from(bytes).toString("hex");

const { keys, codes } = vectors("code");
const deviceBound = codes.filter((code) => code.kind === 0xe2);
const CREDENTIAL_BYTES = 132;
const PKCS8_ED25519 = "302e020100300506032b657004220420";

async function signers(seed) {
  const pkcs8 = hex(PKCS8_ED25519 + seed);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
  return [
    { kind: BYTES, private: hex(seed) },
    { kind: GUARDED, private: key },
  ];
}

test("there are vectors to be held to", () => assert.ok(deviceBound.length > 0));

for (const { text, bytes } of vectors("base45").pairs) {
  test(`base45 of ${bytes || "nothing"} is "${text}"`, () => assert.equal(base45.encode(hex(bytes)), text));
}

for (const code of deviceBound) {
  const credential = hex(code.bytes).slice(0, CREDENTIAL_BYTES);

  test(`${code.name}: the message to sign is the vector's`, () => {
    assert.equal(toHex(momentMessage(credential, code.shown_at_s, code.challenge)), code.moment_message);
    assert.equal(toHex(phonePublic(credential)), code.phone_public ?? keys.phone_public);
  });

  test(`${code.name}: both kinds of key draw the vector's text`, async () => {
    for (const key of await signers(keys.phone_seed)) {
      const text = await show(credential, {
        institution: code.institution,
        shownAtS: code.shown_at_s,
        challenge: code.challenge,
        sign: (message) => sign(key, message),
      });
      assert.equal(text, code.text);
    }
  });

  test(`${code.name}: fits QR version 10 at level M`, () => assert.equal(matrix(code.text).size, 57));
}

for (const code of codes.filter((each) => each.kind === 0xe1)) {
  test(`${code.name}: fits QR version 6 at level M`, () => assert.equal(matrix(code.text).size, 41));
}

for (const [at, { seed, message, signature }] of vectors("ed25519").cases.entries()) {
  test(`RFC 8032 case ${at + 1} holds for both kinds of key`, async () => {
    for (const key of await signers(seed)) assert.equal(toHex(await sign(key, hex(message))), signature);
  });
}

test("WebCrypto's private half cannot be taken out", async () => {
  const key = await makeKey();
  assert.equal(key.kind, GUARDED);
  await assert.rejects(crypto.subtle.exportKey("pkcs8", key.private));
});

for (const [name, broken] of [
  ["lacks Ed25519", { generateKey: () => Promise.reject(new DOMException("no", "NotSupportedError")) }],
  ["has no WebCrypto (http on a LAN)", undefined],
]) {
  test(`a browser that ${name} gets a key of bytes that signs`, async (context) => {
    context.mock.getter(globalThis.crypto, "subtle", () => broken);
    const key = await makeKey();
    assert.equal(key.kind, BYTES);
    const message = new Uint8Array([1, 2, 3]);
    const signature = await sign(key, message);
    context.mock.restoreAll();
    const open = await crypto.subtle.importKey("raw", key.public, { name: "Ed25519" }, false, ["verify"]);
    assert.ok(await crypto.subtle.verify({ name: "Ed25519" }, open, signature, message));
  });
}
