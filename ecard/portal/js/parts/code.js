// The device-bound code, format 1, as devices/core/code.py lays it out: the credential that the server signed,
// then the moment that this phone signs. Both sides are held to tests/vectors.
import * as base45 from "./base45.js";
import { join } from "./bytes.js";

export const CREDENTIAL_BYTES = 132;
export const REDRAW_S = 5;
const FORMAT = "C1";
const MOMENT_DOMAIN = new TextEncoder().encode("ecard/code/1/moment\0");
const CODE_ID = [8, 16];
const PHONE_PUBLIC = [36, 68];

function moment(shownAtS, challenge) {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, shownAtS);
  view.setUint32(4, challenge);
  return bytes;
}

// What the phone signs: domain, code id, time shown, challenge (0 = none).
export function momentMessage(credential, shownAtS, challenge = 0) {
  return join(MOMENT_DOMAIN, credential.slice(...CODE_ID), moment(shownAtS, challenge));
}

// The public key that a credential was signed for.
export function phonePublic(credential) {
  return credential.slice(...PHONE_PUBLIC);
}

// The text to draw. `sign` takes the message and gives 64 bytes, or a promise of them.
export async function show(credential, { institution, shownAtS, sign, challenge = 0 }) {
  const signature = await sign(momentMessage(credential, shownAtS, challenge));
  return FORMAT + institution + base45.encode(join(credential, moment(shownAtS, challenge), signature));
}
