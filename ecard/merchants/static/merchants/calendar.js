// Arrow keys walk the days of the year; one of them is in the tab order.
const days = [...document.querySelectorAll("[data-days] a.day")];
const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

function enter(day) {
  for (const each of days) each.tabIndex = each === day ? 0 : -1;
}

if (days.length) enter(days.find((day) => day.ariaCurrent) ?? days[0]);
for (const [place, day] of days.entries()) {
  day.addEventListener("focus", () => enter(day));
  day.addEventListener("keydown", (event) => {
    const next = event.key in steps ? days[place + steps[event.key]] : undefined;
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}
