"""Limits of the policy and of a guardian, and what is not sold to a person: each a decline, or nothing."""

from typing import NamedTuple

from devices.core.cover import Prices
from devices.core.declines import Decline, Why
from devices.core.policy import Block, Ids, Window
from devices.core.quote import Counted, Guard, Line, Person, Reason, Tap
from devices.core.rulebook import Ceiling
from devices.core.windows import window_key

_OVER = {
    "sale": Why.OVER_SALE_LIMIT,
    "period": Why.OVER_PERIOD_LIMIT,
    "day": Why.OVER_DAY_LIMIT,
    "week": Why.OVER_WEEK_LIMIT,
    "month": Why.OVER_MONTH_LIMIT,
}
Spent = tuple[int, int, int]
"""Total, purse part and count of a window."""
_NOTHING: Spent = (0, 0, 0)


class Usage:
    """What a person spent before, by window and scope."""

    __slots__ = ("_keys", "_person", "_sums", "_tap")

    def __init__(self, person: Person, tap: Tap) -> None:
        self._person, self._tap = person, tap
        self._keys: dict[Window, str] = {}
        self._sums: dict[tuple[str, int], Spent] | None = None

    def spent(self, window: Window, scope: int) -> Spent:
        """In the window that this tap falls into."""
        if window == "sale":
            return _NOTHING
        if self._sums is None:
            self._sums = self._summed()
        key = self._keys.get(window)
        if key is None:
            key = self._keys[window] = window_key(window, self._tap.business_date, self._tap.period)
        return self._sums.get((key, scope), _NOTHING)

    def _summed(self) -> dict[tuple[str, int], Spent]:
        person = self._person
        sums = {(used.business_date, 0): (used.total_minor, used.purse_minor, used.count) for used in person.used}
        for each in person.tallies:
            sums[each.key, each.scope] = (each.total_minor, each.purse_minor, each.count)
        return sums


def refusal(
    blocks: tuple[Block, ...], person: Person, basket: tuple[Line, ...], reasons: list[Reason]
) -> Decline | None:
    """What of the basket must not be sold to this person; warnings go into `reasons`."""
    for block in blocks:
        for line in basket:
            allergens = _met(block, person, line)
            if not (allergens if block.allergens else _named(block, line)):
                continue
            about = {"block": block.id, "product": line.product}
            if block.action == "refuse":
                return Decline(Why.NOT_SOLD_HERE, about)
            if allergens:
                reasons.extend(Reason("warn.allergen", about | {"allergen": each}) for each in allergens)
            else:
                reasons.append(Reason("warn.product", about))
    return None


def _named(block: Block, line: Line) -> bool:
    return line.product in block.products or line.category in block.where.categories


def _met(block: Block, person: Person, line: Line) -> list[int]:
    """The allergens of a line that count; products and categories narrow an allergen's block."""
    if not line.allergens or ((block.products or block.where.categories) and not _named(block, line)):
        return []
    return [
        each for each in line.allergens if each in block.allergens and (not block.avoided_only or each in person.avoid)
    ]


class Asked(NamedTuple):
    """What a sale asks for: the price without an entitlement's part, and the purse's part of it."""

    prices: Prices
    payable_minor: int
    purse_minor: int

    def of(self, categories: Ids) -> tuple[int, int]:
        """The price and the purse's part of some categories, each named once; both taken to be as much as can be."""
        if not categories:
            return self.payable_minor, self.purse_minor
        amounts = self.prices.amounts
        total_minor = 0
        for category in categories:
            if category in amounts:
                total_minor += amounts[category]
        total_minor = min(self.payable_minor, total_minor)
        return total_minor, min(total_minor, self.purse_minor)


def over_limit(limits: tuple[Ceiling, ...], *, person: Person, tap: Tap, usage: Usage, asked: Asked) -> Decline | None:
    """The first limit that this sale would pass. A sale that asks nothing of a limit does not pass it."""
    amounts = asked.prices.amounts
    for number, window, scope, categories, on_total, max_minor, max_count, min_gap_s in limits:
        total_minor, purse_minor = asked.payable_minor, asked.purse_minor
        if categories:
            if amounts.keys().isdisjoint(categories):
                continue
            total_minor, purse_minor = asked.of(categories)
        used_minor, used_purse_minor, count = _NOTHING if window == "sale" else usage.spent(window, scope)
        if max_minor is not None:
            asked_minor = total_minor if on_total else purse_minor
            before_minor = used_minor if on_total else used_purse_minor
            if asked_minor and before_minor + asked_minor > max_minor:
                told = {"limit_minor": max_minor, "used_minor": before_minor, "amount_minor": asked_minor}
                return Decline(_OVER[window], {"limit": number, **told})
        if max_count is not None and count >= max_count:
            return Decline(Why.TOO_MANY_IN_WINDOW, {"limit": number, "max_count": max_count, "window": window})
        if min_gap_s and person.last_s and tap.at_s - person.last_s < min_gap_s:
            wait_s = min_gap_s - max(0, tap.at_s - person.last_s)
            return Decline(Why.TOO_SOON, {"limit": number, "wait_s": wait_s})
    return None


def over_guard(guards: tuple[Guard, ...], *, usage: Usage, asked: Asked) -> Decline | None:
    """The first limit of a guardian that this sale would pass; one for categories is for each sale."""
    for guard in guards:
        if not asked.prices.met(guard.categories):
            continue
        if guard.categories and guard.max_minor == 0:
            return Decline(Why.GUARD_BLOCKS, {"guard": guard.id})
        asked_minor, _purse_minor = asked.of(tuple(set(guard.categories)))
        window = "sale" if guard.categories else guard.window
        used_minor, _used_purse_minor, count = usage.spent(window, 0)
        if guard.max_minor is not None and asked_minor and used_minor + asked_minor > guard.max_minor:
            return Decline(Why.OVER_GUARD, {"guard": guard.id, "limit_minor": guard.max_minor, "window": window})
        if guard.max_count is not None and window != "sale" and count + 1 > guard.max_count:
            return Decline(Why.TOO_MANY_GUARD, {"guard": guard.id, "max_count": guard.max_count, "window": window})
    return None


def counted(limits: tuple[Ceiling, ...], asked: Asked) -> tuple[Counted, ...]:
    """What the sale adds to the limits that count for themselves."""
    return tuple(
        [
            Counted(limit.scope, *asked.of(limit.categories))
            for limit in limits
            if not limit.categories or asked.prices.met(limit.categories)
        ]
    )
