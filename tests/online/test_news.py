"""Is there anything new? The hint that lets a posted sale be known elsewhere within two seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from devices.core.messages import Ack
from devices.sync.machine import NEWS_EVERY_MS, SyncMachine
from devices.sync.protocol import (
    AskNews,
    Command,
    Failed,
    FetchSnapshot,
    HasIdentity,
    HasKeys,
    HasNews,
    HasSnapshot,
    SendBatch,
    Sent,
    Wait,
)
from ecard.changes.models import Topic
from ecard.changes.operations import number_committed, record
from ecard.changes.queries import generation_state
from ecard.terminals.snapshots import news
from tests.support.campus import NOON

NEWS = "/api/terminal/v1/news"


@pytest.fixture
def asked(db: None) -> Callable[..., int]:
    number_committed(at=NOON)

    def ask(*, number: int, generation: int | None = None) -> int:
        news.forget()
        named = generation_state().generation_id if generation is None else generation
        return Client().get(NEWS, {"generation": named, "number": number}).status_code

    return ask


def test_there_is_news_once_something_changed_and_none_once_it_was_fetched(asked: Callable[..., int]) -> None:
    at = generation_state().latest_number
    assert asked(number=at) == 204
    record(topic=Topic.CARDHOLDER, refs=[1], at=NOON)
    assert asked(number=at) == 200
    number_committed(at=NOON)
    assert asked(number=at) == 200
    assert asked(number=at + 1) == 204


def test_whoever_does_not_know_the_generation_learns_nothing(asked: Callable[..., int]) -> None:
    at, wrong = generation_state().latest_number, generation_state().generation_id ^ 1
    assert {asked(number=number, generation=wrong) for number in (0, at, at + 1, 10**9)} == {200}


@pytest.mark.parametrize("number", ["-1", "x", str(2**63)])
def test_a_cursor_that_is_none_is_refused(asked: Callable[..., int], number: Any) -> None:
    assert asked(number=number) == 400


def test_a_rush_is_not_told_to_everybody_at_once(asked: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "TOLD_PER_S", 3)
    monkeypatch.setattr(news, "_known", news._Known(left=3.0))
    monkeypatch.setattr("time.monotonic", lambda: 1_000_000.0)
    record(topic=Topic.CARDHOLDER, refs=[1], at=NOON)
    state = generation_state()
    news.forget()
    told = [news.after(generation=state.generation_id, number=state.latest_number) for _terminal in range(20)]
    assert told.count(True) == 3


# The terminal's side


def synced(*, tells_news: bool = True) -> SyncMachine:
    machine = SyncMachine(enrolled=False, key_list_number=None, fraction=lambda: 0.5)
    machine.handle(HasIdentity(), 0)
    machine.handle(HasKeys(1), 0)
    machine.handle(HasSnapshot(1, 5, tells_news), 0)
    return machine


def next_of(machine: SyncMachine, now_ms: int, *, unsent: int = 0) -> Command:
    return machine.next(now_ms, unsent=unsent)


def test_a_terminal_asks_for_news_each_second_between_its_snapshots() -> None:
    machine = synced()
    assert next_of(machine, 0) == Wait(NEWS_EVERY_MS)
    assert next_of(machine, 1_000) == AskNews()
    machine.handle(HasNews(there=False), 1_010)
    assert next_of(machine, 1_500) == Wait(2_010)
    assert next_of(machine, 5_000) == FetchSnapshot(False)


def test_news_brings_a_snapshot_at_once() -> None:
    machine = synced()
    machine.handle(HasNews(there=True), 1_000)
    assert next_of(machine, 1_000) == FetchSnapshot(False)


def test_a_sale_is_uploaded_before_anybody_asks_for_news() -> None:
    machine = synced()
    assert next_of(machine, 1_000, unsent=1) == SendBatch(500)
    machine.handle(Sent(Ack("accepted", 1, 2), 2, 2), 1_000)
    assert next_of(machine, 1_000) == AskNews()


def test_an_older_server_is_not_asked_for_news() -> None:
    machine = synced(tells_news=False)
    assert next_of(machine, 1_000) == Wait(5_000)


def test_a_server_that_answers_nonsense_is_asked_for_its_snapshot_only() -> None:
    machine = synced()
    assert machine.handle(Failed(AskNews(), bad=True), 1_000) == ()
    assert machine.online
    assert next_of(machine, 1_100) == Wait(5_000)


def test_a_line_that_breaks_over_news_is_tried_again_later() -> None:
    machine = synced()
    machine.handle(Failed(AskNews()), 1_000)
    assert not machine.online
    assert isinstance(next_of(machine, 1_001), Wait)
