"""Is there anything after a cursor? Asked by every terminal every second, so it is looked up a few times a second only.

Telling all terminals of a busy campus of every sale at once would have them all fetch a snapshot each second. So each
process tells no more than TOLD_PER_S of them; the others ask again, and have their regular snapshot all the same.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ecard.changes.queries import anything_unnumbered, generation_state

LOOKED_EVERY_S = 0.2
TOLD_PER_S = 20


@dataclass(slots=True)
class _Known:
    generation: int = 0
    number: int = 0
    looked_s: float = float("-inf")
    left: float = float(TOLD_PER_S)
    filled_s: float = 0.0


_lock = threading.Lock()
_known = _Known()


def after(*, generation: int, number: int) -> bool:
    """Whether a snapshot would bring something. Always for another generation; it costs its asker a full load."""
    now_s = time.monotonic()
    with _lock:
        if now_s - _known.looked_s >= LOOKED_EVERY_S:
            state = generation_state()
            _known.generation, _known.looked_s = state.generation_id, now_s
            _known.number = state.latest_number + anything_unnumbered()
        if generation != _known.generation:
            return True
        if number >= _known.number:
            return False
        _known.left = min(TOLD_PER_S, _known.left + (now_s - _known.filled_s) * TOLD_PER_S)
        _known.filled_s = now_s
        if _known.left < 1:
            return False
        _known.left -= 1
        return True


def forget() -> None:
    """Look again at once."""
    with _lock:
        _known.looked_s = float("-inf")
