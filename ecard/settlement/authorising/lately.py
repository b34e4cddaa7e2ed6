"""What every question needs and seldom changes, looked up once a second in each process: policies and keys."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from devices.core.policy import Policy
from ecard.benefits.counting import Needed
from ecard.benefits.queries import needed, policies_since
from ecard.codes.evidence import EvidenceTrust
from ecard.codes.keyring import OpenKey
from ecard.codes.operations import snapshot_signer
from ecard.codes.queries import evidence_trust

KEPT_S = 1.0


class Lately(NamedTuple):
    """The policy in force and those to come, the sums over windows that they need, and the keys."""

    policies: tuple[Policy, ...]
    sums: frozenset[Needed]
    trust: EvidenceTrust
    signer: OpenKey

    def policy_at(self, at_s: int) -> Policy | None:
        """The policy in force, unless the moment is so long ago that another was."""
        started = [policy for policy in self.policies if policy.starts_at_s <= at_s]
        return max(started, key=lambda policy: policy.number, default=None)


_lock = threading.Lock()
_kept: list[tuple[float, Lately]] = []


def lately(at: datetime, *, monotonic_s: Callable[[], float] = time.monotonic) -> Lately:
    """As it was a second ago at most. Raises codes' NoActiveKey."""
    now_s = monotonic_s()
    with _lock:
        if _kept and now_s - _kept[0][0] < KEPT_S:
            return _kept[0][1]
    policies = tuple(policies_since(at))
    found = Lately(policies, needed(policies), evidence_trust(at), snapshot_signer())
    with _lock:
        _kept[:] = [(now_s, found)]
    return found


def forget() -> None:
    """Look again at once."""
    with _lock:
        _kept.clear()
