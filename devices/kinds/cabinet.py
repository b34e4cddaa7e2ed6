"""A vending or milk cabinet: its order is paid at the terminal, and nothing is given out before the sale is durable.

The rule of money and goods. A sale is kept where its goods came, and reversed where they did not or where nobody says
so in time. That they came is noted in the journal; after a power cut the newest order's sale without such a note is
asked about first. Goods that come after the reversal are noted too, for finance, and charged to nobody.
"""

import threading
from collections.abc import Iterable

from devices.cabinet.machine import TerminalSide
from devices.cabinet.messages import Order, Payment, Refusal
from devices.cabinet.values import (
    Asked,
    Came,
    GiveBack,
    Kept,
    Name,
    Phase,
    Times,
    Withdrawn,
    tally,
)
from devices.core.declines import Why
from devices.core.journal import Facts
from devices.core.money import AmountError
from devices.core.notes import DISPENSED, DISPENSED_LATE
from devices.drivers.clock import Clock
from devices.journal.orders import EPOCH, SEQ, Ordered
from devices.journal.values import JournalBroken, Passing, unwatched
from devices.kinds.base import NotYet
from devices.kinds.ordering import OrderControls
from devices.master.results import charged_minor
from devices.master.screen import Controls, Outcome, Said
from devices.master.screen import Phase as Stands
from devices.master.till import BasketError

PREFIX = "cabinet/"
"""Before a cabinet's name in the facts of its sales."""
NOT_DISPENSED, CANCELLED = "not_dispensed", "cancelled"
CHOOSE_FIRST = Said("请先在柜机上选购", "Choose something at the cabinet first")
CHOOSE_AGAIN = Said("价格已变动，请重新选购", "The price has changed. Please choose again")
ONE_MOMENT = Said("正在出货，请稍候", "Your goods are on their way. One moment")
_SELLS = (Stands.READY, Stands.APPROVED, Stands.DECLINED)


