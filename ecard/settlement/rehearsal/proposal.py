"""A draft, and how the policies that decided at the time stand to it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

import msgspec

from devices.core.evaluate import place
from devices.core.policy import Policy, Where, Window
from devices.core.quote import Tap
from devices.core.rulebook import rulebook
from ecard.benefits.counting import Needed, needed


class Given(msgspec.Struct, frozen=True):
    """An issue that the draft's new programmes would have made to each person they are for."""

    lot: int
    programme: int
    amount_minor: int
    begins_s: int
    ends_s: int


class Altered(msgspec.Struct, frozen=True):
    """A real run of the stretch whose programme would issue another amount by now."""

    run: int
    was_minor: int
    amount_minor: int


class SiteClock(NamedTuple):
    """A site's zone and when its business day begins."""

    zone: tzinfo
    day_starts_min: int


class Proposal:
    """The draft, and what is to be known of the policies that decided at the time."""

    def __init__(
        self,
        *,
        policy: Policy,
        past: Callable[[int], Policy | None],
        sites: Mapping[int, SiteClock],
        given: Sequence[Given] = (),
        numbers: Iterable[int] | None = None,
    ) -> None:
        """`numbers` are those of all policies that decided, where they are known before."""
        self.policy, self.book = policy, rulebook(policy)
        self.given = tuple(given)
        self.watched = _watched(policy)
        self.vouchers = frozenset(each.id for each in policy.programmes if each.kind == "voucher")
        self.windows: dict[int, tuple[Window, ...]] = {}
        for each in sorted(self.watched):
            self.windows[each.scope] = (*self.windows.get(each.scope, ()), each.window)
        self.has_gap = any(limit.min_gap_s for limit in policy.limits)
        self._past, self._sites = past, sites
        self._known: dict[int, Past] = {}
        self.counts = numbers is None or not all(self.past(number).all_tracked for number in numbers)
        """Whether there is a sum that the terminals of the time did not keep, so that it is kept here."""

    def past(self, number: int) -> Past:
        """What a policy of the time kept count of."""
        known = self._known.get(number)
        if known is None:
            known = self._known[number] = Past(self._past(number), self)
        return known

    def tap(self, tap: Tap, past: Past) -> Tap:
        """The same moment by the draft's meal periods and calendar."""
        clock = None if past.same_days else self._sites.get(tap.site)
        if clock is None:
            return tap
        return place(
            at_s=tap.at_s,
            zone=clock.zone,
            site=tap.site,
            outlet=tap.outlet,
            day_starts_min=clock.day_starts_min,
            policy=self.policy,
        )


class Past:
    """A policy under which sales were made, held against the draft: which of the draft's sums its terminals knew."""

    __slots__ = ("all_tracked", "had_gap", "same_days", "tracked")

    def __init__(self, policy: Policy | None, proposal: Proposal) -> None:
        draft = proposal.policy
        self.same_days = policy is None or (policy.periods, policy.days) == (draft.periods, draft.days)
        self.had_gap = policy is not None and any(limit.min_gap_s for limit in policy.limits)
        self.tracked: frozenset[Needed] = frozenset()
        if policy is not None:
            then, now = _meanings(policy), _meanings(draft)
            told = (each for each in _watched(policy) if then.get(each.scope) == now.get(each.scope))
            self.tracked = frozenset(each for each in told if self.same_days or each.window != "period")
        self.all_tracked = self.tracked >= proposal.watched


def _watched(policy: Policy) -> frozenset[Needed]:
    """The sums that a policy's limits and entitlements are held against; also that of whole days over all sales."""
    of_days = {Needed("day", 0) for limit in policy.limits if limit.window in ("day", "period") and not limit.scope}
    return needed([policy]) | of_days


def _meanings(policy: Policy) -> dict[int, Where]:
    """What is counted in each scope of a policy's own."""
    limits = {limit.scope: limit.where for limit in policy.limits if limit.scope}
    return limits | {-each.id: each.where for each in policy.entitlements}
