// A canteen's till: keypad, modes, products.
import { drawBasket } from "/static/basket.js";
import { drawProducts, isTyping } from "/static/products.js";
import { current, money, send } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
let typed = "";
let soldMs = 0;

const complain = (said) => {
  byId("entry-error").textContent = said;
  byId("entry-error").hidden = !said;
};

// One request at a time, in the order of the keys: of two on their way at once, the older could arrive later.
let pending = 0;
let queue = Promise.resolve();
function inOrder(path, body) {
  pending += 1;
  queue = queue.then(async () => {
    try {
      await send(path, body());
      complain("");
    } catch (error) {
      complain(error.message);
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
  if (document.querySelector("dialog[open]") || event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
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

export function draw(screen, language) {
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
  document.querySelectorAll("#keypad button").forEach((button) => (button.disabled = screen.mode === "fixed"));
}
