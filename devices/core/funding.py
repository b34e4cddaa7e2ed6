"""Who pays: entitlement, vouchers, lots and purse in the policy's order; the person's own part comes out least.

Every admissible set of vouchers is tried (none, one, … `max_vouchers`; none beside one that goes alone, none with
what another excludes). The set wins that leaves least unpaid, then least for the purse, then, where vouchers come
before lots, least for the lots, then has the fewest vouchers, the least face value, and the lowest (expiry, order, id).

One more source never makes the person pay more. Whatever source comes next, what it may take only shrinks with what
those before it can pay, so an all-or-nothing source that could pay the whole still can; what all together pay only
grows; and one more voucher only adds sets to choose from.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from typing import NamedTuple

from devices.core.cover import Cover, Prices
from devices.core.entitled import Entitled
from devices.core.funds import MAX_LOTS
from devices.core.money import scale_bp
from devices.core.policy import Policy, Programme
from devices.core.quote import Leg, Lot, Person, Reason, Tap
from devices.core.rulebook import Here, Rulebook


class Funded(NamedTuple):
    """Legs in funding order, and what no source covers."""

    legs: tuple[Leg, ...]
    short_minor: int


class Held(NamedTuple):
    """A lot with its programme and the products it is for here; `unfit` is why it cannot be used at all, or ""."""

    lot: Lot
    programme: Programme
    mask: int
    unfit: str


class Voucher(NamedTuple):
    """One that could be used here and now: it pays up to `worth_minor`."""

    lot: Lot
    programme: Programme
    mask: int
    worth_minor: int


class Funding:
    """One sale's sources of money."""

    def __init__(self, policy: Policy, book: Rulebook, here: Here, person: Person, tap: Tap, prices: Prices) -> None:
        self._policy, self._here, self._person, self._tap, self._prices = policy, here, person, tap, prices
        self._order = policy.funding_order
        self._lots: list[Held] = []
        self._vouchers: list[Held] = []
        lots = person.lots if len(person.lots) < 2 else sorted(person.lots, key=book.lot_order)
        for lot in lots:
            programme = book.programme(lot.programme)
            if programme is not None and lot.remaining_minor > 0:
                mask = prices.mask(programme.where.categories)
                unfit = self._unfit(lot, programme, mask)
                (self._vouchers if programme.kind == "voucher" else self._lots).append(
                    Held(lot, programme, mask, unfit)
                )
        self._cover: Cover

    def fund(self, entitled: Entitled | None, reasons: list[Reason]) -> Funded:
        """The cheapest way for the person; `reasons` tell each step of it."""
        masks = {held.mask for held in (*self._lots, *self._vouchers) if not held.unfit}
        if entitled is not None:
            masks.add(entitled.mask)
        self._cover = Cover(self._prices, masks)
        if entitled is not None:
            self._cover.take(entitled.mask, entitled.covered_minor)
        chosen: tuple[Voucher, ...] = ()
        if self._vouchers and "voucher" in self._order:
            chosen = self._cheapest(self._usable_vouchers(reasons), reasons)
        return self._run(chosen, reasons)

    def _unfit(self, lot: Lot, programme: Programme, mask: int) -> str:
        if lot.expires_s <= self._tap.at_s:
            return "expired"
        if programme.id not in self._here.programmes:
            return "not_here"
        return "" if mask else "not_these"

    def _run(self, vouchers: tuple[Voucher, ...], reasons: list[Reason] | None) -> Funded:
        cover, legs = self._cover.copy(), list[Leg]()
        for source in self._order:
            if source == "voucher":
                _take_vouchers(vouchers, cover, legs, reasons)
            elif source == "lots":
                self._take_lots(vouchers, cover, legs, reasons)
            elif source == "purse" and cover.left_minor:
                self._take_purse(cover, legs, reasons)
        return Funded(tuple(legs), cover.left_minor)

    def _take_lots(
        self, vouchers: tuple[Voucher, ...], cover: Cover, legs: list[Leg], reasons: list[Reason] | None
    ) -> None:
        taken: dict[int, int] = {}
        for held in self._lots:
            if not cover.left_minor:
                break
            lot, programme = held.lot, held.programme
            why, take_minor = _part(held, vouchers, cover, taken)
            if not why:
                cover.take(held.mask, take_minor)
                legs.append(Leg("lot", take_minor, lot.id, lot.programme))
                taken[programme.id] = taken.get(programme.id, 0) + take_minor
            if reasons is not None:
                about = {"programme": lot.programme, "lot": lot.id}
                if not why:
                    about |= {"amount_minor": take_minor, "left_minor": lot.remaining_minor - take_minor}
                elif why == "most":
                    about |= {"most_minor": programme.most_minor}
                reasons.append(Reason(_LOT_STEPS[why], about))

    def _take_purse(self, cover: Cover, legs: list[Leg], reasons: list[Reason] | None) -> None:
        has_minor, left_minor = self._person.purse_minor, cover.left_minor
        take_minor = min(left_minor, max(0, has_minor))
        # A purse that cannot finish the amount takes part only where another source comes after it.
        if take_minor != left_minor and (not take_minor or self._order[-1] == "purse"):
            return
        cover.take(self._prices.whole, take_minor)
        legs.append(Leg("purse", take_minor))
        if reasons is None:
            return
        left = {"left_minor": has_minor - take_minor}
        reasons.append(Reason("purse.used", {"amount_minor": take_minor, **left}))
        if has_minor - take_minor < self._policy.low_balance_minor:
            reasons.append(Reason("purse.low", left))

    # Vouchers

    def _usable_vouchers(self, reasons: list[Reason]) -> list[Voucher]:
        usable: list[Voucher] = []
        for lot, programme, mask, unfit in self._vouchers:
            about = {"programme": lot.programme, "lot": lot.id}
            if unfit:
                reasons.append(Reason("voucher.expired" if unfit == "expired" else "voucher.not_here", about))
                continue
            price_minor = self._prices.cost(mask)
            if price_minor < programme.threshold_minor:
                reasons.append(Reason("voucher.below", about | {"threshold_minor": programme.threshold_minor}))
                continue
            worth_minor = scale_bp(price_minor, programme.percent_bp) if programme.percent_bp else price_minor
            worth_minor = min(worth_minor, lot.remaining_minor, programme.most_minor or worth_minor)
            if worth_minor:
                usable.append(Voucher(lot, programme, mask, worth_minor))
        return usable

    def _cheapest(self, usable: list[Voucher], reasons: list[Reason]) -> tuple[Voucher, ...]:
        if not usable:
            return ()
        most = self._policy.max_vouchers
        chosen = min(_admissible(_without_doubles(usable, most), most), key=self._cost)
        unused = (voucher for voucher in usable if voucher not in chosen)
        reasons.extend(Reason("voucher.kept", {"programme": each.programme.id, "lot": each.lot.id}) for each in unused)
        return chosen

    def _cost(self, vouchers: tuple[Voucher, ...]) -> tuple[object, ...]:
        legs, short_minor = self._run(vouchers, None)
        order = self._order
        lots_minor = 0
        if "lots" in order and order.index("voucher") < order.index("lots"):
            lots_minor = leg_sum(legs, "lot")
        face_minor = sum(voucher.lot.remaining_minor for voucher in vouchers)
        ids = tuple((each.lot.expires_s, each.programme.order, each.lot.id) for each in vouchers)
        return short_minor, leg_sum(legs, "purse"), lots_minor, len(vouchers), face_minor, ids


