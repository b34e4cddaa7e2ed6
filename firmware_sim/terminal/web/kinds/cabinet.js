// A vending cabinet: press a slot and it orders over its serial line; what it drops lies in the tray.
import { money, press, said, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
let drawn = "";

const act = (form) =>
  press("cabinet", form).then(
    () => (byId("entry-error").hidden = true),
    (error) => {
      byId("entry-error").textContent = error.message;
      byId("entry-error").hidden = false;
    },
  );
byId("cancel-order").addEventListener("click", () => act({ cancel: true }));
byId("refill").addEventListener("click", () => act({ refill: true }));
byId("take-goods").addEventListener("click", () => act({ take: true }));

function slotButton(slot) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "slot", disabled: !slot.left });
  made.dataset.slot = slot.number;
  for (const [className, textContent] of [
    ["number", `${slot.number}`], ["called", said(slot.name)], ["money", money(slot.price_minor)],
    ["left-in", slot.left ? text("in_slot", { count: slot.left }) : text("sold_out")],
  ]) {
    made.append(Object.assign(document.createElement("span"), { className, textContent }));
  }
  made.addEventListener("click", () => act({ order: slot.number }));
  return made;
}

export function draw(_screen, language, { cabinet }) {
  const now = JSON.stringify([cabinet, language]);
  if (!cabinet || now === drawn) return;
  drawn = now;
  const focused = document.activeElement?.dataset.slot;
  byId("slots").replaceChildren(...cabinet.slots.map(slotButton));
  if (focused) document.querySelector(`[data-slot="${CSS.escape(focused)}"]`)?.focus();
  const { order } = cabinet;
  byId("order").textContent = order ? text(`order_${order.state}`, { name: said(order.name), slot: order.slot }) : text("order_none");
  byId("order").dataset.state = order?.state ?? "";
  byId("cancel-order").disabled = order?.state !== "waiting";
  byId("tray").replaceChildren(...cabinet.tray.map((name) => Object.assign(document.createElement("li"), { textContent: said(name) })));
  byId("take-goods").hidden = !cabinet.tray.length;
}
