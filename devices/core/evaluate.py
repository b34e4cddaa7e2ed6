"""The one place where a price, a limit and the order of funds are decided; run alike by terminal and server.

The order of steps: what may not be sold; the price (`pricing`); an entitlement; vouchers, lots and the purse
(`funding`); the limits (`limits`). How overlaps and ties are settled is said in `rulebook` and `funding`.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo

from devices.core.cover import Cover
from devices.core.declines import Decline, Why
from devices.core.funding import Funded, Funding, leg_sum
from devices.core.limits import Asked, Usage, counted, over_guard, over_limit, refusal
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.policy import EVALUATOR_VERSION, Entitlement, MealPeriod, Policy
from devices.core.pricing import price
from devices.core.quote import Leg, Line, Person, Quote, Reason, Tap
from devices.core.rulebook import Here, Rulebook, rulebook

Entitled = tuple[Entitlement, int, int]
"""The entitlement used, what of the price it covers, and how many are left in its window after this one."""


def place(*, at_s: int, zone: tzinfo, site: int, outlet: int, day_starts_min: int, policy: Policy) -> Tap:
    """Put a moment into the site's local terms: business date, weekday, minute and meal period.

    A period that crosses midnight belongs to the business date on which it began. The weekday is the one as which
    the site's calendar has that date.
    """
    local = datetime.fromtimestamp(at_s, UTC).astimezone(zone)
    minute, today = local.hour * 60 + local.minute, local.date()
    book = rulebook(policy)
    for period in policy.periods:
        if period.site != site or not _within(period, minute):
            continue
        began_before = period.end_min <= period.start_min and minute < period.end_min
        began = today - timedelta(days=1) if began_before or minute < day_starts_min else today
        weekday = _weekday(book, site, began)
        if not period.weekdays or weekday in period.weekdays:
            return Tap(at_s, site, outlet, began.isoformat(), weekday, minute, period.id)
    business = today - timedelta(days=1 if minute < day_starts_min else 0)
    return Tap(at_s, site, outlet, business.isoformat(), _weekday(book, site, business), minute)


def evaluate(*, policy: Policy, person: Person, tap: Tap, basket: tuple[Line, ...]) -> Quote:
    """Price the basket, hold it against the limits and fund it; the quote's reasons tell each step in order."""
    book = rulebook(policy)
    here = book.here(person, tap)
    list_minor = sum(line.unit_minor * line.quantity for line in basket)
    reasons = [Reason("price.list", {"amount_minor": list_minor})]
    refused = refusal(here.blocks, person, basket, reasons) if here.blocks else None
    if refused is not None:
        return Quote(policy.number, EVALUATOR_VERSION, list_minor, list_minor, (), tuple(reasons), refused)
    prices = price(here.prices, basket, list_minor, reasons) if basket else {}
    usage = Usage(person, tap)
    entitled = _entitled(policy, here, person, usage, prices, reasons)
    payable_minor = sum(prices.values())
    agreed_minor = 0
    if entitled is not None:
        payable_minor, agreed_minor = payable_minor - entitled[1], entitled[0].agreed_minor
    amount_minor = agreed_minor + payable_minor

    def declined(decline: Decline) -> Quote:
        return Quote(policy.number, EVALUATOR_VERSION, list_minor, amount_minor, (), tuple(reasons), decline)

    if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
        return declined(Decline(Why.NO_AMOUNT if basket else Why.NOT_ENTITLED))
    if payable_minor > person.per_sale_minor:
        over = {"limit_minor": person.per_sale_minor, "amount_minor": payable_minor}
        return declined(Decline(Why.OVER_SALE_LIMIT, over))
    funded = _fund(policy, book, here, person, tap, prices, entitled, reasons)
    purse_minor = payable_minor - leg_sum(funded.legs, "lot") - leg_sum(funded.legs, "voucher")
    asked = Asked(prices, payable_minor, purse_minor)
    decline = over_limit(here.limits, person=person, tap=tap, usage=usage, asked=asked)
    decline = decline or over_guard(person.guards, usage=usage, asked=asked)
    if decline is None and funded.short_minor:
        decline = _insufficient(policy, person, purse_minor)
    if decline is not None:
        return declined(decline)
    legs = funded.legs if entitled is None else (_entitled_leg(entitled), *funded.legs)
    scopes = counted(here.limits, asked)
    return Quote(policy.number, EVALUATOR_VERSION, list_minor, amount_minor, legs, tuple(reasons), None, scopes)


def _fund(
    policy: Policy,
    book: Rulebook,
    here: Here,
    person: Person,
    tap: Tap,
    prices: dict[int, int],
    entitled: Entitled | None,
    reasons: list[Reason],
) -> Funded:
    used = (entitled[0], entitled[1]) if entitled is not None else None
    funding = Funding(policy=policy, book=book, here=here, person=person, tap=tap, prices=prices, entitled=used)
    return funding.fund(reasons)


def _entitled(
    policy: Policy, here: Here, person: Person, usage: Usage, prices: dict[int, int], reasons: list[Reason]
) -> Entitled | None:
    """The entitlement that covers most of the price; a snapshot that does not know the person gives none."""
    if not here.entitlements or person.purse_only or policy.funding_order[:1] != ("entitlement",):
        return None
    best: Entitled | None = None
    cover = Cover(prices)
    for rule in here.entitlements:
        room_minor = cover.room(rule.where.categories)
        if prices and not room_minor:
            continue
        left = rule.count - usage.spent(rule.window, -rule.id)[2]
        if left <= 0:
            reasons.append(Reason("entitlement.used_up", {"entitlement": rule.id, "max_count": rule.count}))
            continue
        covered_minor = min(room_minor, rule.covers_minor or room_minor)
        if best is None or covered_minor > best[1]:
            best = (rule, covered_minor, left - 1)
    if best is not None:
        rule, covered_minor, left = best
        amounts = {"amount_minor": rule.agreed_minor, "covers_minor": covered_minor, "left_count": left}
        reasons.append(Reason("entitlement.used", {"entitlement": rule.id, **amounts}))
    return best


def _entitled_leg(entitled: Entitled) -> Leg:
    rule = entitled[0]
    return Leg("entitlement", rule.agreed_minor, ref=rule.id)


def _insufficient(policy: Policy, person: Person, purse_minor: int) -> Decline:
    """`purse_minor` is what the purse would have to pay."""
    have_minor = max(0, person.purse_minor) if "purse" in policy.funding_order else 0
    return Decline(Why.INSUFFICIENT, {"have_minor": have_minor, "short_minor": purse_minor - have_minor})


def _weekday(book: Rulebook, site: int, day: date) -> int:
    acts_as = book.acts_as(site, day.isoformat())
    return day.weekday() if acts_as is None else acts_as


def _within(period: MealPeriod, minute: int) -> bool:
    if period.start_min < period.end_min:
        return period.start_min <= minute < period.end_min
    return minute >= period.start_min or minute < period.end_min
