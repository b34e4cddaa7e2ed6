"""The cursor against time: late commits, postings in between, and any order of changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecard.cardholders import operations as cardholders
from ecard.cardholders.models import Cardholder
from ecard.cardholders.values import NewCardholder
from ecard.changes import operations as changes
from ecard.changes.models import Topic
from ecard.terminals import snapshots
from ecard.terminals.models import Terminal
from ecard.terminals.snapshots import base, making, people
from tests.support.campus import Campus
from tests.support.database import OtherThread
from tests.support.device import Device, Store, terminal_of
from tests.terminals.posting import load, make_stream, sell

Second = Callable[[Callable[[], Any]], OtherThread[Any]]
WAIT_S = 20


def sync(store: Store, terminal: Terminal, at: datetime) -> None:
    store.take(snapshots.delta(terminal, store.generation, store.number, at))


def test_a_change_that_commits_late_is_not_passed_over(
    device: Device, campus: Campus, second_connection: Second, now: datetime
) -> None:
    terminal, store = terminal_of(device), Store()
    sync(store, terminal, now)
    early, late = campus.people[:2]
    written, may_commit = threading.Event(), threading.Event()

    def load_and_commit_late() -> None:
        with transaction.atomic():
            load(late, 5_00, at=now)
            written.set()
            assert may_commit.wait(WAIT_S)

    other = second_connection(load_and_commit_late)
    assert written.wait(WAIT_S)
    cardholders.rename(cardholder=early, name="李四", at=now)
    sync(store, terminal, now)
    assert store.rows[early.account_ref].name == "李*"
    assert store.rows[late.account_ref].purse_minor == 0
    may_commit.set()
    other.wait()
    sync(store, terminal, now)
    assert store.rows[late.account_ref].purse_minor == 5_00


@pytest.mark.parametrize("start", ["delta", "full", "full over a kept base"])
def test_posted_through_and_funds_agree_when_a_posting_comes_between(
    device: Device, campus: Campus, monkeypatch: pytest.MonkeyPatch, now: datetime, start: str
) -> None:
    """The posting commits after the numbering and before the moment: seen, and not numbered."""
    terminal, person, store = terminal_of(device), campus.people[0], Store()
    stream = make_stream(terminal, epoch=5, at=now)
    load(person, 50_00, at=now)
    sync(store, terminal, now)
    number_all = making._number_all

    def number_then_post(*, at: datetime) -> None:
        number_all(at=at)
        sell(stream, person, 1_00, at=now)

    monkeypatch.setattr(making, "_number_all", number_then_post)
    if start != "delta":
        store = Store()
    if start == "full":
        base.forget()
    for _round in range(3):
        sync(store, terminal, now)
        assert store.rows[person.account_ref].purse_minor == 50_00 - 1_00 * store.posted[5]
        assert store.rows[person.account_ref].used[0].count == store.posted[5]
    assert store.posted[5] == 3


def test_postings_at_full_speed_never_make_funds_and_mark_disagree(
    device: Device, campus: Campus, second_connection: Second, now: datetime
) -> None:
    terminal, person, store = terminal_of(device), campus.people[0], Store()
    stream = make_stream(terminal, epoch=5, at=now)
    load(person, 100_00, at=now)
    sync(store, terminal, now)
    enough = threading.Event()

    def post_many() -> None:
        for _sale in range(60):
            if not enough.is_set():
                sell(stream, person, 1_00, at=now)

    other = second_connection(post_many)
    for _round in range(25):
        sync(store, terminal, now)
        assert store.rows[person.account_ref].purse_minor == 100_00 - 1_00 * store.posted.get(5, 0)
    enough.set()
    other.wait()


def test_terminals_that_start_at_once_share_one_build(
    device: Device, campus: Campus, second_connection: Second, monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    terminal, built = terminal_of(device), []
    everybody = people.everybody

    def counted(**asked: Any) -> Any:
        built.append(1)
        return everybody(**asked)

    monkeypatch.setattr(base, "everybody", counted)
    others = [second_connection(partial(snapshots.full, terminal, now)) for _ in range(5)]
    for other in others:
        store = Store()
        store.take(other.wait())
        assert len(store.rows) == len(campus.people)
    assert len(built) == 1


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("load"), st.integers(0, 2), st.integers(1, 500)),
        st.tuples(st.just("sell"), st.integers(0, 2), st.integers(1, 50)),
        st.tuples(st.sampled_from(["rename", "stop", "stop_codes", "move", "grow", "close"]), st.integers(0, 2)),
        st.tuples(st.sampled_from(["join", "number", "new_generation", "prune", "late_begin", "late_end", "forget"])),
        st.tuples(st.just("sync"), st.integers(0, 1)),
    ),
    max_size=25,
)


class Campaign:
    """Applies drawn actions to the campus; one transaction at a time may be left open on another connection."""

    def __init__(self, campus: Campus, terminal: Terminal, late: psycopg.Connection[Any], at: datetime) -> None:
        self.campus, self.terminal, self.late, self.at = campus, terminal, late, at
        self.stores = (Store(), Store())
        self.people: list[Cardholder] = []
        self.late_open = False
        self.joined = Cardholder.objects.count()
        for _person in range(3):
            self.join()
        self.stream = make_stream(terminal, epoch=self.joined * 1_000, at=at)

    def join(self) -> None:
        self.joined += 1
        new = NewCardholder(number=f"P{self.joined}", name="赵六", group_id=self.campus.group.pk)
        self.people.extend(cardholders.open_cardholders(people=[new], at=self.at))

    def do(self, action: str, *given: int) -> None:
        if action == "sync":
            sync(self.stores[given[0]], self.terminal, self.at)
        elif given:
            self._to_person(action, self.people[given[0]], *given[1:])
        else:
            self._to_all(action)

    def _to_person(self, action: str, person: Cardholder, amount_minor: int = 0) -> None:
        person.refresh_from_db()
        if person.closed_at is not None:
            return
        person.purse.refresh_from_db()
        match action:
            case "load":
                load(person, amount_minor, at=self.at)
            case "sell" if person.purse.balance_minor >= amount_minor:
                sell(self.stream, person, amount_minor, at=self.at)
            case "rename":
                cardholders.rename(cardholder=person, name=f"{person.name}儿"[:10], at=self.at)
            case "stop":
                cardholders.stop_account(cardholder=person, by=None, reason="t", at=self.at)
            case "stop_codes":
                cardholders.stop_codes(cardholder=person, before=self.at, by=None, reason="t", at=self.at)
            case "move":
                cardholders.move_group(cardholder=person, group=self.campus.group, at=self.at)
            case "close" if person.purse.balance_minor == 0:
                cardholders.close_cardholder(cardholder=person, at=self.at)
            case "grow":
                load(person, 1, at=self.at)
                load(person, 1, at=self.at)

    def _to_all(self, action: str) -> None:
        match action:
            case "join":
                self.join()
            case "number":
                changes.number_committed(at=self.at)
            case "new_generation":
                changes.new_generation(at=self.at)
            case "prune":
                changes.prune(keep=1)
            case "forget":
                base.forget()
            case "late_begin" if not self.late_open:
                self._begin_late()
            case "late_end" if self.late_open:
                self.late.commit()
                self.late_open = False

    def _begin_late(self) -> None:
        """A person nobody else touches is renamed; the commit comes when it comes."""
        person = self.campus.people[3]
        self.late.execute(
            "UPDATE cardholders_cardholder SET name = %s || left(name, 8) WHERE id = %s", ["钱", person.pk]
        )
        self.late.execute(
            "INSERT INTO changes_change (topic, refs, made_at) VALUES (%s, %s, %s)",
            [int(Topic.CARDHOLDER), [person.account_ref], self.at],
        )
        self.late_open = True


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(actions=ACTIONS)
def test_deltas_in_any_order_of_changes_come_to_what_a_full_load_says(
    device: Device, campus: Campus, app_connection: psycopg.Connection[Any], now: datetime, actions: list[Any]
) -> None:
    terminal = terminal_of(device)
    campaign = Campaign(campus, terminal, app_connection, now)
    for action in actions:
        campaign.do(*action)
    app_connection.commit()
    for store in campaign.stores:
        sync(store, terminal, now)
    base.forget()
    fresh = Store()
    fresh.take(snapshots.full(terminal, now))
    for store in campaign.stores:
        assert store.rows == fresh.rows
        assert (store.denials, store.posted) == (fresh.denials, fresh.posted)
        assert (store.generation, store.number) == (fresh.generation, fresh.number)
