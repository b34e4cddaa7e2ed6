// The cashier's side: keypad, scanner, reversal, and the switches of the virtual hardware.
import { drawBasket } from "/static/basket.js";
import { drawDetails } from "/static/details.js";
import { drawProducts, isTyping } from "/static/products.js";
import { current, money, send, start, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
const FRAME_MS = 120;
let typed = "";
let soldMs = 0;
let stream = null;

const complain = (id, said) => {
  byId(id).textContent = said;
  byId(id).hidden = !said;
};

// ---- amount
// One request at a time, in the order of the keys: of two on their way at once, the older could arrive later.
let pending = 0;
let queue = Promise.resolve();
function inOrder(path, body) {
  pending += 1;
  queue = queue.then(async () => {
    try {
      await send(path, body());
      complain("entry-error", "");
    } catch (error) {
      complain("entry-error", error.message);
    }
    pending -= 1;
  });
}

function enter(next) {
  typed = next;
  inOrder("/amount", () => ({ amount: typed }));
}

function press(key) {
  if (!isTyping(current())) return;
  const next = typed + key;
  if (key === "clear") enter("");
  else if (key === "back") enter(typed.slice(0, -1));
  else if (/^\d{0,6}(\.\d{0,2})?$/.test(next)) enter(next === "." ? "0." : next);
}

byId("keypad").addEventListener("click", (event) => event.target.dataset.key && press(event.target.dataset.key));
document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^[0-9.]$/.test(event.key)) press(event.key);
  else if (event.key === "Backspace") press("back");
  else if (event.key === "Escape") press("clear");
});

document.querySelectorAll(".modes [data-mode]").forEach((button) =>
  button.addEventListener("click", () => {
    const { mode } = button.dataset;
    const fixed = mode === "fixed" ? typed || (current().amount_minor / 100).toFixed(2) : "";
    typed = "";
    inOrder("/mode", () => ({ mode, fixed }));
  }),
);

// ---- products
const change = (product, quantity) => inOrder("/product", () => ({ product, quantity, more: true }));
byId("clear-basket").addEventListener("click", () => {
  typed = "";
  inOrder("/clear", () => ({}));
});

// ---- scanner
async function scan(picture, { quiet = false } = {}) {
  if (!quiet) byId("scanner-note").textContent = text("reading");
  try {
    const answer = await send(quiet ? "/scan?frame" : "/scan", picture, picture.type || "image/png");
    byId("scanner-note").textContent = answer.read || quiet ? "" : text("no_code");
    return answer;
  } catch (error) {
    byId("scanner-note").textContent = error.message;
    return { read: false };
  }
}

document.addEventListener("paste", (event) => {
  const picture = [...event.clipboardData.files].find((file) => file.type.startsWith("image/"));
  if (picture) scan(picture);
});
const zone = byId("dropzone");
for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => (event.preventDefault(), zone.classList.add("over")));
for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, () => zone.classList.remove("over"));
zone.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) scan(event.dataTransfer.files[0]);
});
byId("picture").addEventListener("change", async (event) => {
  const [picture] = event.target.files;
  if (picture) await scan(picture);
  event.target.value = "";
});

const video = byId("video");
const canvas = document.createElement("canvas");
async function frames() {
  while (stream) {
    const began = performance.now();
    if (video.videoWidth) {
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      canvas.getContext("2d").drawImage(video, 0, 0);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
      if (picture && stream) await scan(picture, { quiet: true });
    }
    await new Promise((done) => setTimeout(done, Math.max(0, FRAME_MS - (performance.now() - began))));
  }
}

byId("camera").addEventListener("click", async () => {
  if (stream) {
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
  } else {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
      video.srcObject = stream;
      await video.play();
      frames();
    } catch {
      stream = null;
      byId("scanner-note").textContent = text("camera_refused");
    }
  }
  video.hidden = !stream;
  zone.hidden = Boolean(stream);
  byId("camera").dataset.text = stream ? "camera_off" : "camera_on";
  byId("camera").textContent = text(byId("camera").dataset.text);
});

// ---- sale and hardware
byId("reverse").addEventListener("click", () => send("/reverse"));
byId("confirm-clock").addEventListener("click", () => send("/confirm-clock"));
byId("power").addEventListener("click", () => send("/power").catch(() => undefined));
byId("enrol-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/enrol", { code: byId("enrol-code").value });
    complain("enrol-error", "");
  } catch (error) {
    complain("enrol-error", error.message);
  }
});
const line = byId("line");
let switched = 0; // an answer from before the last switch tells the past
line.addEventListener("change", (event) => {
  switched += 1;
  send("/line", { mode: event.target.value }).catch(drawLine);
});
async function drawLine() {
  const asked = switched;
  const answer = await fetch("/line").catch(() => null);
  const known = answer?.ok ? (await answer.json()).mode : null;
  if (asked !== switched) return;
  line.disabled = known === null;
  line.querySelectorAll("input").forEach((input) => (input.checked = input.value === known));
}
drawLine();
setInterval(drawLine, 5000);

start((screen, language) => {
  const typing = isTyping(screen) || screen.mode === "fixed";
  const products = screen.mode === "products";
  byId("entered").textContent = money(products ? screen.basket.other_minor : screen.amount_minor);
  // A sale or a power cut has taken the amount. (That it is 0 proves nothing: the event may be older than the key.)
  const sold = ["approved", "warned"].includes(screen.result?.sound) && screen.result.at_ms !== soldMs;
  if (sold) soldMs = screen.result.at_ms;
  if ((sold || document.body.hasAttribute("data-lost")) && !pending) typed = "";
  document.querySelectorAll(".modes [data-mode]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === screen.mode)));
  byId("typing").hidden = !typing;
  byId("goods").hidden = !products;
  byId("identity").hidden = screen.mode !== "identity";
  if (products) drawProducts(screen, language, change);
  drawBasket(screen, language, change);
  drawDetails(screen);
  document.querySelectorAll("#keypad button").forEach((button) => (button.disabled = screen.mode === "fixed"));
  const last = screen.last_sale;
  byId("reverse").disabled = !last?.reversible;
  const told = last?.amount_minor ? text("reverse_of", { sum: money(last.amount_minor) }) : text("reverse_meal");
  byId("reverse").textContent = last?.reversible ? told : text("reverse");
  byId("confirm-clock").hidden = screen.clock_ok;
  byId("enrol").hidden = screen.phase !== "unenrolled";
});
