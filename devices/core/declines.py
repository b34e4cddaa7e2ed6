"""Why a tap is declined. A decline is a value; its sentence, in each language, is in `sentences`."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Why(StrEnum):
    """Each reason a person can meet at a terminal; the value is stored and sent, never renamed."""

    NOT_A_CODE = "not_a_code"
    OTHER_INSTITUTION = "other_institution"
    DAMAGED = "damaged"
    UNKNOWN_KEY = "unknown_key"
    KEY_REVOKED = "key_revoked"
    ALTERED = "altered"
    TOO_EARLY = "too_early"
    EXPIRED = "expired"
    PHONE_SLOW = "phone_slow"
    PHONE_FAST = "phone_fast"
    ALREADY_USED = "already_used"
    OLDER_MOMENT = "older_moment"
    DENIED = "denied"
    STOPPED = "stopped"
    TOO_MANY_SALES = "too_many_sales"
    OVER_SALE_LIMIT = "over_sale_limit"
    OVER_DAY_LIMIT = "over_day_limit"
    OVER_PERIOD_LIMIT = "over_period_limit"
    OVER_WEEK_LIMIT = "over_week_limit"
    OVER_MONTH_LIMIT = "over_month_limit"
    TOO_MANY_IN_WINDOW = "too_many_in_window"
    TOO_SOON = "too_soon"
    OVER_GUARD = "over_guard"
    TOO_MANY_GUARD = "too_many_guard"
    GUARD_BLOCKS = "guard_blocks"
    NOT_ENTITLED = "not_entitled"
    INSUFFICIENT = "insufficient"
    NOT_SOLD_HERE = "not_sold_here"
    NO_AMOUNT = "no_amount"
    SNAPSHOT_TOO_OLD = "snapshot_too_old"
    OVER_AGED_LIMIT = "over_aged_limit"
    CLOCK_SUSPECT = "clock_suspect"
    NOT_READY = "not_ready"
    WITHDRAWN = "withdrawn"
    JOURNAL_FULL = "journal_full"
    NOT_A_CARD = "not_a_card"
    CARD_UNKNOWN = "card_unknown"
    ALREADY_INSIDE = "already_inside"
    NO_PASSAGE = "no_passage"
    NOTHING_TO_REVERSE = "nothing_to_reverse"
    BUSY = "busy"


class Decline(msgspec.Struct, frozen=True, omit_defaults=True):
    """A refusal and what its sentence needs: whole numbers by name (`_minor`, `_s`) and short texts."""

    why: Why
    params: Mapping[str, int | str] = {}
