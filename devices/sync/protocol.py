"""What the sync machine is told, what it answers, and what follows: plain values."""

from enum import StrEnum

import msgspec

from devices.core.messages import Ack, Refusal


class Enrol(msgspec.Struct, frozen=True):
    """Exchange this one-time code."""

    code: str


class FetchKeys(msgspec.Struct, frozen=True):
    """Ask for the key list and the sealing keys."""


class FetchSnapshot(msgspec.Struct, frozen=True):
    """Ask for the changes since the snapshot held, or for all of it."""

    full: bool


class AskNews(msgspec.Struct, frozen=True):
    """Ask whether there is anything after the snapshot held: a hint that costs the server next to nothing."""


class SendBatch(msgspec.Struct, frozen=True):
    """Send the oldest unacknowledged records, at most so many."""

    limit: int


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do until this monotonic moment, unless something happens."""

    until_ms: int


Exchange = Enrol | FetchKeys | FetchSnapshot | AskNews | SendBatch
Command = Exchange | Wait


class Sent(msgspec.Struct, frozen=True):
    """The server's word on records `first_seq` to `last_seq`."""

    ack: Ack
    first_seq: int
    last_seq: int


class HasKeys(msgspec.Struct, frozen=True):
    """Keys are kept; the number of their list."""

    number: int


class HasSnapshot(msgspec.Struct, frozen=True):
    """A snapshot is kept; it names the key list the server has by now, and how often to ask."""

    key_list_number: int
    sync_every_s: int
    tells_news: bool = False
    """Whether this server answers `AskNews`."""


class HasNews(msgspec.Struct, frozen=True):
    """The answer to `AskNews`."""

    there: bool


class HasIdentity(msgspec.Struct, frozen=True):
    """The terminal is enrolled."""


class Refused(msgspec.Struct, frozen=True):
    """The server answered, and would not."""

    command: Exchange
    refusal: Refusal


class Failed(msgspec.Struct, frozen=True):
    """No answer, a server error, or bytes that are not the answer: `bad` marks the last."""

    command: Exchange
    bad: bool = False


class NotKept(msgspec.Struct, frozen=True):
    """The server needs records that this journal does not keep any more."""


Event = Sent | HasKeys | HasSnapshot | HasNews | HasIdentity | Refused | Failed | NotKept


class Acknowledge(msgspec.Struct, frozen=True):
    """Tell the journal: the server durably holds `epoch` up to `upto`."""

    epoch: int
    upto: int


class Rewind(msgspec.Struct, frozen=True):
    """Tell the journal: send `epoch` again after `upto`; report NotKept where it cannot."""

    epoch: int
    upto: int


class SignBy(msgspec.Struct, frozen=True):
    """Sign further requests by the server's clock, which now shows this. Decides no sale: it is not signed."""

    server_time_ms: int


class Withdraw(msgspec.Struct, frozen=True):
    """The terminal is revoked: stop selling."""


class NotEnrolled(msgspec.Struct, frozen=True):
    """The code was refused, with the server's word for why."""

    error: str


class Standing(StrEnum):
    """How the upload stands."""

    FLOWS = "flows"
    HELD = "held"


class Tell(msgspec.Struct, frozen=True):
    """A person should know how the upload stands."""

    standing: Standing


Effect = Acknowledge | Rewind | SignBy | Withdraw | NotEnrolled | Tell
