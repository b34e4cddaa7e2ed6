"""The outbox: every committed change reaches every cursor, in one order, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ecard.changes import operations, queries
from ecard.changes.models import MAX_REFS_PER_CHANGE, Change, Generation, Topic
from ecard.changes.values import ChangedSet, FullLoadNeeded, FullLoadReason
from tests.support.database import OtherThread

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
Second = Callable[[Callable[[], Any]], OtherThread[Any]]


def record(*refs: int, topic: Topic = Topic.CARDHOLDER) -> None:
    operations.record(topic=topic, refs=refs, at=AT)


def changed(number: int, *, limit: int = 200) -> ChangedSet:
    found = queries.changed_since(number=number, limit=limit)
    assert isinstance(found, ChangedSet)
    return found


def why(found: ChangedSet | FullLoadNeeded) -> FullLoadReason:
    assert isinstance(found, FullLoadNeeded)
    return found.reason


@pytest.mark.django_db
def test_changes_come_by_topic_each_ref_once() -> None:
    record(5, 7)
    record(7, 9)
    record(5, topic=Topic.DENY)
    assert changed(0).refs == {}
    assert operations.number_committed(at=AT) == 3
    found = changed(0)
    assert found.refs == {Topic.CARDHOLDER: (5, 7, 9), Topic.DENY: (5,)}
    assert (found.upto, found.more, queries.latest_number()) == (3, False, 3)
    assert changed(3).refs == {}


@pytest.mark.django_db
def test_a_limit_cuts_the_set_and_the_cursor_goes_on() -> None:
    for ref in range(1, 6):
        record(ref)
    operations.number_committed(at=AT)
    first = changed(0, limit=3)
    assert (first.refs[Topic.CARDHOLDER], first.upto, first.more) == ((1, 2, 3), 3, True)
    rest = changed(first.upto, limit=3)
    assert (rest.refs[Topic.CARDHOLDER], rest.upto, rest.more) == ((4, 5), 5, False)


@pytest.mark.django_db
def test_many_refs_are_split_into_rows_of_bounded_size() -> None:
    record(*range(1, 2 * MAX_REFS_PER_CHANGE + 2))
    assert Change.objects.count() == 3
    operations.number_committed(at=AT)
    assert len(changed(0).refs[Topic.CARDHOLDER]) == 2 * MAX_REFS_PER_CHANGE + 1


@pytest.mark.django_db
def test_nothing_to_tell_makes_no_row() -> None:
    record()
    assert not Change.objects.exists()


@pytest.mark.django_db
def test_numbering_is_bounded_and_leaves_no_gap() -> None:
    for ref in range(1, 8):
        record(ref)
    assert [operations.number_committed(at=AT, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert list(Change.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 8))


@pytest.mark.django_db
def test_a_cursor_of_another_generation_needs_a_full_load() -> None:
    record(1)
    operations.number_committed(at=AT)
    before = queries.generation_state().generation_id
    assert isinstance(queries.changed_since(number=0, generation_id=before), ChangedSet)
    after = operations.new_generation(at=AT)
    assert after not in {before, 0}
    assert why(queries.changed_since(number=1, generation_id=before)) == FullLoadReason.OTHER_GENERATION
    assert isinstance(queries.changed_since(number=1, generation_id=after), ChangedSet)


@pytest.mark.django_db
def test_after_a_restore_one_command_makes_every_terminal_load_anew(capsys: pytest.CaptureFixture[str]) -> None:
    record(5)
    operations.number_committed(at=AT)
    before = queries.generation_state()
    call_command("begin_generation")
    after = queries.generation_state()
    assert f"{after.generation_id:016x}" in capsys.readouterr().out
    found = queries.changed_since(number=before.latest_number, generation_id=before.generation_id)
    assert why(found) == FullLoadReason.OTHER_GENERATION


@pytest.mark.django_db
def test_a_cursor_ahead_of_a_restored_database_needs_a_full_load() -> None:
    record(1)
    operations.number_committed(at=AT)
    assert why(queries.changed_since(number=2)) == FullLoadReason.AHEAD


@pytest.mark.django_db
def test_a_cursor_older_than_what_is_kept_needs_a_full_load() -> None:
    for ref in range(1, 11):
        record(ref)
    operations.number_committed(at=AT)
    assert operations.prune(keep=4) == 6
    assert (queries.oldest_number(), queries.latest_number()) == (7, 10)
    assert why(queries.changed_since(number=5)) == FullLoadReason.TOO_OLD
    assert changed(6).refs == {Topic.CARDHOLDER: (7, 8, 9, 10)}


@pytest.mark.django_db
def test_pruning_keeps_what_has_no_number_yet_and_numbering_goes_on() -> None:
    record(1)
    operations.number_committed(at=AT)
    record(2)
    assert operations.prune(keep=0) == 1
    assert operations.number_committed(at=AT) == 1
    assert changed(1).refs == {Topic.CARDHOLDER: (2,)}


@pytest.mark.django_db
def test_rows_pruned_behind_a_readers_back_are_noticed() -> None:
    for ref in range(1, 4):
        record(ref)
    operations.number_committed(at=AT)
    Change.objects.filter(number=1).delete()
    assert why(queries.changed_since(number=0)) == FullLoadReason.TOO_OLD


@pytest.mark.django_db
def test_there_is_one_generation_row_from_the_installation_on() -> None:
    assert Generation.objects.get().generation_id > 0
    with pytest.raises(IntegrityError), transaction.atomic():
        Generation.objects.create(id=2, generation_id=1, began_at=AT)


@pytest.mark.django_db
def test_numbering_begins_a_generation_where_there_is_none() -> None:
    Generation.objects.all().delete()
    assert queries.generation_state().generation_id == 0
    record(1)
    operations.number_committed(at=AT)
    assert queries.generation_state().generation_id > 0


def test_a_change_that_commits_late_is_passed_over_by_a_sequence_cursor_and_not_by_ours(
    second_connection: Second,
) -> None:
    written, go_on = threading.Event(), threading.Event()

    def commit_late() -> None:
        with transaction.atomic():
            record(111)
            written.set()
            assert go_on.wait(20)

    late = second_connection(commit_late)
    assert written.wait(20)
    record(222)
    operations.number_committed(at=AT)
    naive_cursor = max(Change.objects.values_list("id", flat=True))
    ours = changed(0)
    assert ours.refs == {Topic.CARDHOLDER: (222,)}
    go_on.set()
    late.wait()
    operations.number_committed(at=AT)

    assert not Change.objects.filter(id__gt=naive_cursor).exists()
    assert changed(ours.upto).refs == {Topic.CARDHOLDER: (111,)}


def test_two_publishers_at_once_number_one_after_the_other(second_connection: Second) -> None:
    for ref in range(1, 6):
        record(ref)
    with transaction.atomic():
        assert operations.number_committed(at=AT, limit=2) == 2
        other = second_connection(lambda: operations.number_committed(at=AT))
        _wait_for_advisory_lock()
        assert other.is_running
    assert other.wait() == 3
    numbers = list(Change.objects.order_by("id").values_list("number", flat=True))
    assert numbers == [1, 2, 3, 4, 5]


def test_a_change_that_rolls_back_is_never_told(second_connection: Second) -> None:
    def fail() -> None:
        with transaction.atomic():
            record(1)
            transaction.set_rollback(True)

    second_connection(fail).wait()
    assert operations.number_committed(at=AT) == 0


@pytest.mark.django_db
@given(steps=st.lists(st.one_of(st.integers(1, 30), st.sampled_from(["number", "read", "prune"])), max_size=40))
@hypothesis_settings(max_examples=50)
def test_a_reader_that_follows_its_cursor_hears_of_everything(steps: list[int | str]) -> None:
    with transaction.atomic():
        cursor = queries.latest_number()
        said: set[int] = set()
        heard: set[int] = set()
        for step in [*steps, "number", "read", "read"]:
            if isinstance(step, int):
                record(step)
                said.add(step)
            elif step == "number":
                operations.number_committed(at=AT, limit=100)
            elif step == "prune":
                operations.prune(keep=5)
            else:
                found = queries.changed_since(number=cursor, limit=25)
                if isinstance(found, FullLoadNeeded):
                    heard, cursor = set(said), found.latest_number
                else:
                    heard.update(found.refs.get(Topic.CARDHOLDER, ()))
                    cursor = found.upto
        assert heard == said
        transaction.set_rollback(True)


def _wait_for_advisory_lock() -> None:
    for _ in range(2_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.005), count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone()[1]:
                return
    raise AssertionError("nobody waits for the numbering lock")
