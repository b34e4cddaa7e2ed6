"""Who pays: entitlement, vouchers, lots and purse in the policy's order; the person's own part comes out least.

Every admissible set of vouchers is tried (none, one, … `max_vouchers`; none beside one that goes alone, none with
what another excludes). The set wins that leaves least unpaid, then least for the purse, then, where vouchers come
before lots, least for the lots, then has the fewest vouchers, the least face value, and the lowest (expiry, order, id).
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from devices.core.cover import Cover
from devices.core.money import scale_bp
from devices.core.policy import Entitlement, Policy, Programme
from devices.core.quote import Leg, Lot, Person, Reason, Tap
from devices.core.rulebook import Here, Rulebook


class Funded(NamedTuple):
    """Legs in funding order, and what no source covers."""

    legs: tuple[Leg, ...]
    short_minor: int


class Voucher(NamedTuple):
    """One that could be used here and now: it pays up to `worth_minor`."""

    lot: Lot
    programme: Programme
    worth_minor: int


class Funding:
    """One sale's sources. `prices` is the price by category; an entitlement has taken its part of it already."""

    def __init__(
        self,
        *,
        policy: Policy,
        book: Rulebook,
        here: Here,
        person: Person,
        tap: Tap,
        prices: Mapping[int, int],
        entitled: tuple[Entitlement, int] | None,
    ) -> None:
        self._policy, self._here, self._person, self._tap = policy, here, person, tap
        self._prices, self._entitled = prices, entitled
        self._lots: list[tuple[Lot, Programme]] = []
        self._vouchers: list[tuple[Lot, Programme]] = []
        for lot in sorted(person.lots, key=book.lot_order):
            programme = book.programme(lot.programme)
            if programme is not None and lot.remaining_minor > 0:
                (self._vouchers if programme.kind == "voucher" else self._lots).append((lot, programme))

    def fund(self, reasons: list[Reason]) -> Funded:
        """The cheapest way for the person; `reasons` tell each step of it."""
        chosen: tuple[Voucher, ...] = ()
        if self._vouchers and "voucher" in self._policy.funding_order:
            chosen = self._cheapest(self._usable_vouchers(reasons), reasons)
        return self._run(chosen, reasons)

    def _run(self, vouchers: tuple[Voucher, ...], reasons: list[Reason]) -> Funded:
        cover, legs = Cover(self._prices), list[Leg]()
        if self._entitled is not None:
            rule, covered_minor = self._entitled
            cover.take(rule.where.categories, covered_minor)
        excluded = {each for voucher in vouchers for each in voucher.programme.excludes}
        for source in self._policy.funding_order:
            if source == "voucher":
                _take_vouchers(vouchers, cover, legs, reasons)
            elif source == "lots":
                self._take_lots(excluded, cover, legs, reasons)
            elif source == "purse" and cover.left_minor:
                self._take_purse(cover, legs, reasons)
        return Funded(tuple(legs), cover.left_minor)

    def _take_lots(self, excluded: set[int], cover: Cover, legs: list[Leg], reasons: list[Reason]) -> None:
        for lot, programme in self._lots:
            if not cover.left_minor:
                break
            about = {"programme": lot.programme, "lot": lot.id}
            categories = programme.where.categories
            room_minor = cover.room(categories)
            value_minor = min(lot.remaining_minor, programme.most_minor or lot.remaining_minor)
            if lot.expires_s <= self._tap.at_s:
                reasons.append(Reason("lot.expired", about))
            elif programme.id not in self._here.programmes:
                reasons.append(Reason("lot.not_here", about))
            elif programme.id in excluded:
                reasons.append(Reason("lot.excluded", about))
            elif not room_minor:
                reasons.append(Reason("lot.not_these", about))
            elif value_minor < room_minor and not programme.part_payment:
                reasons.append(Reason("lot.not_whole", about))
            else:
                take_minor = min(room_minor, value_minor)
                cover.take(categories, take_minor)
                legs.append(Leg("lot", take_minor, ref=lot.id, programme=lot.programme))
                amounts = {"amount_minor": take_minor, "left_minor": lot.remaining_minor - take_minor}
                reasons.append(Reason("lot.used", about | amounts))

    def _take_purse(self, cover: Cover, legs: list[Leg], reasons: list[Reason]) -> None:
        has_minor, left_minor = self._person.purse_minor, cover.left_minor
        take_minor = min(left_minor, max(0, has_minor))
        # A purse that cannot finish the amount takes part only where another source comes after it.
        if take_minor != left_minor and (not take_minor or self._policy.funding_order[-1] == "purse"):
            return
        cover.take((), take_minor)
        legs.append(Leg("purse", take_minor))
        left = {"left_minor": has_minor - take_minor}
        reasons.append(Reason("purse.used", {"amount_minor": take_minor, **left}))
        if has_minor - take_minor < self._policy.low_balance_minor:
            reasons.append(Reason("purse.low", left))

    # Vouchers

    def _usable_vouchers(self, reasons: list[Reason]) -> list[Voucher]:
        usable: list[Voucher] = []
        cover = Cover(self._prices)
        for lot, programme in self._vouchers:
            about = {"programme": lot.programme, "lot": lot.id}
            price_minor = cover.cost(programme.where.categories)
            if lot.expires_s <= self._tap.at_s:
                reasons.append(Reason("voucher.expired", about))
            elif programme.id not in self._here.programmes or not price_minor:
                reasons.append(Reason("voucher.not_here", about))
            elif price_minor < programme.threshold_minor:
                reasons.append(Reason("voucher.below", about | {"threshold_minor": programme.threshold_minor}))
            else:
                worth_minor = scale_bp(price_minor, programme.percent_bp) if programme.percent_bp else price_minor
                worth_minor = min(worth_minor, lot.remaining_minor, programme.most_minor or worth_minor)
                if worth_minor:
                    usable.append(Voucher(lot, programme, worth_minor))
        return usable

    def _cheapest(self, usable: list[Voucher], reasons: list[Reason]) -> tuple[Voucher, ...]:
        if not usable:
            return ()
        chosen = min(_admissible(_without_doubles(usable, self._policy.max_vouchers), self._policy), key=self._cost)
        for voucher in usable:
            if voucher not in chosen:
                about = {"programme": voucher.programme.id, "lot": voucher.lot.id}
                reasons.append(Reason("voucher.kept", about))
        return chosen

    def _cost(self, vouchers: tuple[Voucher, ...]) -> tuple[object, ...]:
        legs, short_minor = self._run(vouchers, [])
        own_minor = sum(leg.amount_minor for leg in legs if leg.source == "purse")
        order = self._policy.funding_order
        lots_minor = 0
        if "lots" in order and order.index("voucher") < order.index("lots"):
            lots_minor = sum(leg.amount_minor for leg in legs if leg.source == "lot")
        face_minor = sum(voucher.lot.remaining_minor for voucher in vouchers)
        ids = tuple((each.lot.expires_s, each.programme.order, each.lot.id) for each in vouchers)
        return short_minor, own_minor, lots_minor, len(vouchers), face_minor, ids


