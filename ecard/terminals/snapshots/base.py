"""The rows of everybody, kept in memory between full loads.

A full load is these rows with those put over them that changed since, read in the load's own moment. So a base may
be as old as it likes: age costs time, never truth. Three hundred terminals that start at once share one build.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from ecard.benefits.counting import Needed
from ecard.changes.queries import generation_state
from ecard.terminals.snapshots.moment import one_moment
from ecard.terminals.snapshots.people import everybody, sums_at


@dataclass(frozen=True, slots=True)
class Base:
    """Encoded rows by account ref as they were at the cursor (generation, number), with the sums needed then."""

    generation: int
    number: int
    dates: tuple[date, ...]
    sums: frozenset[Needed]
    rows: Mapping[int, bytes] = field(repr=False)


_lock = threading.Lock()
_kept: list[Base] = []


def base(*, generation: int, dates: tuple[date, ...], least_number: int, at: datetime) -> Base:
    """A base of this generation and these dates at `least_number` or later, with all sums needed; or built anew."""
    sums = sums_at(at)
    with _lock:
        if _kept and _fits(_kept[0], generation=generation, dates=dates, sums=sums, least_number=least_number):
            return _kept[0]
        _kept.clear()
        with one_moment():
            state = generation_state()
            sums = sums_at(at)
            rows = dict(everybody(dates=dates, sums=sums, at=at))
        built = Base(generation=state.generation_id, number=state.latest_number, dates=dates, sums=sums, rows=rows)
        _kept.append(built)
        return built


def forget() -> None:
    """Drop what is kept."""
    with _lock:
        _kept.clear()


def _fits(kept: Base, *, generation: int, dates: tuple[date, ...], sums: frozenset[Needed], least_number: int) -> bool:
    same = kept.generation == generation and kept.dates == dates
    return same and kept.sums >= sums and kept.number >= least_number
