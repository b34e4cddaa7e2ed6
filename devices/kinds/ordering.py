"""What a kind needs of the master control whose sales answer to orders: a cabinet's, a register's."""

from collections.abc import Mapping
from typing import Protocol

from devices.journal.orders import Ordered
from devices.journal.values import NewestSale
from devices.master.screen import Controls, Outcome


class OrderControls(Controls, Protocol):
    """`MasterControl` is the real one."""

    @property
    def notes(self) -> bool:
        """Whether notes may be written: the server reads them."""
        ...

    def reverse(self, *, epoch: int, seq: int, reason: str) -> Outcome:
        """Undo this very sale, whatever came after it; `approved` says whether it was undone now."""
        ...

    def note(self, what: str, *, by: tuple[str, ...] = (), params: Mapping[str, int] | None = None) -> bool:
        """Keep a word in the journal; False where the server reads none yet, or nothing can be written."""
        ...

    def sale(self, *, epoch: int, seq: int) -> NewestSale | None:
        """One sale by its place, where it is kept, and whether it was reversed. Raises JournalBroken."""
        ...

    def orders(self) -> list[Ordered]:
        """The sales kept that answer to an order, oldest first: for a start. Raises JournalBroken."""
        ...