def _take_vouchers(vouchers: tuple[Voucher, ...], cover: Cover, legs: list[Leg], reasons: list[Reason]) -> None:
    for lot, programme, worth_minor in vouchers:
        categories = programme.where.categories
        room_minor = cover.room(categories)
        take_minor = min(room_minor, worth_minor)
        if take_minor and (programme.part_payment or take_minor == room_minor):
            cover.take(categories, take_minor)
            legs.append(Leg("voucher", take_minor, ref=lot.id, programme=lot.programme))
            about = {"programme": lot.programme, "lot": lot.id}
            reasons.append(Reason("voucher.used", about | {"amount_minor": take_minor}))


def _admissible(usable: list[Voucher], policy: Policy) -> Iterator[tuple[Voucher, ...]]:
    for count in range(min(policy.max_vouchers, len(usable)) + 1):
        for chosen in combinations(usable, count):
            if count < 2 or _go_together(chosen):
                yield chosen


def _go_together(vouchers: tuple[Voucher, ...]) -> bool:
    programmes = [voucher.programme for voucher in vouchers]
    return not any(
        one.alone or two.alone or two.id in one.excludes or one.id in two.excludes
        for one, two in combinations(programmes, 2)
    )


def _without_doubles(usable: list[Voucher], most: int) -> list[Voucher]:
    """Of vouchers that are worth the same in the same programme, no more than a sale may use."""
    kept: list[Voucher] = []
    alike: dict[tuple[int, int, int], int] = {}
    for voucher in usable:
        kind = (voucher.programme.id, voucher.worth_minor, voucher.lot.remaining_minor)
        alike[kind] = alike.get(kind, 0) + 1
        if alike[kind] <= most:
            kept.append(voucher)
    return kept


def leg_sum(legs: tuple[Leg, ...], source: str) -> int:
    """The sum of the legs from one kind of source."""
    return sum(leg.amount_minor for leg in legs if leg.source == source)
