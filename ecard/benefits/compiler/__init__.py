"""The models as administrators left them, compiled into one policy value; and what its rules are called."""

from ecard.benefits.compiler.naming import names, names_around, names_of_person_rules
from ecard.benefits.compiler.rows import (
    block_of,
    entitlement_of,
    guard_of,
    limit_of,
    price_rule,
    programme_of,
    settings_of,
    step_of,
)
from ecard.benefits.compiler.terms import terms_of
from ecard.benefits.compiler.whole import compile_policy, known, policy_settings, price_rules, settings_policy

__all__ = [
    "block_of",
    "compile_policy",
    "entitlement_of",
    "guard_of",
    "known",
    "limit_of",
    "names",
    "names_around",
    "names_of_person_rules",
    "policy_settings",
    "price_rule",
    "price_rules",
    "programme_of",
    "settings_of",
    "settings_policy",
    "step_of",
    "terms_of",
]
