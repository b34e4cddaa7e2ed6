"""The one place where a price, a limit and the order of funds are decided; run alike by terminal and server.

The order of steps: what may not be sold; the price (`pricing`); an entitlement (`entitled`); vouchers, lots and the
purse (`funding`); the limits (`limits`). How overlaps and ties are settled is said in `rulebook` and `funding`.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from devices.core.cover import Prices
from devices.core.declines import Decline, Why
from devices.core.entitled import Entitled, offered
from devices.core.funding import Funding, leg_sum
from devices.core.limits import Asked, Usage, counted, over_guard, over_limit, refusal
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import EVALUATOR_VERSION, MealPeriod, Policy
from devices.core.pricing import price
from devices.core.quote import Counted, Leg, Line, Person, Quote, Reason, Tap
from devices.core.rulebook import Here, Rulebook, rulebook


def place(*, at_s: int, zone: tzinfo, site: int, outlet: int, day_starts_min: int, policy: Policy) -> Tap:
    """Put a moment into the site's local terms: business date, weekday, minute and meal period.

    A meal period belongs, whole, to the business date on which it began. The weekday is the one as which the site's
    calendar has that date.
    """
    local = datetime.fromtimestamp(at_s, UTC).astimezone(zone)
    minute, today = local.hour * 60 + local.minute, local.date()
    book = rulebook(policy)
    for period in policy.periods:
        if period.site != site or not _within(period, minute):
            continue
        crossed = period.end_min <= period.start_min and minute < period.end_min
        began = today - timedelta(days=crossed + (period.start_min < day_starts_min))
        weekday = _weekday(book, site, began)
        if not period.weekdays or weekday in period.weekdays:
            return Tap(at_s, site, outlet, began.isoformat(), weekday, minute, period.id)
    business = today - timedelta(days=minute < day_starts_min)
    return Tap(at_s, site, outlet, business.isoformat(), _weekday(book, site, business), minute)


def evaluate(*, policy: Policy, person: Person, tap: Tap, basket: tuple[Line, ...]) -> Quote:
    """Price the basket, hold it against the limits and fund it; the quote's reasons tell each step in order."""
    book = rulebook(policy)
    here = book.here(person, tap)
    list_minor = sum(line.unit_minor * line.quantity for line in basket)
    reasons = [Reason("price.list", {"amount_minor": list_minor})] if basket else []
    refused = refusal(here.blocks, person, basket, reasons) if here.blocks else None
    if refused is not None:
        return Quote(policy.number, EVALUATOR_VERSION, list_minor, list_minor, (), tuple(reasons), refused)
    prices = Prices(price(here.prices, basket, list_minor, reasons) if basket else {})
    sale = _Sale(policy, book, here, person, tap, Usage(person, tap), prices, list_minor)
    entitled = offered(here, person, sale.usage, prices, reasons) if here.entitlements else []
    if not entitled:
        return sale.decide(None, reasons)
    quotes = [sale.decide(each, [*reasons, each.told(prices.total_minor)]) for each in entitled]
    return min(quotes, key=lambda quote: (not quote.approved, quote.leg_minor("purse")))


class _Sale(NamedTuple):
    policy: Policy
    book: Rulebook
    here: Here
    person: Person
    tap: Tap
    usage: Usage
    prices: Prices
    list_minor: int

    def decide(self, entitled: Entitled | None, reasons: list[Reason]) -> Quote:
        """The quote with this entitlement used, or with none."""
        person = self.person
        payable_minor, agreed_minor = self.prices.total_minor, 0
        if entitled is not None:
            payable_minor -= entitled.covered_minor
            agreed_minor = entitled.rule.agreed_minor
        amount_minor = agreed_minor + payable_minor
        if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
            why = Why.NO_AMOUNT if self.prices.amounts else Why.NOT_ENTITLED
            return self._quote(amount_minor, reasons, Decline(why))
        if payable_minor > person.per_sale_minor:
            over = {"limit_minor": person.per_sale_minor, "amount_minor": payable_minor}
            return self._quote(amount_minor, reasons, Decline(Why.OVER_SALE_LIMIT, over))
        legs: tuple[Leg, ...] = ()
        short_minor = 0
        if payable_minor:
            funding = Funding(self.policy, self.book, self.here, person, self.tap, self.prices)
            legs, short_minor = funding.fund(entitled, reasons)
        purse_minor = payable_minor - leg_sum(legs, "lot") - leg_sum(legs, "voucher")
        asked = Asked(self.prices, payable_minor, purse_minor)
        decline = over_limit(self.here.limits, person=person, tap=self.tap, usage=self.usage, asked=asked)
        if decline is None and person.guards:
            decline = over_guard(person.guards, usage=self.usage, asked=asked)
        if decline is None and short_minor:
            decline = self._insufficient(purse_minor)
        if decline is not None:
            return self._quote(amount_minor, reasons, decline)
        if entitled is not None:
            legs = (Leg("entitlement", entitled.rule.agreed_minor, entitled.rule.id), *legs)
        return self._quote(amount_minor, reasons, None, legs, counted(self.here.counting, asked))

    def _quote(
        self,
        amount_minor: int,
        reasons: list[Reason],
        decline: Decline | None,
        legs: tuple[Leg, ...] = (),
        scopes: tuple[Counted, ...] = (),
    ) -> Quote:
        number = self.policy.number
        told = tuple(reasons)
        return Quote(number, EVALUATOR_VERSION, self.list_minor, amount_minor, legs, told, decline, scopes)

    def _insufficient(self, purse_minor: int) -> Decline:
        """`purse_minor` is what the purse would have to pay."""
        have_minor = max(0, self.person.purse_minor) if "purse" in self.policy.funding_order else 0
        return Decline(Why.INSUFFICIENT, {"have_minor": have_minor, "short_minor": purse_minor - have_minor})


def _weekday(book: Rulebook, site: int, day: date) -> int:
    acts_as = book.acts_as(site, day.isoformat())
    return day.weekday() if acts_as is None else acts_as


def _within(period: MealPeriod, minute: int) -> bool:
    if period.start_min < period.end_min:
        return period.start_min <= minute < period.end_min
    return minute >= period.start_min or minute < period.end_min
