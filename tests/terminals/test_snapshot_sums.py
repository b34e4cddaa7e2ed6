"""What a snapshot says for limits of other windows than a day, and that no terminal misses what a new rule needs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from devices.core.quote import Guard, Tally, Used
from devices.core.windows import window_key
from ecard.benefits.guardians import lift_guardian_limit, set_guardian_limit
from ecard.benefits.models import SpendLimit, Window
from ecard.benefits.operations import add_usage
from ecard.cardholders.operations import add_members, save_list, set_avoided
from ecard.terminals import snapshots
from ecard.terminals.snapshots import SnapshotKind, base
from tests.support.campus import Campus
from tests.support.device import Device, Store, read_snapshot, terminal_of
from tests.support.policies import publish_rules

LUNCH = 1


@pytest.fixture
def spent(campus: Campus, now: datetime) -> int:
    """The first person bought lunch for ¥9, ¥4 of it from the purse; gives the ref."""
    ref, today = campus.people[0].account_ref, timezone.localdate(now)
    add_usage(rows=[(ref, today, LUNCH, 0, 9_00, 4_00, 1, 77), (ref, today, LUNCH, 3, 9_00, 4_00, 1, 77)])
    return ref


def limit(window: str, **terms: Any) -> SpendLimit:
    return SpendLimit.objects.create(name="限", window=window, max_minor=50_00, **terms)


@pytest.mark.parametrize("window", [Window.PERIOD, Window.WEEK, Window.MONTH])
def test_a_window_that_some_limit_is_held_against_is_summed(
    device: Device, now: datetime, spent: int, window: Window
) -> None:
    today = timezone.localdate(now).isoformat()
    limit(window)
    publish_rules(at=now)
    row = read_snapshot(snapshots.full(terminal_of(device), now))[1][spent]
    assert row.used == (Used(today, 9_00, 4_00, 1),)
    assert row.tallies == (Tally(window_key(window.value, today, LUNCH), 0, 9_00, 4_00, 1),)
    assert row.last_s == 77


def test_nothing_is_summed_that_no_rule_needs(device: Device, now: datetime, spent: int) -> None:
    limit(Window.DAY)
    publish_rules(at=now)
    assert read_snapshot(snapshots.full(terminal_of(device), now))[1][spent].tallies == ()


def test_a_policy_with_a_new_window_makes_a_terminal_load_everybody_and_another_does_not(
    device: Device, now: datetime, spent: int
) -> None:
    store = Store()
    publish_rules(at=now - timedelta(minutes=3))
    store.take(snapshots.full(terminal_of(device), now))
    for window, kind in ((Window.DAY, SnapshotKind.DELTA), (Window.WEEK, SnapshotKind.FULL)):
        limit(window)
        publish_rules(at=now, starts_at=now + timedelta(days=1))
        made = snapshots.make(terminal=terminal_of(device), generation=store.generation, number=store.number, at=now)
        assert made.kind is kind
        store.take(made.data)
    assert [tally.scope for tally in store.rows[spent].tallies] == [0]


def test_a_kept_base_that_lacks_a_sum_is_not_used(device: Device, now: datetime, spent: int) -> None:
    publish_rules(at=now - timedelta(minutes=3))
    snapshots.full(terminal_of(device), now)
    limit(Window.MONTH)
    publish_rules(at=now)
    assert read_snapshot(snapshots.full(terminal_of(device), now))[1][spent].tallies != ()
    assert base._kept[0].sums


def test_lists_allergens_and_a_guardians_limits_travel_with_the_person(
    device: Device, campus: Campus, now: datetime, spent: int
) -> None:
    person = campus.people[0]
    guard = set_guardian_limit(cardholder=person, window=Window.WEEK, max_minor=30_00, at=now)
    gone = set_guardian_limit(cardholder=person, window=Window.MONTH, max_minor=1, at=now)
    lift_guardian_limit(limit=gone, at=now)
    set_avoided(cardholder=person, allergens=[7, 2], at=now)
    listed = save_list(code="late", name="夜班", at=now)
    add_members(person_list=listed, cardholder_ids=[person.pk], at=now)
    rows = read_snapshot(snapshots.full(terminal_of(device), now))[1]
    row, other = rows[spent], rows[campus.people[1].account_ref]
    week = window_key("week", timezone.localdate(now).isoformat(), LUNCH)
    assert row.guards == (Guard(guard.pk, "week", 30_00),)
    assert row.tallies == (Tally(week, 0, 9_00, 4_00, 1),)
    assert (row.avoid, row.lists) == ((2, 7), (listed.pk,))
    assert (other.avoid, other.lists, other.guards) == ((), (), ())
