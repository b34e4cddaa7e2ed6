"""The part of a snapshot that is kept in memory: everything but the people."""

from typing import Self

import msgspec

from devices.core.accept import Trust
from devices.core.catalogue import Catalogue
from devices.core.keys import KeyList
from devices.core.messages import Parameters, Peer, SnapshotHead
from devices.core.policy import EVALUATOR_VERSION, Policy, in_force


class NewerPolicy(msgspec.Struct, frozen=True):
    """A genuine policy that this release cannot evaluate: the one before it stays in force. 0 where not even that
    could be read of it.
    """

    number: int = 0
    starts_at_s: int = 0


class Held(msgspec.Struct, frozen=True):
    """One snapshot's head. `stamp` counts the loads on this device, so that people and head are never mixed.

    `policies` are those that this release can evaluate, `newer` the others. `catalogue` is the newest that came, in
    the load `catalogue_stamp`. `evaluator` is that of the release which kept all this.
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
    catalogue: Catalogue | None = None
    catalogue_stamp: int = 0
    newer: tuple[NewerPolicy, ...] = ()
    evaluator: int = 1
    terminal: int = 0
    peers: tuple[Peer, ...] = ()

    @classmethod
    def next(
        cls,
        head: SnapshotHead,
        policies: tuple[Policy, ...],
        *,
        newer: tuple[NewerPolicy, ...] = (),
        before: Self | None,
    ) -> Self:
        """The head that follows `before`; a policy of later releases does not end the one before it."""
        if before is not None and in_force(policies, at_s=head.made_s) is None:
            last = in_force(before.policies, at_s=head.made_s)
            policies += (last,) if last is not None else ()
        stamp = before.stamp + 1 if before is not None else 1
        catalogue, catalogue_stamp = head.catalogue, stamp
        if before is not None and (catalogue is None or catalogue == before.catalogue):
            catalogue, catalogue_stamp = before.catalogue, before.catalogue_stamp
        return cls(
            stamp=stamp,
            generation=head.generation,
            number=head.number,
            made_s=head.made_s,
            policies=policies,
            denials={denial.account_ref: denial.before_s for denial in head.denials},
            posted_through={posted.epoch: posted.seq for posted in head.posted_through},
            parameters=head.parameters,
            key_list_number=head.key_list_number,
            catalogue=catalogue,
            catalogue_stamp=catalogue_stamp if catalogue is not None else 0,
            newer=newer,
            evaluator=EVALUATOR_VERSION,
            terminal=head.terminal,
            peers=head.peers,
        )

    @property
    def of_an_older_release(self) -> bool:
        """Whether it may lack what that release could not read: all of it should be fetched again."""
        return self.evaluator < EVALUATOR_VERSION

    def believed(self) -> Self:
        """As this release may use it. An older one kept policies that it could not read whole, without the rest."""
        if not self.of_an_older_release:
            return self
        whole = tuple(policy for policy in self.policies if policy.min_evaluator <= self.evaluator)
        return msgspec.structs.replace(self, policies=whole)

    def decides_by(self, *, at_s: int) -> int:
        """The number of the policy in force, 0 for none."""
        now = in_force(self.policies, at_s=at_s)
        return now.number if now is not None else 0

    def awaited(self, *, at_s: int) -> NewerPolicy | None:
        """The newest policy that would be decided by, now or from its start on, if this release could read it."""
        number = self.decides_by(at_s=at_s)
        beyond = [policy for policy in self.newer if policy.number > number or not policy.number]
        return max(beyond, key=lambda policy: policy.number, default=None)


class Keys(msgspec.Struct, frozen=True):
    """The key list, verified when it came, and the sealing keys delivered to this device."""

    key_list: KeyList
    sealing_keys: dict[int, bytes]
    card_key: bytes = b""
    """Under which card numbers are hashed; empty where the server gave none."""

    @property
    def trust(self) -> Trust:
        """For checking codes."""
        return Trust(self.key_list.institution, self.key_list, self.sealing_keys)
