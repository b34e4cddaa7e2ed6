// A second host of the code: it signs nothing. It fetches a list of pre-signed codes, one for each minute of the
// serving hours ahead, keeps it, and shows the one of now. All that a bank's app or a mini-program would need.
import { correction, generate, mode } from "lean-qr";

const canvas = document.getElementById("code");
const words = document.getElementById("words");
const said = document.body.dataset;
const mine = `pre-signed ${cookie(said.owner)}`;
if (!localStorage.getItem(mine)) localStorage.clear(); // another person's list, or none
let list = JSON.parse(localStorage.getItem(mine));

function cookie(name) {
  return document.cookie.match(new RegExp(`(?:^|; )${name}=([^;]*)`))?.[1] ?? "";
}

async function fetchList() {
  const response = await fetch(said.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": cookie(said.csrf) },
    body: JSON.stringify({ hours: 24 }),
  });
  if (response.status === 401 || response.status === 403) location.assign(said.signIn);
  if (!response.ok) throw new Error(`answered ${response.status}`);
  list = await response.json();
  localStorage.setItem(mine, JSON.stringify(list));
}

function draw() {
  const now = Date.now() / 1000;
  const code = list?.codes.find((each) => each.not_before_s <= now && now < each.not_before_s + list.slot_s);
  const next = list?.codes.find((each) => each.not_before_s > now);
  canvas.hidden = !code;
  if (code && canvas.dataset.slot !== String(code.not_before_s)) {
    generate(mode.alphaNumeric(code.text), { minCorrectionLevel: correction.M }).toCanvas(canvas, {
      on: [0, 0, 0],
      off: [255, 255, 255],
      pad: 4,
    });
    canvas.dataset.slot = code.not_before_s;
  }
  if (code) words.textContent = said.left.replace("{n}", Math.ceil(code.not_before_s + list.slot_s - now));
  else if (next) words.textContent = said.later.replace("{time}", new Date(next.not_before_s * 1000).toLocaleString());
  else words.textContent = said.none;
}

draw();
setInterval(draw, 500);
const until = list?.codes.at(-1)?.not_before_s ?? 0;
if (navigator.onLine && until < Date.now() / 1000 + 2 * 3600) fetchList().then(draw, draw);
navigator.serviceWorker?.register(said.worker, { scope: "/" });
navigator.serviceWorker?.ready.then(() => (document.documentElement.dataset.offline = "ready"));
