"""What the outbox tells its readers."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from ecard.changes.models import Topic


@dataclass(frozen=True, slots=True)
class GenerationState:
    """Where the numbering stands. `generation_id` 0: nothing has been numbered yet."""

    generation_id: int
    latest_number: int
    oldest_number: int


@dataclass(frozen=True, slots=True)
class ChangedSet:
    """Changes after a cursor, by topic, each ref once, in the order first met.

    `upto` is the next cursor; `more` says that the limit cut the set short.
    """

    generation_id: int
    refs: Mapping[Topic, tuple[int, ...]]
    upto: int
    more: bool


class FullLoadReason(enum.Enum):
    """Why a cursor cannot be continued."""

    OTHER_GENERATION = "other_generation"
    TOO_OLD = "too_old"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class FullLoadNeeded:
    """The reader must load everything and continue from `latest_number` as it was before that load."""

    reason: FullLoadReason
    generation_id: int
    latest_number: int
