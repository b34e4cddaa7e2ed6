"""What the menu gives: a host draws it, and decides nothing. Times are unix ms by the terminal's clock."""

import msgspec

from devices.master.screen import Said


class Named(msgspec.Struct, frozen=True):
    """Somebody who may enter."""

    id: int
    name: str


class Session(msgspec.Struct, frozen=True):
    """The menu is open for this supervisor; handed back with every call. It ends by itself, and with the next one."""

    supervisor: int
    name: str
    number: int


class Refused(msgspec.Struct, frozen=True):
    """Why not, in words; `wait_s` where waiting helps, `ended` where the PIN must be typed anew."""

    said: Said
    wait_s: int = 0
    ended: bool = False


class Done(msgspec.Struct, frozen=True):
    """It is on the disk."""

    said: Said


class Totals(msgspec.Struct, frozen=True):
    """What a shift took. `*_minor` by source add up to `sales_minor`; reversals may be of sales before the shift."""

    sales: int = 0
    sales_minor: int = 0
    purse_minor: int = 0
    lot_minor: int = 0
    voucher_minor: int = 0
    entitlement_minor: int = 0
    reversals: int = 0
    reversed_minor: int = 0
    passes_in: int = 0
    passes_out: int = 0

    @property
    def net_minor(self) -> int:
        """What is left of it; below zero where more was undone than sold."""
        return self.sales_minor - self.reversed_minor


class Shift(msgspec.Struct, frozen=True):
    """The shift that is open, and what it took so far."""

    opened_ms: int
    opened_by: str
    totals: Totals


class Closed(msgspec.Struct, frozen=True):
    """A closed shift: its report, line by line, and whether paper came out; `trouble` is why a printer gave none."""

    said: Said
    totals: Totals
    lines: tuple[str, ...]
    printed: bool
    trouble: Said | None = None


class SaleShown(msgspec.Struct, frozen=True):
    """A sale of this shift, newest first, that may be voided where it is not `reversed`."""

    epoch: int
    seq: int
    at_ms: int
    amount_minor: int
    name: str
    reversed: bool


class Check(msgspec.Struct, frozen=True):
    """A line of the diagnostics; `well` is False where somebody should look."""

    label: Said
    value: Said
    well: bool = True
