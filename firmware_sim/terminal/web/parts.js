// The virtual hardware: a card laid on the reader, the printer's paper, the clock, and each fault as a switch.
import { press, text } from "/static/terminal.js";

const byId = (id) => document.getElementById(id);
// part, field, and the value that is the fault
const FAULTS = [
  ["reader", "plugged", false], ["scale", "restless", true], ["scale", "plugged", false], ["printer", "paper", false],
  ["arm", "stuck", true], ["disk", "full", true], ["lan", "plugged", false], ["cabinet", "cut", true], ["cabinet", "jams", true], ["cabinet", "silent", true],
  ["cabinet", "garbles", true], ["cabinet", "repeats", true],
];
let listed = "";
let switches = "";
let printed = "";

function drawCards(reader) {
  byId("cards").hidden = !reader?.cards.length;
  const now = JSON.stringify(reader?.cards ?? []);
  if (now === listed) return;
  listed = now;
  byId("card").replaceChildren(
    ...(reader?.cards ?? []).map(({ number, name }) => new Option(`${name} ${number}`, number)),
  );
}

function drawFaults(parts, language) {
  const here = FAULTS.filter(([part, field]) => field in (parts[part] ?? {}));
  const now = JSON.stringify([here, language]);
  byId("faults").hidden = !here.length;
  if (now !== switches) {
    switches = now;
    byId("faults").replaceChildren(
      byId("faults").querySelector("legend"),
      ...here.map(([part, field, fault]) => {
        const label = document.createElement("label");
        const box = Object.assign(document.createElement("input"), { type: "checkbox", name: `${part}.${field}` });
        let pressing = 0;
        box.addEventListener("change", async () => {
          pressing += 1;
          box.toggleAttribute("data-pressing", true); // What is drawn until the device has it would be the past.
          await press(part, { [field]: box.checked === fault }).catch(() => undefined);
          pressing -= 1;
          box.toggleAttribute("data-pressing", pressing > 0);
        });
        label.append(box, Object.assign(document.createElement("span"), { textContent: text(`fault_${part}_${field}`) }));
        return label;
      }),
    );
  }
  for (const [part, field, fault] of here) {
    const box = byId("faults").querySelector(`[name="${part}.${field}"]`);
    if (!box.matches("[data-pressing], :active")) box.checked = parts[part][field] === fault;
  }
}

// Whom the terminal hears over the network of its site; it notices some seconds after the cable.
function drawNeighbours(screen, lan) {
  byId("neighbours").hidden = !lan;
  byId("neighbours").textContent = screen.neighbours ? text("neighbours", { count: screen.neighbours }) : text("no_neighbours");
}

function drawPaper(printer) {
  byId("slips").hidden = !printer?.slips.length;
  const now = JSON.stringify(printer?.slips ?? []);
  if (now === printed) return;
  printed = now;
  byId("paper").replaceChildren(
    ...(printer?.slips ?? []).map((lines) => Object.assign(document.createElement("pre"), { className: "slip", textContent: lines.join("\n") })),
  );
}

byId("cards").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await press("reader", { lay: byId("card").value });
    byId("scanner-note").textContent = "";
  } catch (error) {
    byId("scanner-note").textContent = error.message;
  }
});
byId("tear").addEventListener("click", () => press("printer", { tear: true }));
byId("clock-offset").addEventListener("change", (event) => press("clock", { offset_s: Number(event.target.value) }));

export function drawParts(screen, language, parts) {
  drawCards(parts.reader);
  drawFaults(parts, language);
  drawNeighbours(screen, parts.lan);
  drawPaper(parts.printer);
  const offset = byId("clock-offset");
  const known = [...offset.options].some((option) => Number(option.value) === parts.clock?.offset_s);
  if (known && document.activeElement !== offset) offset.value = String(parts.clock.offset_s);
}
