"""The part of a snapshot that is kept in memory: everything but the people."""

from typing import Self

import msgspec

from devices.core.accept import Trust
from devices.core.keys import KeyList
from devices.core.messages import Parameters, SnapshotHead
from devices.core.policy import Policy, in_force

MAX_POLICIES = 4


class Held(msgspec.Struct, frozen=True):
    """One snapshot's head. `stamp` counts the loads on this device, so that people and head are never mixed.

    `newer_release`: a policy came that this release cannot evaluate, so the last usable one is kept.
    """

    stamp: int
    generation: int
    number: int
    made_s: int
    policies: tuple[Policy, ...]
    denials: dict[int, int]
    posted_through: dict[int, int]
    parameters: Parameters
    key_list_number: int
    newer_release: bool = False

    @classmethod
    def next(cls, head: SnapshotHead, policies: tuple[Policy, ...], *, before: Self | None) -> Self:
        """The head that follows `before`."""
        usable = in_force(policies, at_s=head.made_s) is not None
        if not usable and before is not None:
            policies = (policies + tuple(each for each in before.policies if each not in policies))[:MAX_POLICIES]
        return cls(
            stamp=before.stamp + 1 if before is not None else 1,
            generation=head.generation,
            number=head.number,
            made_s=head.made_s,
            policies=policies,
            denials={denial.account_ref: denial.before_s for denial in head.denials},
            posted_through={posted.epoch: posted.seq for posted in head.posted_through},
            parameters=head.parameters,
            key_list_number=head.key_list_number,
            newer_release=not usable,
        )


class Keys(msgspec.Struct, frozen=True):
    """The key list, verified when it came, and the sealing keys delivered to this device."""

    key_list: KeyList
    sealing_keys: dict[int, bytes]

    @property
    def trust(self) -> Trust:
        """For checking codes."""
        return Trust(self.key_list.institution, self.key_list, self.sealing_keys)
