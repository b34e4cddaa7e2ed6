// The basket as both sides of the counter see it; on the cashier's its lines have buttons.
import { money, said, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
let drawn = "";

const element = (name, attributes, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};

function button(sign, label, product, quantity, change) {
  const made = element("button", { type: "button", className: "step", textContent: sign });
  made.setAttribute("aria-label", label);
  made.dataset.step = `${product}${sign}`;
  made.addEventListener("click", () => change(product, quantity));
  return made;
}

function line({ product, name, quantity, sum_minor: sum }, change) {
  const called = element("span", { className: "called", textContent: said(name) });
  const count = element("span", { className: "count money", textContent: change ? quantity : `× ${quantity}` });
  const price = element("span", { className: "money", textContent: money(sum) });
  if (!change) return element("li", {}, called, count, price);
  const fewer = button("−", text("fewer", { name: said(name) }), product, -1, change);
  const more = button("+", text("more", { name: said(name) }), product, 1, change);
  return element("li", {}, called, element("span", { className: "steps" }, fewer, count, more), price);
}

// Drawn anew only when it is another: a button that is replaced while it is pressed hears nothing.
export function drawBasket(screen, language, change = null) {
  const { lines, other_minor: other, gone } = screen.basket;
  const now = JSON.stringify([screen.mode, screen.basket, language]);
  if (now === drawn) return;
  drawn = now;
  const focused = document.activeElement?.dataset.step;
  byId("basket").hidden = screen.mode !== "products" || !(lines.length || other || gone.length);
  const items = lines.map((each) => line(each, change));
  if (other) {
    const called = element("span", { className: "called", textContent: text("other_amount") });
    items.push(element("li", {}, called, element("span", { className: "money", textContent: money(other) })));
  }
  byId("lines").replaceChildren(...items);
  byId("gone").hidden = !gone.length;
  byId("gone").textContent = gone.length ? text("gone", { products: gone.map(said).join(language === "zh" ? "、" : ", ") }) : "";
  if (focused) document.querySelector(`[data-step="${CSS.escape(focused)}"]`)?.focus();
}
