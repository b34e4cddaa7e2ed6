"""Who pays, worked out the slow way and from the wording of the rules alone; it shares no step with the evaluator.

Money is shared out over the product categories of the basket unit by unit. Every way in which the earlier sources
could have paid is kept, and the next one pays the most that any of them leaves to it. Only for small amounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations, product

from devices.core.policy import Entitlement, Policy, Programme
from devices.core.quote import Lot, Person

Owed = frozenset[tuple[int, ...]]
"""Each way in which what is owed may still be spread over the categories."""


def own_part(
    *, policy: Policy, person: Person, at_s: int, amounts: dict[int, int], offered: Iterable[Entitlement] = ()
) -> tuple[int, int]:
    """What nobody can pay, and what the purse pays, in the cheapest of all admissible ways; all rules are for here."""
    known = {each.id: each for each in policy.programmes}
    usable = [
        (lot, known[lot.programme])
        for lot in person.lots
        if lot.programme in known and lot.remaining_minor > 0 and lot.expires_s > at_s
    ]
    usable.sort(key=lambda each: (each[0].expires_s, each[1].order, each[0].id))
    vouchers = [each for each in usable if each[1].kind == "voucher" and _worth(*each, amounts) > 0]
    subsidies = [each for each in usable if each[1].kind == "subsidy"]
    free: list[Entitlement | None] = list(offered) or [None]
    ways = (
        _pay(policy, person.purse_minor, amounts, meal, chosen, subsidies)
        for meal in free
        for chosen in _sets(vouchers, policy)
    )
    return min(ways)


def _sets(vouchers: list[tuple[Lot, Programme]], policy: Policy) -> Iterator[tuple[tuple[Lot, Programme], ...]]:
    """Every choice of vouchers that may stand beside each other."""
    if "voucher" not in policy.funding_order:
        yield ()
        return
    counts = range(policy.max_vouchers + 1)
    for chosen in chain.from_iterable(combinations(vouchers, count) for count in counts):
        lonely = any(programme.alone for _lot, programme in chosen) and len(chosen) > 1
        clash = any(one[1].id in two[1].excludes for one in chosen for two in chosen if one[0].id != two[0].id)
        if not lonely and not clash:
            yield chosen


def _pay(
    policy: Policy,
    purse_minor: int,
    amounts: dict[int, int],
    meal: Entitlement | None,
    vouchers: tuple[tuple[Lot, Programme], ...],
    subsidies: list[tuple[Lot, Programme]],
) -> tuple[int, int]:
    owed: Owed = frozenset({tuple(amounts.values())})
    order = list(amounts)
    if meal is not None:
        for_these = _positions(order, meal.where.categories)
        most = max(_most(owed, for_these), 0)
        owed = _after(owed, for_these, min(most, meal.covers_minor or most))
    own = 0
    for source in policy.funding_order:
        if source == "purse":
            left, has = _left(owed), max(0, purse_minor)
            if has >= left or policy.funding_order[-1] != "purse":
                own = min(left, has)
                owed = _after(owed, range(len(order)), own)
        spent: dict[int, int] = {}
        offers = {"voucher": list(vouchers), "lots": subsidies}.get(source, [])
        for lot, programme in offers:
            if source == "lots" and any(
                programme.id in ticket.excludes or ticket.id in programme.excludes for _lot, ticket in vouchers
            ):
                continue
            worth = lot.remaining_minor
            if source == "voucher":
                worth = _worth(lot, programme, amounts)
            elif programme.most_minor:
                worth = min(worth, programme.most_minor - spent.get(programme.id, 0))
            for_these = _positions(order, programme.where.categories)
            most = _most(owed, for_these)
            if worth < most and not programme.part_payment:
                continue
            paid = min(worth, most)
            owed = _after(owed, for_these, paid)
            spent[programme.id] = spent.get(programme.id, 0) + paid
    return _left(owed), own


def _worth(lot: Lot, programme: Programme, amounts: dict[int, int]) -> int:
    wanted = programme.where.categories
    price = sum(amount for category, amount in amounts.items() if not wanted or category in wanted)
    if price < programme.threshold_minor:
        return 0
    worth = min(price, lot.remaining_minor)
    if programme.percent_bp:
        worth = min(worth, int(price * programme.percent_bp / 10_000 + 0.5))
    return min(worth, programme.most_minor) if programme.most_minor else worth


def _positions(order: list[int], categories: tuple[int, ...]) -> list[int]:
    return [at for at, category in enumerate(order) if not categories or category in categories]


def _left(owed: Owed) -> int:
    return sum(next(iter(owed)))


def _most(owed: Owed, positions: Iterable[int]) -> int:
    """The most that any spread leaves in these categories."""
    wanted = list(positions)
    return max(sum(spread[at] for at in wanted) for spread in owed)


def _after(owed: Owed, positions: Iterable[int], paid: int) -> Owed:
    """All spreads after `paid` was paid for these categories, in each way in which it could be."""
    wanted = list(positions)
    found = set()
    for spread in owed:
        for parts in product(*(range(spread[at] + 1) for at in wanted)):
            if sum(parts) == paid:
                less = dict(zip(wanted, parts, strict=True))
                found.add(tuple(amount - less.get(at, 0) for at, amount in enumerate(spread)))
    return frozenset(found)
