"""The neighbours on the site's network, as a sale asks them; optional."""

from typing import Protocol

from devices.core.accept import Genuine
from devices.core.funds import Pending
from devices.core.journal import ReversalRecord, SaleRecord


class Neighbours(Protocol):
    """Other terminals of the site, as far as they were heard. Called within a tap: only `claim` may wait."""

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


_NOTHING = Pending()
