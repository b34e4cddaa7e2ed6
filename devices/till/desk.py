"""Where a register's order and a person's tap meet: one sale waits at a time, and each number is charged once."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from devices.core.declines import Why
from devices.core.journal import Facts
from devices.core.money import MAX_AMOUNT_MINOR
from devices.drivers.clock import Clock
from devices.kinds.base import NotYet
from devices.kinds.ordering import OrderControls
from devices.master.screen import Controls, Outcome, Phase, Said
from devices.till.sales import (
    DEVICE,
    OPEN,
    BadRequest,
    Busy,
    NoSuchOrder,
    NotApproved,
    NotReady,
    OtherAmount,
    RegisterSale,
    State,
    checked_order,
    from_journal,
)

KEPT_SALES = 50_000
LAPSE_MS = 180_000
"""A sale that nobody pays and nobody asks about is cancelled after this."""
REVERSAL, CANCELLED = "register", "cancelled"
ASK_FIRST = Said("请等收银机发来金额", "Wait for the amount from the register")
_SELLS = (Phase.READY, Phase.APPROVED, Phase.DECLINED)


class Desk:
    """A `Kind`, and what the register's side calls, from any thread. Raises JournalBroken at the start."""

    def __init__(self, controls: OrderControls, *, clock: Clock, lapse_ms: int = LAPSE_MS) -> None:
        self._controls, self._clock, self._lapse_ms = controls, clock, lapse_ms
        self._lock = threading.RLock()
        self._change = threading.Condition(self._lock)
        self._watchers: list[Callable[[RegisterSale], None]] = []
        self._sales: OrderedDict[str, RegisterSale] = OrderedDict()
        self._waits = ""
        self._asked_ms = 0
        self._deciding = ""
        self._version = 0
        self._owed: list[tuple[int, int]] = []
        for each in controls.orders():
            if each.device == DEVICE:
                before = self._sales.get(each.order)
                if before is None or before.state is not State.APPROVED:
                    self._sales[each.order] = from_journal(each)

    # What the register asks

    def ask(self, order: str, amount_minor: int) -> tuple[RegisterSale, bool]:
        """Collect this; the same order again is the same sale. True where it began now.

        Raises OtherAmount, Busy, NotReady or BadRequest.
        """
        checked_order(order)
        if not 0 < amount_minor <= MAX_AMOUNT_MINOR:
            raise BadRequest("an amount is more than 0 and within the limit")
        with self._lock:
            self._lapse()
            known = self._sales.get(order)
            if known is not None:
                if known.amount_minor != amount_minor:
                    raise OtherAmount(f"{order} was asked for over {known.amount_minor}")
                self._asked(order)
                return known, False
            if self._waits:
                raise Busy(f"{self._waits} waits")
            if not self.ready:
                raise NotReady("the terminal cannot sell now")
            self._waits = order
            self._asked(order)
            sale = self._set(RegisterSale(order, State.WAITING, amount_minor))
            self._put_in(amount_minor)
            return sale, True

    def find(self, order: str) -> RegisterSale:
        """As it is now. Raises NoSuchOrder."""
        with self._lock:
            self._lapse()
            self._asked(order)
            sale = self._sales.get(order)
            if sale is None:
                raise NoSuchOrder(f"{order} is not known here")
            return sale

    def wait(self, order: str, *, version: int, timeout_s: float) -> RegisterSale:
        """As soon as it is another version, or when the time is up. Raises NoSuchOrder."""
        with self._change:
            self._change.wait_for(lambda: self.find(order).version != version, timeout=timeout_s)
            return self.find(order)

    def cancel(self, order: str) -> RegisterSale:
        """Nobody shall pay it any more; an approved sale stays approved, and is to be reversed. Raises NoSuchOrder."""
        with self._lock:
            sale = self.find(order)
            return self._cancel(sale) if sale.state in OPEN else sale

    def reverse(self, order: str) -> RegisterSale:
        """Give the money of this very sale back. Raises NoSuchOrder, NotApproved; NotReady where nothing is written."""
        with self._lock:
            sale = self.find(order)
            if sale.state is State.REVERSED:
                return sale
            if sale.state is not State.APPROVED:
                raise NotApproved(f"{order} is {sale.state}")
            if not self._undo(sale.epoch, sale.seq, reason=REVERSAL):
                raise NotReady("the reversal cannot be written now")
            return self._set(msgspec.structs.replace(sale, state=State.REVERSED, paid_minor=0))

    @property
    def ready(self) -> bool:
        """Whether a sale may be asked for; not where the server reads no orders, for they would not be found again."""
        return self._controls.notes and self._controls.screen().phase in _SELLS

    @property
    def waiting(self) -> str:
        """The order that waits for a tap, "" for none."""
        with self._lock:
            self._lapse()
            return self._waits

    def watch(self, callback: Callable[[RegisterSale], None]) -> None:
        """Call back with every change, in the thread that made it."""
        with self._lock:
            self._watchers.append(callback)

    # A presentation

    def prepare(self, controls: Controls) -> None:
        """The amount that the register asked for is what the tap pays."""
        with self._lock:
            self._lapse()
            if not self._waits:
                raise NotYet(ASK_FIRST)
            self._deciding = self._waits
            self._put_in(self._sales[self._waits].amount_minor)

    def facts(self) -> Facts | None:
        """By this the sale is found again."""
        with self._lock:
            return Facts(device=DEVICE, order=self._deciding) if self._deciding else None

    def after(self, controls: Controls, outcome: Outcome) -> None:
        """Told to the register; where it was cancelled meanwhile, the sale is reversed."""
        with self._lock:
            order, self._deciding = self._deciding, ""
            sale = self._sales.get(order)
            if sale is None:
                return
            if not outcome.approved:
                if order == self._waits:
                    told = outcome.result
                    self._set(msgspec.structs.replace(sale, state=State.DECLINED, why=told.why, sentence=told.sentence))
                return
            if order != self._waits:
                if not self._undo(outcome.epoch, outcome.seq, reason=CANCELLED):
                    self._owed.append((outcome.epoch, outcome.seq))
                return
            self._waits = ""
            self._set(
                msgspec.structs.replace(
                    sale,
                    state=State.APPROVED,
                    paid_minor=outcome.result.amount_minor,
                    why=outcome.result.why,
                    sentence=outcome.result.sentence,
                    epoch=outcome.epoch,
                    seq=outcome.seq,
                )
            )

    # State

    def _put_in(self, amount_minor: int) -> None:
        self._controls.set_mode("typed")
        self._controls.set_amount(amount_minor)

    def _undo(self, epoch: int, seq: int, *, reason: str) -> bool:
        outcome = self._controls.reverse(epoch=epoch, seq=seq, reason=reason)
        return outcome.approved or outcome.result.why == Why.NOTHING_TO_REVERSE

    def _asked(self, order: str) -> None:
        if order == self._waits:
            self._asked_ms = self._clock.monotonic_ms()

    def _lapse(self) -> None:
        """Forget a register that went away; pay back what could not be paid back before."""
        if self._waits and self._clock.monotonic_ms() - self._asked_ms >= self._lapse_ms:
            self._cancel(self._sales[self._waits])
        if self._owed:
            self._owed = [place for place in self._owed if not self._undo(*place, reason=CANCELLED)]

    def _cancel(self, sale: RegisterSale) -> RegisterSale:
        self._waits = ""
        self._controls.clear_basket()
        return self._set(msgspec.structs.replace(sale, state=State.CANCELLED))

    def _set(self, sale: RegisterSale) -> RegisterSale:
        self._version += 1
        sale = msgspec.structs.replace(sale, version=self._version)
        self._sales[sale.order] = sale
        self._sales.move_to_end(sale.order)
        if len(self._sales) > KEPT_SALES:
            self._sales.popitem(last=False)
        self._change.notify_all()
        for watcher in list(self._watchers):
            watcher(sale)
        return sale
