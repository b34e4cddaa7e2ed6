"""What other apps are given to know about cards."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Binding(NamedTuple):
    """One card in one person's hands, from `bound_at` until `stopped_at` (None: still). `name` is the card's hash."""

    card_id: int
    name: str
    account_ref: int
    bound_at: datetime
    stopped_at: datetime | None
    replaced: bool


class Standing(StrEnum):
    """What a card was to an account at a moment."""

    HELD = "held"
    STOPPED = "stopped"
    REPLACED = "replaced"
    OTHER_ACCOUNT = "other_account"
    UNKNOWN = "unknown"


class Stood(NamedTuple):
    """The standing, and the card it is about where there is one."""

    standing: Standing
    card_id: int | None = None
