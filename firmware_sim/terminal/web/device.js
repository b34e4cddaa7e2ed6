// Any simulated device: its scanner and card reader, the last sale, and the switches of the virtual hardware.
import { drawDetails } from "/static/details.js";
import { drawParts } from "/static/parts.js";
import { money, send, start, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
const own = await import(`/static/kinds/${document.documentElement.dataset.kind}.js`);
const FRAME_MS = 120;
let stream = null;

const complain = (id, said) => {
  byId(id).textContent = said;
  byId(id).hidden = !said;
};

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
let switched = 0; // what was asked before the last switch was made tells the past
let switching = 0;
line.addEventListener("change", async (event) => {
  switching += 1;
  await send("/line", { mode: event.target.value }).catch(() => undefined);
  switching -= 1;
  switched += 1;
  drawLine();
});
async function drawLine() {
  const asked = switched;
  const answer = await fetch("/line").catch(() => null);
  const known = answer?.ok ? (await answer.json()).mode : null;
  if (switching || asked !== switched) return;
  line.disabled = known === null;
  line.querySelectorAll("input").forEach((input) => (input.checked = input.value === known));
}
drawLine();
setInterval(drawLine, 5000);

start((screen, language, parts) => {
  own.draw(screen, language, parts);
  drawDetails(screen, parts);
  drawParts(screen, language, parts);
  const last = screen.last_sale;
  byId("reverse").disabled = !last?.reversible;
  const told = last?.amount_minor ? text("reverse_of", { sum: money(last.amount_minor) }) : text("reverse_meal");
  byId("reverse").textContent = last?.reversible ? told : text("reverse");
  byId("confirm-clock").hidden = screen.clock_ok;
  byId("enrol").hidden = screen.phase !== "unenrolled";
});
