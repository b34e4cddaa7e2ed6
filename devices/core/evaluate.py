"""The one place where a price, a limit and the order of funds are decided; run alike by terminal and server.

Ties are broken in a fixed order: of price rules that apply, the one naming an outlet beats one naming a period,
then a site, then a weekday, then a group, then a price class, and then the lower id. Lots are spent first to
expire first, then by the programme's order, then by lot id.
"""

from datetime import UTC, datetime, timedelta, tzinfo

from devices.core.declines import Decline, Why
from devices.core.money import MAX_AMOUNT_MINOR, scale_bp
from devices.core.policy import EVALUATOR_VERSION, Limit, MealPeriod, Policy, PriceRule, Where, Who
from devices.core.quote import Leg, Line, Lot, Person, Quote, Reason, Tap, Used


def place(*, at_s: int, zone: tzinfo, site: int, outlet: int, day_starts_min: int, policy: Policy) -> Tap:
    """Put a moment into the site's local terms: business date, weekday, minute and meal period."""
    local = datetime.fromtimestamp(at_s, UTC).astimezone(zone)
    minute = local.hour * 60 + local.minute
    business = (local - timedelta(days=1 if minute < day_starts_min else 0)).date()
    period = next((each.id for each in policy.periods if each.site == site and _within(each, minute)), 0)
    return Tap(at_s, site, outlet, business.isoformat(), business.weekday(), minute, period)


def evaluate(*, policy: Policy, person: Person, tap: Tap, basket: tuple[Line, ...]) -> Quote:
    """Price the basket, hold it against the limits and fund it; the quote's reasons tell each step in order."""
    list_minor = sum(line.unit_minor * line.quantity for line in basket)
    reasons = [Reason("price.list", {"amount_minor": list_minor})]
    amount_minor = _price(policy, person, tap, list_minor, reasons)

    def answer(legs: tuple[Leg, ...] = (), decline: Decline | None = None) -> Quote:
        return Quote(policy.number, EVALUATOR_VERSION, list_minor, amount_minor, legs, tuple(reasons), decline)

    if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
        return answer(decline=Decline(Why.NO_AMOUNT))
    if amount_minor > person.per_sale_minor:
        over = {"limit_minor": person.per_sale_minor, "amount_minor": amount_minor}
        return answer(decline=Decline(Why.OVER_SALE_LIMIT, over))
    legs, short_minor = _fund(policy, person, tap, amount_minor, reasons)
    decline = _over_limit(policy, person, tap, legs, amount_minor)
    if decline is None and short_minor:
        decline = _insufficient(policy, person, legs, amount_minor)
    return answer(decline=decline) if decline else answer(legs)


def _price(policy: Policy, person: Person, tap: Tap, list_minor: int, reasons: list[Reason]) -> int:
    fitting = [rule for rule in policy.prices if _for(rule.who, person) and _at(rule.where, tap)]
    if not fitting:
        return list_minor
    rule = min(fitting, key=_specificity)
    amount_minor = max(0, scale_bp(list_minor, rule.percent_bp) + rule.add_minor)
    reasons.append(Reason("price.rule", {"price": rule.id, "amount_minor": amount_minor}))
    return amount_minor


def _specificity(rule: PriceRule) -> tuple[bool, bool, bool, bool, bool, bool, int]:
    where, who = rule.where, rule.who
    named = (where.outlets, where.periods, where.sites, where.weekdays, who.groups, who.classes)
    outlets, periods, sites, weekdays, groups, classes = (not each for each in named)
    return outlets, periods, sites, weekdays, groups, classes, rule.id


def _fund(
    policy: Policy, person: Person, tap: Tap, amount_minor: int, reasons: list[Reason]
) -> tuple[tuple[Leg, ...], int]:
    """The legs in funding order, and what no source covers."""
    legs: list[Leg] = []
    left_minor = amount_minor
    for source in policy.funding_order:
        if source == "lots":
            left_minor = _take_lots(policy, person, tap, left_minor, legs, reasons)
        elif left_minor:
            take_minor = min(left_minor, max(0, person.purse_minor))
            # A purse that cannot finish the amount takes part only where another source comes after it.
            if take_minor == left_minor or (take_minor and source != policy.funding_order[-1]):
                legs.append(Leg("purse", take_minor))
                reasons.append(
                    Reason(
                        "purse.used",
                        {"amount_minor": take_minor, "left_minor": person.purse_minor - take_minor},
                    )
                )
                left_minor -= take_minor
    return tuple(legs), left_minor


