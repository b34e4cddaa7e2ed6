"""A register's sales and their states; what is the same over HTTP and over a serial line."""

from enum import StrEnum

import msgspec

from devices.core.journal import SaleRecord
from devices.journal.orders import Ordered
from devices.master import texts
from devices.master.results import charged_minor
from devices.master.screen import Said

DEVICE = "till"
"""In the facts of every sale that a register asked for."""
MAX_ORDER = 40
EMPTY = Said("", "")


class State(StrEnum):
    """DECLINED waits for another tap, as WAITING does; from an approval only a reversal leads on."""

    WAITING = "waiting"
    DECLINED = "declined"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


OPEN = frozenset((State.WAITING, State.DECLINED))


class RegisterSale(msgspec.Struct, frozen=True):
    """`version` is another with every change. `paid_minor` is what the person paid once approved, else 0; `why` is
    "approved" or the word of the last decline, `sentence` the same for people. (`epoch`, `seq`) name the record.
    """

    order: str
    state: State
    amount_minor: int
    paid_minor: int = 0
    why: str = ""
    sentence: Said = EMPTY
    epoch: int = 0
    seq: int = 0
    version: int = 0


class RegisterError(Exception):
    """The register asks for what cannot be; `code` is a stable word, the message a sentence for its log."""

    code = "error"


class OtherAmount(RegisterError):
    """The register's fault: the number was used for another amount."""

    code = "other_amount"


class Busy(RegisterError):
    """Another sale waits for its tap: the register cancels that one first."""

    code = "busy"


class NotReady(RegisterError):
    """The terminal cannot sell now; its screen says why."""

    code = "not_ready"


class NoSuchOrder(RegisterError):
    """Never asked for here, or longer ago than the journal keeps."""

    code = "no_such_order"


class NotApproved(RegisterError):
    """Only an approved sale is reversed."""

    code = "not_approved"


class BadRequest(RegisterError):
    """The register's fault: an amount that is none, an order number with spaces, a line that is not understood."""

    code = "bad_request"


def checked_order(order: str) -> str:
    """The number itself. Raises BadRequest."""
    if not 0 < len(order) <= MAX_ORDER or not all("!" <= each <= "~" and each not in "|*$/?#%" for each in order):
        raise BadRequest("an order number is 1 to 40 printable ASCII characters, without spaces and | * $ / ? # %")
    return order


def from_journal(each: Ordered) -> RegisterSale:
    """A sale found again after a restart."""
    record = each.record
    return RegisterSale(
        each.order,
        State.REVERSED if each.reversed else State.APPROVED,
        asked_minor(record),
        0 if each.reversed else charged_minor(record),
        "approved",
        texts.approved(charged_minor(record)),
        each.epoch,
        record.seq,
    )


def asked_minor(record: SaleRecord) -> int:
    """What the register asked for."""
    return sum(line.unit_minor * line.quantity for line in record.basket)
