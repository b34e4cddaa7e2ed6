// The products of this outlet as buttons, by category. Arrow keys go from one to the next.
import { money, named, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
let catalogue = { categories: [], allergens: [], products: [] };
let fetched = -1;
let drawn = "";
let chosen = null;
const OTHER_AMOUNT = "other";

// The first category until another is chosen, also where the chosen one is gone.
function category() {
  const all = tabs().map(([id]) => id);
  return all.includes(chosen) ? chosen : all[0];
}

export const isTyping = (screen) => screen?.mode === "typed" || (screen?.mode === "products" && category() === OTHER_AMOUNT);

async function fetchAnew(number) {
  fetched = number;
  const answer = await fetch("/catalogue").catch(() => null);
  if (!answer?.ok) {
    fetched = -1;
    return;
  }
  catalogue = { categories: [], allergens: [], products: [], ...(await answer.json()) };
  drawn = "";
}

function tabs() {
  const known = new Map(catalogue.categories.map(([id, name]) => [id, named(name)]));
  const used = [...new Set(catalogue.products.map((product) => product.category ?? 0))];
  return [...used.map((id) => [id, known.get(id) ?? text("other_category")]), [OTHER_AMOUNT, text("other_amount")]];
}

function productButton(product, add) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "product";
  made.dataset.product = product.id;
  made.dataset.colour = product.colour ?? "";
  const names = new Map(catalogue.allergens.map(([id, name]) => [id, named(name)]));
  const inside = (product.allergens ?? []).map((id) => names.get(id)).filter(Boolean);
  for (const [kind, said] of [
    ["called", named(product.name)],
    ["money", money(product.price_minor)],
    ["inside", inside.length ? text("contains", { allergens: inside.join(document.documentElement.lang === "en" ? ", " : "、") }) : ""],
    ["badge", ""],
  ]) {
    made.append(Object.assign(document.createElement("span"), { className: kind, textContent: said }));
  }
  made.addEventListener("click", () => add(product.id, 1));
  return made;
}

function draw(language, add) {
  const active = category();
  const now = JSON.stringify([fetched, catalogue.products.length, language, active]);
  if (now === drawn) return;
  drawn = now;
  byId("categories").replaceChildren(
    ...tabs().map(([id, name]) => {
      const made = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      made.setAttribute("aria-pressed", String(id === active));
      made.addEventListener("click", () => {
        chosen = id;
        draw(language, add);
        byId("categories").querySelector('[aria-pressed="true"]')?.focus();
      });
      return made;
    }),
  );
  const here = catalogue.products.filter((product) => (product.category ?? 0) === active);
  byId("products").replaceChildren(...here.map((product) => productButton(product, add)));
  byId("products").hidden = active === OTHER_AMOUNT;
  byId("no-products").hidden = catalogue.products.length > 0;
}

export function drawProducts(screen, language, add) {
  if (screen.catalogue !== fetched) fetchAnew(screen.catalogue);
  draw(language, add);
  const counts = new Map(screen.basket.lines.map((line) => [line.product, line.quantity]));
  byId("products").querySelectorAll(".product").forEach((button) => {
    const count = counts.get(Number(button.dataset.product));
    const badge = button.querySelector(".badge");
    const shown = count ? String(count) : "";
    if (badge.textContent === shown) return;
    badge.textContent = shown;
    if (count) badge.setAttribute("aria-label", text("in_basket", { count }));
    else badge.removeAttribute("aria-label");
  });
}

byId("products").addEventListener("keydown", (event) => {
  const buttons = [...byId("products").children];
  const at = buttons.indexOf(document.activeElement);
  const top = (button) => button.getBoundingClientRect().top;
  const across = buttons.filter((button) => top(button) === top(buttons[0])).length;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across }[event.key];
  if (at < 0 || !by || !buttons[at + by]) return;
  event.preventDefault();
  buttons[at + by].focus();
});
