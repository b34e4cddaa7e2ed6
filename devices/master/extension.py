"""Offline time beyond the age table, as two supervisors granted it: for one snapshot, and with an end."""

from devices.core.funds import age_step
from devices.core.journal import NoteRecord
from devices.core.notes import EXTENDED
from devices.core.policy import AgeStep
from devices.journal.journal import Journal

MAX_EXTENSION_H = 72
"""For one snapshot, all grants together."""
HOUR_S = 3600


class Extension:
    """Read from the notes when a snapshot is too old, and not before. Not for two threads at once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: tuple[int, int] | None = None

    def hours_of(self, snapshot_made_s: int) -> int:
        """What was granted for this snapshot. Raises JournalBroken."""
        if self._known is None or self._known[0] != snapshot_made_s:
            notes = (each.record for each in self._journal.written(NoteRecord, since_ms=snapshot_made_s * 1000))
            granted = [
                note.params.get("hours", 0)
                for note in notes
                if isinstance(note, NoteRecord)
                and note.what == EXTENDED
                and note.params.get("snapshot_made_s") == snapshot_made_s
            ]
            self._known = snapshot_made_s, min(sum(granted), MAX_EXTENSION_H)
        return self._known[1]

    def granted(self) -> None:
        """Another note was written: read them again."""
        self._known = None

    def ages(self, table: tuple[AgeStep, ...], *, snapshot_made_s: int, now_s: int) -> tuple[AgeStep, ...]:
        """The table in force: where it has come to its end, its last step goes on for so long. Raises JournalBroken."""
        if not table or age_step(table, age_s=now_s - snapshot_made_s) is not None:
            return table
        last = table[-1]
        until_s = last.up_to_s + self.hours_of(snapshot_made_s) * HOUR_S
        return (*table[:-1], AgeStep(until_s, last.sale_minor, last.person_minor))
