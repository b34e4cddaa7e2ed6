"""How long wrong PINs shut a supervisor out. Pure; the tries are notes in the journal, so power cuts forget none.

Five tries are free. From then on each wrong one shuts the supervisor out for 15 minutes, twice as long after every
further five, at most a day: 26 tries on the first day, 40 in the first week, then one a day, of a million PINs or
more.
"""

from collections.abc import Iterable

from devices.core.journal import NoteRecord
from devices.core.notes import MENU_OPENED, MENU_TRIED

FREE_TRIES = 5
FIRST_WAIT_MS = 15 * 60 * 1000
MAX_WAIT_MS = 24 * 3600 * 1000


def wrong_tries(notes: Iterable[NoteRecord], supervisor: int) -> tuple[int, int]:
    """(How many since the last right PIN, when the last was)."""
    count = last_ms = 0
    for note in notes:
        if note.by != (str(supervisor),):
            continue
        if note.what == MENU_TRIED:
            count, last_ms = count + 1, note.at_ms
        elif note.what == MENU_OPENED:
            count = 0
    return count, last_ms


def shut_out_until_ms(count: int, last_ms: int) -> int:
    """0 where nobody is shut out."""
    if count < FREE_TRIES:
        return 0
    return last_ms + min(FIRST_WAIT_MS << min(count // FREE_TRIES - 1, 10), MAX_WAIT_MS)
