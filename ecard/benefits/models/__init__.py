"""Rules as administrators edit them, what sponsors gave to whom, and the policies compiled from the rules.

A rule's ids are small and never used again: published policies and sales name them.
"""

from ecard.benefits.models.bases import AMOUNT_MAX_MINOR, PERCENT_BP_MAX, Addressed, Named, Placed, Weekday
from ecard.benefits.models.counters import UsageCounter
from ecard.benefits.models.policies import PublishedPolicy
from ecard.benefits.models.programmes import (
    PERIOD_KEY_LENGTH_MAX,
    Ends,
    Grant,
    Programme,
    ProgrammeKind,
    Schedule,
    Sponsor,
)
from ecard.benefits.models.rules import (
    AgeStep,
    Block,
    BlockAction,
    Entitlement,
    FundingSource,
    GuardianLimit,
    LimitOn,
    PolicySettings,
    PriceRule,
    Rounding,
    RoundTo,
    SpendLimit,
    Window,
)

__all__ = [
    "AMOUNT_MAX_MINOR",
    "PERCENT_BP_MAX",
    "PERIOD_KEY_LENGTH_MAX",
    "Addressed",
    "AgeStep",
    "Block",
    "BlockAction",
    "Ends",
    "Entitlement",
    "FundingSource",
    "Grant",
    "GuardianLimit",
    "LimitOn",
    "Named",
    "Placed",
    "PolicySettings",
    "PriceRule",
    "Programme",
    "ProgrammeKind",
    "PublishedPolicy",
    "RoundTo",
    "Rounding",
    "Schedule",
    "SpendLimit",
    "Sponsor",
    "UsageCounter",
    "Weekday",
    "Window",
]
