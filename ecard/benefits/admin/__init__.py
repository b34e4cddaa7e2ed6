"""Rules as administrators edit them, each with its plain sentence; grants read-only.

Nothing here reaches a terminal before a policy is published (`ecard.terminals.admin_policy`).
"""

from ecard.benefits import admin_runs
from ecard.benefits.admin.fields import PercentField
from ecard.benefits.admin.guardians import GuardianLimitAdmin
from ecard.benefits.admin.limits import AgeStepAdmin, BlockAdmin, PolicySettingsAdmin, SpendLimitAdmin
from ecard.benefits.admin.meals import EntitlementAdmin
from ecard.benefits.admin.prices import PriceRuleAdmin
from ecard.benefits.admin.programmes import GrantAdmin, ProgrammeAdmin, SponsorAdmin

__all__ = [
    "AgeStepAdmin",
    "BlockAdmin",
    "EntitlementAdmin",
    "GrantAdmin",
    "GuardianLimitAdmin",
    "PercentField",
    "PolicySettingsAdmin",
    "PriceRuleAdmin",
    "ProgrammeAdmin",
    "SpendLimitAdmin",
    "SponsorAdmin",
    "admin_runs",
]
