"""Rules as administrators edit them, what sponsors gave to whom, and the policies compiled from the rules.

A rule's ids are small and never used again: published policies and sales name them.
"""

from ecard.benefits.models.bases import AMOUNT_MAX_MINOR, PERCENT_BP_MAX, Addressed, Named, Placed, Weekday
from ecard.benefits.models.budgets import SponsorDay
from ecard.benefits.models.counters import UsageCounter
from ecard.benefits.models.drafts import DraftState, PolicyDraft
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
from ecard.benefits.models.runs import (
    RUN_PERIOD_KEY_LENGTH_MAX,
    ActiveSchedule,
    Duplicate,
    LeftOut,
    Run,
    RunKind,
    RunLine,
    RunState,
)

__all__ = [
    "AMOUNT_MAX_MINOR",
    "PERCENT_BP_MAX",
    "PERIOD_KEY_LENGTH_MAX",
    "RUN_PERIOD_KEY_LENGTH_MAX",
    "ActiveSchedule",
    "Addressed",
    "AgeStep",
    "Block",
    "BlockAction",
    "DraftState",
    "Duplicate",
    "Ends",
    "Entitlement",
    "FundingSource",
    "Grant",
    "GuardianLimit",
    "LeftOut",
    "LimitOn",
    "Named",
    "Placed",
    "PolicyDraft",
    "PolicySettings",
    "PriceRule",
    "Programme",
    "ProgrammeKind",
    "PublishedPolicy",
    "RoundTo",
    "Rounding",
    "Run",
    "RunKind",
    "RunLine",
    "RunState",
    "Schedule",
    "SpendLimit",
    "Sponsor",
    "SponsorDay",
    "UsageCounter",
    "Weekday",
    "Window",
]
