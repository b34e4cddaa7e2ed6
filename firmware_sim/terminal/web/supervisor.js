// The supervisor's menu: a PIN, then the shift, voids, offline time and diagnostics. All of it works with no line.
import { money, said, send, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
const language = () => (document.documentElement.lang === "en" ? "en" : "zh");
let session = null;
let zone;

const element = (name, textContent, attributes = {}) => Object.assign(document.createElement(name), { textContent, ...attributes });

const clock = (ms) => new Date(ms).toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", timeZone: zone });

function tell(both, state = "no") {
  byId("menu-said").hidden = !both;
  byId("menu-said").className = `note ${state}`;
  byId("menu-said").textContent = both ? (both.zh ? said(both) : both) : "";
}

// The answer, or null where the menu refused; why is on the page then.
async function ask(form) {
  try {
    const { refused, answer } = await send("/supervisor", { session, language: language(), ...form });
    if (!refused) return { answer };
    if (refused.ended) showPin();
    tell(refused.said);
  } catch (error) {
    tell(error.message);
  }
  return null;
}

function showPin() {
  session = null;
  byId("pin-form").hidden = false;
  byId("menu-body").hidden = true;
  byId("menu-who").textContent = "";
  byId("pin").value = "";
  byId("pin").focus();
}

function sums(id, rows) {
  byId(id).replaceChildren(
    ...rows.flatMap(([label, value, state]) => [element("dt", label), Object.assign(element("dd", value), { className: state ?? "" })]),
  );
}

function drawShift(shift) {
  byId("shift-open").hidden = Boolean(shift);
  byId("shift-close").hidden = !shift;
  byId("shift-told").textContent = shift ? text("shift_since", { at: clock(shift.opened_ms), name: shift.opened_by }) : text("shift_none");
  const totals = shift?.totals;
  sums(
    "shift-sums",
    totals
      ? [
          [text("shift_sales"), totals.sales],
          [text("shift_taken"), money(totals.sales_minor)],
          [text("shift_reversed"), `${totals.reversals} · ${money(totals.reversed_minor)}`],
          ...(totals.passes_in + totals.passes_out ? [[text("shift_passes"), `${totals.passes_in} / ${totals.passes_out}`]] : []),
        ]
      : [],
  );
}

function saleLine(sale) {
  const line = element("li", "");
  line.append(element("span", `${clock(sale.at_ms)} ${sale.name}`, { className: "called" }), element("span", money(sale.amount_minor), { className: "money" }));
  if (sale.reversed) line.append(element("span", text("voided")));
  else {
    const made = element("button", text("void"), { type: "button", className: "button danger" });
    made.addEventListener("click", async () => {
      const done = await ask({ do: "void", sale: sale.sale });
      if (done) await draw(done.answer.said);
    });
    line.append(made);
  }
  return line;
}

function drawOffline(offline) {
  const hours = offline?.grantable_h ?? 0;
  byId("offline-told").textContent = hours ? text("offline_grant", { hours }) : text("offline_none");
  byId("extend-form").hidden = !hours;
  byId("extend-hours").max = hours;
}

async function draw(news = null) {
  tell(news, "yes");
  const looked = await ask({ do: "look" });
  if (!looked) return;
  const { shift, offline } = looked.answer;
  drawShift(shift);
  drawOffline(offline);
  byId("void-part").hidden = !shift;
  byId("gate-part").hidden = document.documentElement.dataset.kind !== "gate";
  const [sales, checks] = [shift ? await ask({ do: "sales" }) : null, await ask({ do: "diagnostics" })];
  byId("void-list").replaceChildren(...(sales?.answer ?? []).map(saleLine));
  if (sales && !sales.answer.length) byId("void-list").append(element("li", text("void_none")));
  sums("checks", (checks?.answer ?? []).map(({ label, value, well }) => [said(label), said(value), well ? "yes" : "no"]));
}

byId("supervisor").addEventListener("click", async () => {
  const answer = await fetch("/supervisors").catch(() => null);
  const { people, zone: told } = answer?.ok ? await answer.json() : { people: [], zone: "" };
  zone = told || undefined;
  byId("pin-who").replaceChildren(...people.map(({ id: number, name }) => new Option(name, number)));
  tell(null);
  byId("report").hidden = true;
  byId("menu").showModal();
  showPin();
});
byId("menu-close").addEventListener("click", () => byId("menu").close());
byId("menu").addEventListener("close", () => {
  if (session) ask({ do: "leave" });
  session = null;
  byId("supervisor").focus();
});
byId("pin-pad").addEventListener("click", (event) => {
  const { pin: key } = event.target.dataset;
  const field = byId("pin");
  if (key === "back") field.value = field.value.slice(0, -1);
  else if (key) field.value = (field.value + key).slice(0, 10);
});
byId("pin-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const pin = byId("pin").value;
  byId("pin").value = "";
  const entered = await ask({ do: "enter", supervisor: Number(byId("pin-who").value), pin });
  if (!entered) return;
  session = entered.answer;
  byId("pin-form").hidden = true;
  byId("menu-body").hidden = false;
  byId("menu-who").textContent = session.name;
  const others = [...byId("pin-who").options].filter((each) => each.value !== String(session.supervisor));
  byId("extend-who").replaceChildren(...others.map((each) => new Option(each.text, each.value)));
  byId("menu-body").focus();
  await draw();
});
byId("shift-open").addEventListener("click", async () => {
  const done = await ask({ do: "open_shift" });
  if (done) await draw(done.answer.said);
});
byId("shift-close").addEventListener("click", async () => {
  const done = await ask({ do: "close_shift" });
  if (!done) return;
  const { lines, printed, trouble } = done.answer;
  await draw();
  tell(printed ? text("printed") : text("not_printed", { why: trouble ? said(trouble) : "–" }), printed ? "yes" : "warn");
  byId("report").hidden = false;
  byId("report").textContent = lines.join("\n");
});
byId("extend-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = { do: "extend", hours: Number(byId("extend-hours").value), supervisor: Number(byId("extend-who").value), pin: byId("extend-pin").value };
  byId("extend-pin").value = "";
  const done = await ask(form);
  if (done) await draw(done.answer.said);
});
byId("let-in").addEventListener("click", async () => {
  const done = await ask({ do: "let_in_again" });
  if (done) await draw(done.answer.said);
});

// A terminal without a menu has no button for one.
byId("supervisor").hidden = !(await fetch("/supervisors").catch(() => null))?.ok;
