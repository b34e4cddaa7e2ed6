"""What a terminal shows, as one frozen value with a JSON form: hosts draw it, and decide nothing."""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from devices.core.catalogue import Catalogue
from devices.core.journal import Facts
from devices.core.messages import Mode, Parameters

Sound = Literal["approved", "warned", "declined", "reversed"]
"""`warned` is an approval, too."""
CLOCK_STEP_MS = 10_000
"""Corrections of the clock below this take no answer off the screen."""


class Phase(StrEnum):
    """Where the terminal is; a tap is decided in READY, APPROVED and DECLINED alike."""

    BOOTING = "booting"
    UNENROLLED = "unenrolled"
    READY = "ready"
    APPROVED = "approved"
    DECLINED = "declined"
    STOPPED = "stopped"


class Said(msgspec.Struct, frozen=True):
    """One sentence or name in both languages."""

    zh: str
    en: str

    def in_language(self, language: str) -> str:
        """For "zh…" or any other language code."""
        return self.zh if language.startswith("zh") else self.en


class LegShown(msgspec.Struct, frozen=True):
    """A part of the amount, and the sentence that says where it came from."""

    source: Literal["lot", "purse", "voucher", "entitlement"]
    amount_minor: int
    sentence: Said


class BenefitLeft(msgspec.Struct, frozen=True):
    """What is left of one benefit after the sale, as far as this terminal knows."""

    programme: int
    name: Said
    left_minor: int


class LineShown(msgspec.Struct, frozen=True):
    """One product in the basket, by the list."""

    product: int
    name: Said
    quantity: int
    unit_minor: int
    sum_minor: int


class BasketShown(msgspec.Struct, frozen=True):
    """What the next tap pays in products mode; `gone` names products that left the catalogue meanwhile."""

    lines: tuple[LineShown, ...] = ()
    other_minor: int = 0
    gone: tuple[Said, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """The answer to a tap or a reversal.

    `number` grows with each new result and not with further pictures of the same one, so a host plays `sound` once
    per number. `why` is "approved", "reversed" or a Why. `amount_minor` is without what an entitlement's sponsor
    bears: 0 for a free meal. `name` is masked, "" where unknown. `left_minor` is what the purse may still spend here,
    None where unknown or nothing was paid; `low` says that it is little. `warnings` are shown large beside an
    approval. `reasons` are all steps, also of a decline. `at_ms` is when the answer was there; `wait_s` counts from it:
    when to show the next code. The phase lapses to READY at `ready_ms`; the words stay to be read until `until_ms`. A
    new code is decided at any time.
    """

    number: int
    why: str
    sound: Sound
    at_ms: int
    ready_ms: int
    until_ms: int
    sentence: Said
    spoken: Said
    amount_minor: int
    name: str = ""
    left_minor: int | None = None
    benefits: tuple[BenefitLeft, ...] = ()
    legs: tuple[LegShown, ...] = ()
    reasons: tuple[Said, ...] = ()
    wait_s: int = 0
    warnings: tuple[Said, ...] = ()
    low: bool = False

    def is_shown(self, now_ms: int) -> bool:
        """Whether it is still there to be read; an answer far ahead of the clock is from before that was set back."""
        return self.at_ms - CLOCK_STEP_MS <= now_ms < self.until_ms


class LastSale(msgspec.Struct, frozen=True):
    """The newest sale in the journal, told also after a power cut so that the cashier knows whether it counts."""

    amount_minor: int
    at_ms: int
    name: str
    reversed: bool
    reversible: bool


class Network(msgspec.Struct, frozen=True):
    """Whether the last exchange with the server succeeded, and since when it is so."""

    online: bool
    since_ms: int


class Screen(msgspec.Struct, frozen=True):
    """All that a host needs to draw. Times are unix ms by the terminal's clock; `at_ms` is when this was made.

    `result` is there until its `until_ms`, and `phase` is APPROVED or DECLINED until its `ready_ms`: ask again at
    both. `amount_minor` is what the next tap will pay, 0 where nothing is typed; in products mode the list price of
    the basket. `notice` tells what a person should do in BOOTING, UNENROLLED and STOPPED, and warns in other phases.
    `snapshot_age_s` is None before the first one. `catalogue` changes with the products: fetch them again.
    `explained` says that there is a result whose steps can be asked for. `neighbours` are the terminals of the site
    that were heard lately over its own network.
    """

    phase: Phase
    at_ms: int
    mode: Mode
    amount_minor: int
    outlet: Said
    result: Result | None
    notice: Said | None
    network: Network
    unsent: int
    snapshot_age_s: int | None
    last_sale: LastSale | None
    clock_ok: bool
    terminal: int = 0
    basket: BasketShown = BasketShown()
    catalogue: int = 0
    explained: bool = False
    neighbours: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What one scan came to. `same_tap`: another picture of the tap just decided; nothing new was sold.

    `epoch` and `seq` name the journal record of an approved sale, else 0.
    """

    approved: bool
    result: Result
    same_tap: bool = False
    epoch: int = 0
    seq: int = 0


class Controls(Protocol):
    """What a host may do with a terminal, from any thread. `MasterControl` is the real one."""

    def screen(self) -> Screen:
        """The present state; phases with an end lapse by the clock."""
        ...

    def subscribe(self, callback: Callable[[Screen], None]) -> Callable[[], None]:
        """Call back on every change, in the thread that made it; the answer ends the subscription."""
        ...

    def set_mode(self, mode: Mode, *, fixed_minor: int = 0) -> None:
        """What a tap asks for. Raises AmountError for a fixed price of nothing or too much."""
        ...

    def set_amount(self, amount: str | int) -> int:
        """The typed amount, or the other amount beside a basket, as typed or in minor units; "" clears.

        Raises AmountError; gives minor units.
        """
        ...

    def catalogue(self) -> Catalogue:
        """The products sold here, empty before the first snapshot; `screen().catalogue` changes with it."""
        ...

    def set_quantity(self, product: int, quantity: int) -> None:
        """So many of a product in the basket, 0 for none. Raises BasketError, also outside products mode."""
        ...

    def add(self, product: int, *, quantity: int = 1) -> None:
        """So many more of a product, or fewer. Raises BasketError."""
        ...

    def clear_basket(self) -> None:
        """Empty the basket, the other amount with it."""
        ...

    def explained(self) -> Result | None:
        """The newest result with all its steps, also after the screen has let it go; None before the first."""
        ...

    def scan(self, text: str, *, facts: Facts | None = None) -> Outcome:
        """Decide a scanned text; an approval is durable before this returns."""
        ...

    def tap_card(self, uid: bytes, *, facts: Facts | None = None) -> Outcome:
        """The same for a card, by the number that the reader gives."""
        ...

    def reverse_last(self, *, reason: str = "cashier") -> Outcome:
        """Undo the newest sale; `approved` says whether it was."""
        ...

    def parameters(self) -> Parameters | None:
        """What the server has set this terminal to; None before the first snapshot."""
        ...

    def not_yet(self, said: Said) -> None:
        """Nothing can be paid for: say what to do first."""
        ...

    def confirm_clock(self) -> bool:
        """The cashier vouches for the clock after a jump; False where it is behind what the server has signed."""
        ...
