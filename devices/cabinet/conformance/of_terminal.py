"""The tester plays the cabinet: what a terminal must do."""

import secrets

from devices.cabinet.conformance.damage import damage_checks
from devices.cabinet.conformance.probe import Check, Failed, Probe
from devices.cabinet.messages import (
    Cancel,
    Dispense,
    Fault,
    Goods,
    Hello,
    Order,
    Payment,
    Refusal,
    Report,
    Settled,
    Slot,
    Status,
    Welcome,
)

PAY = "pay at the terminal"


class OfTerminal:
    """The checks in order; three sales are paid by a person, and two of them go back."""

    def __init__(self, *, amount_minor: int, slot: int, product: int) -> None:
        self._amount_minor, self._slots = amount_minor, (Slot(slot, product),)
        self._run = secrets.token_hex(4)
        self._hello_is = Hello(f"conformance-{self._run}", "conformance")

    def checks(self) -> list[Check]:
        """All of them."""
        return [
            Check("it welcomes", self._hello),
            *damage_checks(self._hello_is, lambda probe, sequence: _welcome(probe, sequence)),
            Check("an order waits, and a repeated one gets the same answer", self._waits),
            Check("other content under the same number is refused", self._other_content),
            Check("a second order is refused while the first waits", self._busy),
            Check("a cancelled order stays cancelled", self._cancels),
            Check("it says dispense once it is paid, and again while nobody answers", self._dispense),
            Check("a dispensed order is settled as paid", self._paid),
            Check("a repeated order after its approval is not charged again", self._not_again),
            Check("goods that did not come are paid back", self._failed),
            Check("silence after the approval is paid back", self._silence),
            Check("goods that come after that are told, and change nothing", self._late),
        ]

    def _order(self, name: str) -> Order:
        return Order(f"{self._run}-{name}", self._amount_minor, self._slots)

    def _hello(self, probe: Probe) -> None:
        probe.answer(self._hello_is, Welcome)

    def _waits(self, probe: Probe) -> None:
        for _ in range(2):
            _must(probe.answer(self._order("1"), Status), Payment.WAITING)

    def _other_content(self, probe: Probe) -> None:
        dearer = Order(self._order("1").order, self._amount_minor + 1, self._slots)
        _refused(probe.answer(dearer, Status), Refusal.OTHER_CONTENT)

    def _busy(self, probe: Probe) -> None:
        _refused(probe.answer(self._order("2"), Status), Refusal.BUSY)

    def _cancels(self, probe: Probe) -> None:
        _must(probe.answer(Cancel(self._order("1").order), Status), Payment.CANCELLED)
        _must(probe.answer(self._order("1"), Status), Payment.CANCELLED)

    def _dispense(self, probe: Probe) -> None:
        self._paid_by_somebody(probe, "3")
        number = self._order("3").order
        for _ in range(2):
            probe.expect(Dispense, that=lambda each: each.order == number, within_s=probe.pace.repeat_s)

    def _paid(self, probe: Probe) -> None:
        number = self._order("3").order
        probe.say(Report(number, Goods.DISPENSING))
        probe.say(Report(number, Goods.DISPENSED))
        _settled(probe, number, paid=True)

    def _not_again(self, probe: Probe) -> None:
        _must(probe.answer(self._order("3"), Status), Payment.PAID)

    def _failed(self, probe: Probe) -> None:
        self._paid_by_somebody(probe, "4")
        number = self._order("4").order
        probe.expect(Dispense, that=lambda each: each.order == number, within_s=probe.pace.repeat_s)
        probe.say(Report(number, Goods.FAILED, Fault.JAMMED))
        _settled(probe, number, paid=False)
        _must(probe.answer(self._order("4"), Status), Payment.REVERSED)

    def _silence(self, probe: Probe) -> None:
        self._paid_by_somebody(probe, "5")
        _settled(probe, self._order("5").order, paid=False, within_s=probe.pace.silence_s)

    def _late(self, probe: Probe) -> None:
        probe.forget()
        probe.say(Report(self._order("5").order, Goods.DISPENSED))
        _settled(probe, self._order("5").order, paid=False)
        _must(probe.answer(self._order("5"), Status), Payment.REVERSED)

    def _paid_by_somebody(self, probe: Probe, name: str) -> None:
        probe.forget()
        order = self._order(name)
        _must(probe.answer(order, Status), Payment.WAITING)
        probe.notice(PAY)
        probe.expect(
            Status,
            that=lambda status: status.order == order.order and status.payment is Payment.APPROVED,
            within_s=probe.pace.person_s,
        )


def _welcome(probe: Probe, sequence: int) -> None:
    probe.expect(Welcome, sequence=sequence)


def _settled(probe: Probe, number: str, *, paid: bool, within_s: float | None = None) -> None:
    settled = probe.expect(Settled, that=lambda each: each.order == number, within_s=within_s)
    if settled.paid is not paid:
        raise Failed(f"it is settled as {'paid' if settled.paid else 'not paid'}")


def _refused(status: Status, refusal: Refusal) -> None:
    if status.payment is not Payment.REFUSED or status.refusal is not refusal:
        raise Failed(f"it is {status.payment.name} {status.refusal.name}, not REFUSED {refusal.name}")


def _must(status: Status, payment: Payment) -> None:
    if status.payment is not payment:
        raise Failed(f"the money is {status.payment.name} {status.refusal.name}, not {payment.name}")
