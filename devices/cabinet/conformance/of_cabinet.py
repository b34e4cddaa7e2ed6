"""The tester plays the terminal: what a cabinet must do."""

import time

from devices.cabinet.conformance.damage import damage_checks
from devices.cabinet.conformance.probe import Check, Failed, Probe
from devices.cabinet.frames import encode
from devices.cabinet.messages import (
    Ask,
    Cancel,
    Dispense,
    Error,
    Goods,
    Hello,
    Order,
    Payment,
    Refusal,
    Report,
    Settled,
    Status,
    Welcome,
    Wrong,
)

NO_ORDER = "NO-SUCH-ORDER"
CHOOSE = "choose something at the cabinet"
CUT = "cut the cabinet's power and switch it on again"
CUT_AS_GOODS_MOVE = "cut the cabinet's power as soon as goods move, and switch it on again"


class OfCabinet:
    """The checks in order; each new order is chosen by a person, or by the cabinet's own test mode."""

    def __init__(self) -> None:
        self._order: Order | None = None
        self._orders: list[str] = []
        self._stood_s: float | None = None

    def checks(self, *, slow: bool = False, power: bool = False) -> list[Check]:
        """`slow` waits for an order to lapse, `power` has a person cut the cabinet's."""
        found = [
            Check("it says hello when it is told to", self._hello),
            Check("it does not know an order that it never made", self._unknown),
            Check("it gives out nothing for an order that it never made", self._dispense_unknown),
            *damage_checks(Ask(NO_ORDER), lambda probe, sequence: _report(probe, sequence)),
            Check("it sends an order, and again while nobody answers", self._orders_and_repeats),
            Check("it keeps an order that is not answered yet", self._keeps),
            Check("it gives out nothing while the order waits or was declined", self._waits),
            Check("it does not take a damaged dispense", self._damaged_dispense),
            Check("it gives out when it is told to, and says so", self._dispenses),
            Check("it repeats its report until the order is settled, then stops", self._settles),
            Check("it gives out nothing more when told again", self._dispense_again),
            Check("it takes a new number for the next order", self._new_number),
            Check("it gives out nothing any more after the money went back", self._void),
        ]
        if slow:
            found += [
                Check("it takes back an order that nobody paid for 90 s", self._lapses),
                Check("it takes no order back before", self._lapses_in_time),
            ]
        if power:
            found += [
                Check("it remembers after a power cut what it gave out, and repeats it", self._cut_after_the_goods),
                Check("it makes an order void that waited while the power was cut", self._cut_while_it_waits),
                Check("it gives out nothing twice when the power was cut in between", self._cut_while_goods_move),
            ]
        return found

    def _hello(self, probe: Probe) -> None:
        probe.say(Error(Wrong.HELLO_FIRST))
        probe.expect(Hello, within_s=probe.pace.repeat_s)
        probe.say(Welcome(1, ready=True, software="conformance"))

    def _unknown(self, probe: Probe) -> None:
        _must(probe.answer(Ask(NO_ORDER), Report), Goods.UNKNOWN)

    def _dispense_unknown(self, probe: Probe) -> None:
        _must(probe.answer(Dispense(NO_ORDER), Report), Goods.UNKNOWN)
        probe.notice("look: nothing may have come out")

    def _orders_and_repeats(self, probe: Probe) -> None:
        self._next(probe)
        order = probe.expect(Order, within_s=probe.pace.repeat_s)
        if order != self._chosen:
            raise Failed(f"the repeat is another order: {order}")

    def _keeps(self, probe: Probe) -> None:
        number = self._chosen.order
        probe.none(Cancel, that=lambda cancel: cancel.order == number, for_s=probe.pace.unanswered_s)
        _must(probe.answer(Ask(number), Report), Goods.ORDERED)

    def _waits(self, probe: Probe) -> None:
        order = self._chosen
        self._status(probe, Payment.WAITING)
        _must(probe.answer(Ask(order.order), Report), Goods.ORDERED)
        self._status(probe, Payment.DECLINED)
        _must(probe.answer(Ask(order.order), Report), Goods.ORDERED)

    def _damaged_dispense(self, probe: Probe) -> None:
        damaged = bytearray(encode(Dispense(self._chosen.order), sequence=90))
        damaged[-1] ^= 0x01
        probe.raw(bytes(damaged))
        _must(probe.answer(Ask(self._chosen.order), Report), Goods.ORDERED)

    def _dispenses(self, probe: Probe) -> None:
        number = self._chosen.order
        self._status(probe, Payment.APPROVED)
        for _ in range(3):
            _must(probe.answer(Dispense(number), Report), Goods.DISPENSING, Goods.DISPENSED)
        _of(probe, number, Goods.DISPENSED, within_s=probe.pace.goods_s)
        probe.notice("look: exactly one order must have come out")

    def _settles(self, probe: Probe) -> None:
        number = self._chosen.order
        _of(probe, number, Goods.DISPENSED, within_s=probe.pace.repeat_s)
        probe.say(Settled(number, paid=True))
        probe.rest()
        probe.none(Report, that=lambda report: report.order == number, for_s=probe.pace.repeat_s)

    def _dispense_again(self, probe: Probe) -> None:
        _must(probe.answer(Dispense(self._chosen.order), Report), Goods.DISPENSED)
        probe.notice("look: no second one may have come out")

    def _new_number(self, probe: Probe) -> None:
        before = list(self._orders)
        self._next(probe)
        if self._chosen.order in before:
            raise Failed(f"{self._chosen.order} was used before")

    def _void(self, probe: Probe) -> None:
        number = self._chosen.order
        self._status(probe, Payment.WAITING)
        self._status(probe, Payment.REVERSED)
        probe.say(Settled(number, paid=False))
        probe.none(Report, that=lambda report: report.goods is Goods.DISPENSING)
        _must(probe.answer(Dispense(number), Report), Goods.VOID, Goods.UNKNOWN)
        probe.notice("look: nothing may have come out")

    def _lapses(self, probe: Probe) -> None:
        self._next(probe)
        number, began_s = self._chosen.order, time.monotonic()
        self._status(probe, Payment.WAITING)
        probe.expect(Cancel, that=lambda cancel: cancel.order == number, within_s=probe.pace.lapse_s)
        self._stood_s = time.monotonic() - began_s
        _must(probe.answer(Dispense(number), Report), Goods.VOID, Goods.UNKNOWN)

    def _lapses_in_time(self, probe: Probe) -> None:
        if self._stood_s is None:
            raise Failed("no order was taken back")
        if self._stood_s < probe.pace.keeps_s:
            raise Failed(
                f"it took the order back after {self._stood_s:.0f} s: whoever stood there could still have paid"
            )

    def _cut_after_the_goods(self, probe: Probe) -> None:
        self._next(probe)
        number = self._chosen.order
        self._dispense(probe)
        _of(probe, number, Goods.DISPENSED, within_s=probe.pace.goods_s)
        probe.notice(CUT)
        _restarted(probe)
        _of(probe, number, Goods.DISPENSED, within_s=probe.pace.repeat_s)
        for each in (self._orders[0], number):
            _must(probe.answer(Dispense(each), Report), Goods.DISPENSED)
        probe.notice("look: exactly one order must have come out")
        probe.say(Settled(number, paid=True))

    def _cut_while_it_waits(self, probe: Probe) -> None:
        self._next(probe)
        self._status(probe, Payment.WAITING)
        probe.notice(CUT)
        _restarted(probe)
        _must(probe.answer(Dispense(self._chosen.order), Report), Goods.VOID)
        probe.notice("look: nothing may have come out")

    def _cut_while_goods_move(self, probe: Probe) -> None:
        self._next(probe)
        number = self._chosen.order
        probe.notice(CUT_AS_GOODS_MOVE)
        self._dispense(probe)
        _restarted(probe)
        now = probe.answer(Ask(number), Report)
        _must(now, Goods.DISPENSED, Goods.FAILED)
        _must(probe.answer(Dispense(number), Report), now.goods)
        probe.notice("look: not more than one order may have come out")
        probe.say(Settled(number, paid=now.goods is Goods.DISPENSED))

    def _dispense(self, probe: Probe) -> None:
        self._status(probe, Payment.APPROVED)
        _must(probe.answer(Dispense(self._chosen.order), Report), Goods.DISPENSING, Goods.DISPENSED)

    @property
    def _chosen(self) -> Order:
        if self._order is None:
            raise Failed("there is no order")
        return self._order

    def _next(self, probe: Probe) -> None:
        probe.forget()
        probe.notice(CHOOSE)
        self._order = None
        self._order = probe.expect(
            Order, that=lambda order: order.order not in self._orders, within_s=probe.pace.person_s
        )
        self._orders.append(self._order.order)

    def _status(self, probe: Probe, payment: Payment) -> None:
        order = self._chosen
        probe.say(Status(order.order, payment, Refusal.NONE, order.amount_minor, "conformance"))


def _restarted(probe: Probe) -> None:
    """What was said before the Hello does not count."""
    probe.forget()
    probe.expect(Hello, within_s=probe.pace.person_s)
    probe.say(Welcome(1, ready=True, software="conformance"))


def _report(probe: Probe, sequence: int) -> None:
    _must(probe.expect(Report, sequence=sequence), Goods.UNKNOWN)


def _of(probe: Probe, number: str, goods: Goods, *, within_s: float) -> None:
    probe.expect(Report, that=lambda report: report.order == number and report.goods is goods, within_s=within_s)


def _must(report: Report, *goods: Goods) -> None:
    if report.goods not in goods:
        raise Failed(f"the goods are {report.goods.name}, not {' or '.join(each.name for each in goods)}")