_LOT_STEPS = {
    "": "lot.used",
    "expired": "lot.expired",
    "not_here": "lot.not_here",
    "not_these": "lot.not_these",
    "excluded": "lot.excluded",
    "most": "lot.most",
    "not_whole": "lot.not_whole",
}


def _part(held: Held, vouchers: tuple[Voucher, ...], cover: Cover, taken: dict[int, int]) -> tuple[str, int]:
    """Why a lot pays nothing, or "" and how much it pays; `taken` is what its programme's lots paid before."""
    programme = held.programme
    if held.unfit:
        return held.unfit, 0
    if vouchers and _excluded(programme, vouchers):
        return "excluded", 0
    room_minor, value_minor = cover.room(held.mask), held.lot.remaining_minor
    if not room_minor:
        return "not_these", 0
    if programme.most_minor:
        value_minor = min(value_minor, programme.most_minor - taken.get(programme.id, 0))
        if not value_minor:
            return "most", 0
    if value_minor < room_minor and not programme.part_payment:
        return "not_whole", 0
    return "", min(room_minor, value_minor)


def _take_vouchers(vouchers: tuple[Voucher, ...], cover: Cover, legs: list[Leg], reasons: list[Reason] | None) -> None:
    for lot, programme, mask, worth_minor in vouchers:
        room_minor = cover.room(mask)
        take_minor = min(room_minor, worth_minor)
        if take_minor and (programme.part_payment or take_minor == room_minor):
            cover.take(mask, take_minor)
            legs.append(Leg("voucher", take_minor, lot.id, lot.programme))
            if reasons is not None:
                about = {"programme": lot.programme, "lot": lot.id}
                reasons.append(Reason("voucher.used", about | {"amount_minor": take_minor}))


def _excluded(programme: Programme, vouchers: tuple[Voucher, ...]) -> bool:
    return any(
        programme.id in voucher.programme.excludes or voucher.programme.id in programme.excludes for voucher in vouchers
    )


def sets_tried(programmes: Sequence[Programme], *, most: int, unlike: Mapping[int, int] | None = None) -> int:
    """How many sets of vouchers a sale tries for somebody who holds as many of these as are looked at.

    Those of one programme are taken to be worth the same, as one run issues them, so that `most` of them are looked at.
    `unlike` names programmes of which more are, since their vouchers are of several values: programme → how many.
    """
    tried = {each.id: max(most, (unlike or {}).get(each.id, 0)) for each in programmes}
    lots = product(range(max(tried.values(), default=0)), programmes)
    looked_at = ((piece, each) for piece, each in lots if piece < tried[each.id])
    held = [Voucher(Lot(1, each.id, 1, 1), each, 0, 0) for _piece, each in islice(looked_at, MAX_LOTS)]
    return sum(1 for _set in _admissible(held, most))


def _admissible(usable: list[Voucher], most: int) -> Iterator[tuple[Voucher, ...]]:
    for count in range(min(most, len(usable)) + 1):
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
    amount_minor = 0
    for leg in legs:
        if leg.source == source:
            amount_minor += leg.amount_minor
    return amount_minor
