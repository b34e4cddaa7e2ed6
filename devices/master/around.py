"""The neighbours on the site's network, as a sale and a gate ask them; optional."""

from typing import Protocol

from devices.core.accept import Genuine
from devices.core.funds import Pending
from devices.core.journal import NoteRecord, PassRecord, ReversalRecord, SaleRecord
from devices.journal.walked import Seen


class Neighbours(Protocol):
    """Other terminals of the site, as far as they were heard. Called within a tap: only claims may wait."""

    def heard(self) -> int:
        """How many neighbours were heard lately."""
        ...

    def last_presented_s(self, code_id: bytes) -> int | None:
        """The last moment that a neighbour accepted for this code id."""
        ...

    def pending(self, account_ref: int) -> Pending:
        """What this person spent at neighbours and the snapshot does not contain."""
        ...

    def claim(self, code: Genuine) -> bool:
        """Say that this code is being taken here, and wait as set; False where a neighbour's claim goes before."""
        ...

    def sold(self, epoch: int, record: SaleRecord, code: Genuine | None) -> None:
        """A sale is durable here; `code` is None for a card."""
        ...

    def undone(self, epoch: int, record: ReversalRecord, evidence: str) -> None:
        """A sale of this terminal, made with this evidence, was reversed: the code may be taken again here."""
        ...

    def last_passed_s(self, code_id: bytes, *, outlet: int) -> int | None:
        """The last moment that another gate of this hall took of this code."""
        ...

    def seen(self, account_ref: int, *, business_date: str) -> list[Seen]:
        """What the other gates of this hall saw of this person on this day."""
        ...

    def claim_way(self, code: Genuine, *, outlet: int) -> bool:
        """As `claim`, for the way into a hall."""
        ...

    def passed(self, epoch: int, record: PassRecord) -> None:
        """A passage is durable here."""
        ...

    def cleared(self, epoch: int, record: NoteRecord) -> None:
        """A supervisor let everybody in again."""
        ...


class Alone:
    """No neighbours."""

    def heard(self) -> int:
        """Nobody."""
        return 0

    def last_presented_s(self, _code_id: bytes) -> int | None:
        """Nobody took it."""
        return None

    def pending(self, _account_ref: int) -> Pending:
        """Nobody sold anything."""
        return _NOTHING

    def claim(self, _code: Genuine) -> bool:
        """Nobody objects."""
        return True

    def sold(self, _epoch: int, _record: SaleRecord, _code: Genuine | None) -> None:
        """Nobody listens."""

    def undone(self, _epoch: int, _record: ReversalRecord, _evidence: str) -> None:
        """Nobody listens."""

    def last_passed_s(self, _code_id: bytes, *, outlet: int) -> int | None:
        """There is no other gate."""
        return None

    def seen(self, _account_ref: int, *, business_date: str) -> list[Seen]:
        """There is no other gate."""
        return []

    def claim_way(self, _code: Genuine, *, outlet: int) -> bool:
        """Nobody objects."""
        return True

    def passed(self, _epoch: int, _record: PassRecord) -> None:
        """Nobody listens."""

    def cleared(self, _epoch: int, _record: NoteRecord) -> None:
        """Nobody listens."""


_NOTHING = Pending()
