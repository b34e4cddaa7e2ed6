// Base45 (RFC 9285): the alphabet of QR alphanumeric mode, two bytes in three characters.
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

export function encode(bytes) {
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    const number = bytes[at] * 256 + bytes[at + 1];
    const high = Math.floor(number / 2025);
    const rest = number % 2025;
    text += ALPHABET[rest % 45] + ALPHABET[Math.floor(rest / 45)] + ALPHABET[high];
  }
  if (bytes.length % 2) {
    const last = bytes[bytes.length - 1];
    text += ALPHABET[last % 45] + ALPHABET[Math.floor(last / 45)];
  }
  return text;
}
