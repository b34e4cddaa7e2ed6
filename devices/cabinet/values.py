"""What the terminal's side keeps of orders, what it asks of its host, and how long it waits."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from devices.cabinet.messages import MAX_TEXT_BYTES, Order, Payment

Wanted = tuple[int, tuple[tuple[int, int], ...]]
"""An amount, and (product, quantity) in the order of products: what must be the same where a number comes again."""


class Times(msgspec.Struct, frozen=True):
    """How long the terminal waits. `recover_ms` None: until the cabinet answers."""

    pay_ms: int = 60_000
    repeat_ms: int = 1_000
    ask_ms: int = 2_000
    silence_ms: int = 10_000
    dispense_ms: int = 60_000
    recover_ms: int | None = 120_000
    settled_sends: int = 3


class Name(msgspec.Struct, frozen=True):
    """An order is known by its cabinet and its number."""

    cabinet: str
    order: str


class Kept(msgspec.Struct, frozen=True):
    """An order that is over. `wanted` is its amount and products, None where that is not known any more.

    `late`: it is written that its goods came after the money had been given back.
    """

    payment: Payment
    amount_minor: int = 0
    wanted: Wanted | None = None
    epoch: int = 0
    seq: int = 0
    late: bool = False


class Asked(msgspec.Struct, frozen=True):
    """Somebody wants this: offer it for payment and call `accept`, or `refuse` it."""

    name: Name
    order: Order


class Withdrawn(msgspec.Struct, frozen=True):
    """It is not to be paid any more."""

    name: Name


class GiveBack(msgspec.Struct, frozen=True):
    """Reverse this sale and call `given_back`; asked again until then."""

    name: Name
    epoch: int
    seq: int


class Came(msgspec.Struct, frozen=True):
    """The goods came; `late`: after the money was given back."""

    name: Name
    epoch: int
    seq: int
    late: bool


Effect = Asked | Withdrawn | GiveBack | Came


class Phase(StrEnum):
    """Where the open order is."""

    CHECKING = "checking"
    WAITING = "waiting"
    DISPENSE = "dispense"
    DISPENSING = "dispensing"
    RECOVERING = "recovering"
    GIVING_BACK = "giving_back"


class Open(msgspec.Struct):
    """The order that is not over yet. `since_ms` is the phase's, `heard_ms` when the cabinet last spoke of it, and
    `sequence` that of the message which brought it.
    """

    name: Name
    phase: Phase
    since_ms: int
    heard_ms: int
    sent_ms: int
    amount_minor: int = 0
    wanted: Wanted | None = None
    epoch: int = 0
    seq: int = 0
    sequence: int | None = None


def wanted_by(order: Order) -> Wanted:
    """What is compared where a number comes again: the amount, and how many of each product."""
    return order.amount_minor, tally((each.product, each.quantity) for each in order.slots)


def tally(lines: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """(product, quantity) in the order of products, those without a number left out."""
    sums: dict[int, int] = {}
    for product, quantity in lines:
        if product:
            sums[product] = sums.get(product, 0) + quantity
    return tuple(sorted(sums.items()))


def cut(text: str) -> str:
    """As much of a text as a message takes."""
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