class Cabinet:
    """The kind, and the host of the line: `pump` is called with what came and gives what to send, from one thread.

    Raises JournalBroken where the journal cannot be asked for its orders.
    """

    def __init__(
        self,
        controls: OrderControls,
        *,
        clock: Clock,
        times: Times | None = None,
        software: str = "",
        passing: Passing = unwatched,
    ) -> None:
        self._controls, self._clock, self._passing = controls, clock, passing
        self._lock = threading.RLock()
        self._order: Order | None = None
        self._deciding: Name | None = None
        self._owed: list[tuple[int, int]] = []
        if times is None:
            times = Times() if controls.notes else Times(recover_ms=None)
        self.side = TerminalSide(terminal=controls.screen().terminal, software=software, times=times)
        kept, unsettled = what_is_kept(controls.orders())
        self.side.start(kept=kept, unsettled=unsettled, now_ms=clock.monotonic_ms())

    # The line

    def pump(self, data: bytes) -> bytes:
        """What the line gave, b"" for nothing, at least every 200 ms; gives what to send."""
        with self._lock:
            now_ms = self._clock.monotonic_ms()
            self.side.ready = self._sells()
            self.side.received(data, now_ms=now_ms)
            self.side.tick(now_ms=now_ms)
            self._pay_owed()
            for effect in self.side.effects():
                self._do(effect, now_ms)
            return self.side.outgoing()

    def _do(self, effect: Asked | Withdrawn | GiveBack | Came, now_ms: int) -> None:
        match effect:
            case Asked():
                self._order = effect.order
                refusal = self._put_in(effect.order)
                if refusal is Refusal.NONE:
                    self.side.accept(now_ms=now_ms)
                else:
                    self._refuse(refusal)
            case Withdrawn():
                self._order = None
                self._controls.clear_basket()
            case GiveBack():
                self._passing("cabinet.give_back")
                if self._undo(effect.epoch, effect.seq, reason=NOT_DISPENSED):
                    self._passing("cabinet.given_back")
                    self.side.given_back(now_ms=now_ms)
            case Came():
                self._passing("cabinet.came")
                what = DISPENSED_LATE if effect.late or self._is_undone(effect.epoch, effect.seq) else DISPENSED
                self._controls.note(what, params={EPOCH: effect.epoch, SEQ: effect.seq})
                self._passing("cabinet.noted")

    # A presentation

    def prepare(self, controls: Controls) -> None:
        """The order's goods are what the next tap pays; the prices may have changed since it came."""
        with self._lock:
            waits, order = self.side.open, self._order
            if waits is None or order is None or waits.phase is not Phase.WAITING:
                raise NotYet(CHOOSE_FIRST if waits is None else ONE_MOMENT)
            refusal = self._put_in(order)
            if refusal is not Refusal.NONE:
                self._refuse(refusal)
                raise NotYet(CHOOSE_AGAIN)
            self._deciding = waits.name

    def facts(self) -> Facts | None:
        """Whose order it is: by this it is found again."""
        with self._lock:
            name, order = self._deciding, self._order
            if name is None:
                return None
            slot = order.slots[0].slot if order is not None else 0
            return Facts(device=PREFIX + name.cabinet, order=name.order, slot=slot)

    def after(self, controls: Controls, outcome: Outcome) -> None:
        """Paid: the cabinet may give it out. Where the order was taken back meanwhile, so is the sale."""
        with self._lock:
            name, self._deciding = self._deciding, None
            text = outcome.result.sentence.zh
            if name is None:
                return
            if not outcome.approved:
                self.side.declined(text=text)
                return
            self._passing("cabinet.paid")
            now_ms = self._clock.monotonic_ms()
            taken = self.side.approved(
                name,
                epoch=outcome.epoch,
                seq=outcome.seq,
                amount_minor=outcome.result.amount_minor,
                text=text,
                now_ms=now_ms,
            )
            if taken:
                self._order = None
            elif not self._undo(outcome.epoch, outcome.seq, reason=CANCELLED):
                self._owed.append((outcome.epoch, outcome.seq))

    # What is paid for, and back

    def _put_in(self, order: Order) -> Refusal:
        controls = self._controls
        if not self._sells():
            return Refusal.NOT_READY
        with_number = [each for each in order.slots if each.product]
        try:
            if not with_number:
                controls.set_mode("typed")
                controls.set_amount(order.amount_minor)
            elif len(with_number) < len(order.slots):
                return Refusal.NOT_SOLD
            else:
                controls.set_mode("products")
                controls.clear_basket()
                for product, quantity in tally((each.product, each.quantity) for each in order.slots):
                    if controls.catalogue().product(product) is None:
                        return Refusal.NOT_SOLD
                    controls.set_quantity(product, quantity)
        except (BasketError, AmountError):
            return Refusal.TOO_LARGE
        return Refusal.NONE if controls.screen().amount_minor == order.amount_minor else Refusal.PRICE

    def _refuse(self, refusal: Refusal) -> None:
        self._order = None
        self._controls.clear_basket()
        self.side.refuse(refusal)

    def _sells(self) -> bool:
        """Not for a server that reads no orders: they would not be found again after a power cut."""
        return self._controls.notes and self._controls.screen().phase in _SELLS

    def _undo(self, epoch: int, seq: int, *, reason: str) -> bool:
        """Whether it is undone, by this or before."""
        outcome = self._controls.reverse(epoch=epoch, seq=seq, reason=reason)
        return outcome.approved or outcome.result.why == Why.NOTHING_TO_REVERSE

    def _pay_owed(self) -> None:
        self._owed = [place for place in self._owed if not self._undo(*place, reason=CANCELLED)]

    def _is_undone(self, epoch: int, seq: int) -> bool:
        """A cashier may have reversed it while the goods moved."""
        try:
            sale = self._controls.sale(epoch=epoch, seq=seq)
        except JournalBroken:
            return False
        return sale is not None and sale.reversed


def what_is_kept(orders: Iterable[Ordered]) -> tuple[list[tuple[Name, Kept]], Name | None]:
    """The orders of cabinets in the journal, and the one whose goods are not known to have come.

    Only the newest can be: no other is taken before it is over.
    """
    kept: dict[Name, Kept] = {}
    unsettled: Name | None = None
    for each in orders:
        if not each.device.startswith(PREFIX):
            continue
        name, record = Name(each.device.removeprefix(PREFIX), each.order), each.record
        before = kept.pop(name, None)
        if each.reversed and before is not None and before.payment is Payment.PAID:
            kept[name] = before
            continue
        payment = Payment.REVERSED if each.reversed else Payment.PAID
        listed_minor = sum(line.unit_minor * line.quantity for line in record.basket)
        wanted = listed_minor, tally((line.product, line.quantity) for line in record.basket)
        late = DISPENSED_LATE in each.notes
        kept[name] = Kept(payment, charged_minor(record), wanted, each.epoch, record.seq, late)
        unsettled = name if not each.reversed and not late and DISPENSED not in each.notes else None
    return list(kept.items()), unsettled
