// Balance, benefits and recent sales, as last known, each with its age while there is no network.
import { element } from "./dom.js";
import { age, day, fill, moment } from "./texts.js";

export class SummaryView {
  constructor({ elements, texts, config }) {
    Object.assign(this, { elements, texts, config });
    this.listed = "";
  }

  show(summary, { atMs, nowMs, fresh }) {
    const { elements } = this;
    elements.whole.hidden = false;
    elements.holder.textContent = summary.name;
    elements.group.textContent = summary.group;
    elements.balance.textContent = summary.balance;
    elements.benefits.replaceChildren(...summary.benefits.map((benefit) => this.benefit(benefit, nowMs)));
    this.list(summary.sales.map((sale) => ({ ...sale, when: this.when(sale, nowMs) })));
    elements.none.hidden = summary.sales.length > 0;
    this.tellAge({ atMs, nowMs, fresh });
  }

  // Refreshed every minute: what somebody is reading stays open, and the focus where it is.
  list(sales) {
    const listed = JSON.stringify(sales);
    if (listed === this.listed) return;
    this.listed = listed;
    const open = new Set([...this.elements.sales.querySelectorAll("[open]")].map((each) => each.dataset.sale));
    this.elements.sales.replaceChildren(...sales.map((sale) => this.sale(sale, open.has(sale.id))));
  }

  when(sale, nowMs) {
    const when = moment(sale.taken_at_ms, nowMs, this.config);
    return sale.reversed ? `${when} · ${this.texts.reversed}` : when;
  }

  tellAge({ atMs, nowMs, fresh }) {
    const ago = age(atMs, nowMs, { language: this.config.language, justNow: this.texts.just_now });
    const said = fill(fresh ? this.texts.as_of : this.texts.last_known, { age: ago });
    if (this.elements.age.textContent !== said) this.elements.age.textContent = said;
  }

  benefit(benefit, nowMs) {
    const until = day(benefit.expires_at_ms - 1, nowMs, this.config); // what ends at midnight lasts until the day before
    return element(
      "li",
      {},
      element("span", {}, benefit.name),
      element("strong", { class: "money" }, benefit.remaining),
      element("span", { class: "quiet-text" }, fill(this.texts.until, { date: until })),
    );
  }

  sale(sale, open) {
    const amount = element("span", { class: sale.reversed ? "money undone" : "money" }, sale.amount);
    const head = element(
      "summary",
      {},
      element("span", { class: "where" }, sale.outlet),
      amount,
      element("span", { class: "quiet-text" }, sale.when),
    );
    const reasons = element("ul", { class: "reasons" }, ...sale.reasons.map((reason) => element("li", {}, reason)));
    const more = element("a", { href: sale.url }, this.texts.all_of_it);
    return element("li", {}, element("details", { open, "data-sale": sale.id }, head, reasons, more));
  }
}