def _insufficient(policy: Policy, person: Person, legs: tuple[Leg, ...], amount_minor: int) -> Decline:
    have_minor = max(0, person.purse_minor) if "purse" in policy.funding_order else 0
    lots_minor = sum(leg.amount_minor for leg in legs if leg.source == "lot")
    short_minor = amount_minor - lots_minor - have_minor
    return Decline(Why.INSUFFICIENT, {"have_minor": have_minor, "short_minor": short_minor})


def _take_lots(
    policy: Policy, person: Person, tap: Tap, left_minor: int, legs: list[Leg], reasons: list[Reason]
) -> int:
    for lot in sorted(person.lots, key=lambda each: _lot_order(policy, each)):
        if not left_minor:
            break
        programme = policy.programme(lot.programme)
        if programme is None or lot.remaining_minor <= 0:
            continue
        about = {"programme": lot.programme, "lot": lot.id}
        if lot.expires_s <= tap.at_s:
            reasons.append(Reason("lot.expired", about))
        elif not _at(programme.where, tap):
            reasons.append(Reason("lot.not_here", about))
        elif lot.remaining_minor < left_minor and not programme.part_payment:
            reasons.append(Reason("lot.not_whole", about))
        else:
            take_minor = min(left_minor, lot.remaining_minor)
            legs.append(Leg("lot", take_minor, ref=lot.id, programme=lot.programme))
            amounts = {"amount_minor": take_minor, "left_minor": lot.remaining_minor - take_minor}
            reasons.append(Reason("lot.used", about | amounts))
            left_minor -= take_minor
    return left_minor


def _lot_order(policy: Policy, lot: Lot) -> tuple[int, int, int]:
    programme = policy.programme(lot.programme)
    return lot.expires_s, programme.order if programme else 0, lot.id


def _over_limit(policy: Policy, person: Person, tap: Tap, legs: tuple[Leg, ...], amount_minor: int) -> Decline | None:
    lots_minor = sum(leg.amount_minor for leg in legs if leg.source == "lot")
    today = next((used for used in person.used if used.business_date == tap.business_date), None)
    for limit in policy.limits:
        if not (_for(limit.who, person) and _at(limit.where, tap)):
            continue
        asked_minor = amount_minor if limit.on == "total" else amount_minor - lots_minor
        used_minor, count = _already(limit, today)
        if limit.max_minor is not None and used_minor + asked_minor > limit.max_minor:
            why = Why.OVER_SALE_LIMIT if limit.window == "sale" else Why.OVER_DAY_LIMIT
            told = {"limit_minor": limit.max_minor, "used_minor": used_minor, "amount_minor": asked_minor}
            return Decline(why, {"limit": limit.id, **told})
        if limit.max_count is not None and limit.window == "day" and count + 1 > limit.max_count:
            return Decline(Why.TOO_MANY_SALES, {"limit": limit.id, "max_count": limit.max_count})
    return None


def _already(limit: Limit, today: Used | None) -> tuple[int, int]:
    if limit.window == "sale" or today is None:
        return 0, 0
    return (today.total_minor if limit.on == "total" else today.purse_minor), today.count


def _for(who: Who, person: Person) -> bool:
    return (not who.classes or person.price_class in who.classes) and (
        not who.groups or any(group in who.groups for group in person.groups)
    )


def _at(where: Where, tap: Tap) -> bool:
    return (
        (not where.sites or tap.site in where.sites)
        and (not where.outlets or tap.outlet in where.outlets)
        and (not where.periods or tap.period in where.periods)
        and (not where.weekdays or tap.weekday in where.weekdays)
    )


def _within(period: MealPeriod, minute: int) -> bool:
    if period.start_min < period.end_min:
        return period.start_min <= minute < period.end_min
    return minute >= period.start_min or minute < period.end_min
