// A QR picture whose modules are whole device pixels, black on white whatever the theme, quiet zone included.
import { correction, generate, mode } from "lean-qr";

const QUIET = 4;

// The matrix of `text` (QR alphanumeric mode, level M, the smallest version that holds it).
export function matrix(text) {
  return generate(mode.alphaNumeric(text), { minCorrectionLevel: correction.M, maxCorrectionLevel: correction.M });
}

// Draw into `canvas`, as large as fits `room` CSS pixels.
export function draw(canvas, text, { room, density = globalThis.devicePixelRatio || 1 }) {
  const code = matrix(text);
  const across = code.size + 2 * QUIET;
  const cell = Math.max(1, Math.floor((room * density) / across));
  const side = across * cell;
  canvas.width = side;
  canvas.height = side;
  canvas.style.width = `${side / density}px`;
  canvas.style.height = `${side / density}px`;
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.fillStyle = "#000";
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (code.get(x, y)) context.fillRect((x + QUIET) * cell, (y + QUIET) * cell, cell, cell);
    }
  }
}
