"""Published policies as terminals come by them."""

from __future__ import annotations

from datetime import datetime

from devices.core.policy import Policy, decode_policy, in_force
from ecard.benefits.queries import policies_for_terminals


def policy_in_force(at: datetime) -> Policy | None:
    """The policy by which a terminal with what it is sent at `at` would decide then."""
    policies = tuple(decode_policy(each.body) for each in policies_for_terminals(at))
    return in_force(policies, at_s=int(at.timestamp()))
