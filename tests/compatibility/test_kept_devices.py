"""What devices of earlier releases left on their disks: the present release starts on it and loses nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from devices.core.journal import EpochRecord, Facts, Record, ReversalRecord, SaleRecord, decode_record
from devices.core.signing import SigningKey
from devices.journal import tables
from devices.journal.values import JournalBroken
from devices.store import snapshots
from tests.compatibility import release_2
from tests.compatibility.conftest import Counter, start
from tests.compatibility.kept import DEVICE_SEED, FOLDER, RELEASES, Kept, forms, kept
from tests.devices import world
from tests.devices.world import FakeClock, FakeServer

Wake = Callable[[int], tuple[Kept, Counter]]


def test_every_release_is_kept() -> None:
    assert RELEASES[:2] == (1, 2)


@pytest.mark.parametrize("release", RELEASES)
def test_an_old_journal_opens_and_nothing_of_it_is_lost(woken: Wake, release: int) -> None:
    was, counter = woken(release)
    waiting = sum(len(lines) for lines in was.streams.values()) - sum(
        len(stream.lines) for stream in counter.server.streams.values()
    )
    assert waiting > 1
    assert counter.terminal.control.screen().unsent == waiting + 1  # and the new epoch's first record
    sales = [record for record in was.records if isinstance(record, SaleRecord)]
    last = counter.terminal.control.screen().last_sale
    assert last is not None
    assert (last.amount_minor, last.at_ms) == (sales[-1].shown_minor, sales[-1].at_ms)


@pytest.mark.parametrize("release", RELEASES)
def test_an_old_journal_is_uploaded_as_it_was_written(woken: Wake, release: int) -> None:
    was, counter = woken(release)
    counter.server.down = False
    counter.sync()
    assert counter.terminal.control.screen().unsent == 0
    for epoch, lines in was.streams.items():
        assert counter.server.streams[epoch].lines == list(lines)
    (begun,) = counter.server.streams.keys() - was.streams.keys()
    first = counter.server.streams[begun].records[0]
    assert isinstance(first, EpochRecord)
    assert (first.previous_epoch, first.previous_seq) == (list(was.streams)[-1], len(list(was.streams.values())[-1]))
    assert first.previous_head == counter.server.streams[first.previous_epoch].head.hex()


@pytest.mark.parametrize("release", RELEASES)
def test_codes_taken_under_an_old_release_are_not_taken_again(woken: Wake, release: int) -> None:
    was, counter = woken(release)
    newest = [record for record in was.records if isinstance(record, SaleRecord)][-1]
    counter.terminal.control.set_amount(1_00)
    outcome = counter.terminal.control.scan(newest.evidence)
    assert (outcome.approved, outcome.result.why) == (False, "already_used")


@pytest.mark.parametrize("release", RELEASES)
def test_what_was_spent_under_an_old_release_is_still_spent(woken: Wake, release: int) -> None:
    was, counter = woken(release)
    undone = {(record.of_epoch, record.of_seq) for record in was.records if isinstance(record, ReversalRecord)}
    for ref in (1, 2):
        spent = sum(
            record.shown_minor
            for epoch, lines in was.streams.items()
            for record in map(decode_record, lines)
            if isinstance(record, SaleRecord) and record.account_ref == ref and (epoch, record.seq) not in undone
        )
        assert counter.terminal._journal.pending(ref).purse_minor == spent


@pytest.mark.parametrize("release", RELEASES)
def test_an_old_snapshot_loses_no_people_and_sells_on_without_a_line(woken: Wake, release: int) -> None:
    _was, counter = woken(release)
    store = counter.terminal._store
    assert store.people() == 2
    assert [store.find(ref)[1] is not None for ref in (1, 2)] == [True, True]
    assert store.keys is not None
    assert counter.pay(1, 2_00).approved
    assert counter.pay(2, 2_00).result.name == "李*"


@pytest.mark.parametrize("release", RELEASES)
def test_a_sale_of_an_old_release_can_still_be_reversed(woken: Wake, release: int) -> None:
    was, counter = woken(release)
    newest = [record for record in was.records if isinstance(record, SaleRecord)][-1]
    assert counter.terminal.control.reverse_last().approved
    counter.server.down = False
    counter.sync()
    reversal = list(counter.server.streams.values())[-1].records[-1]
    assert isinstance(reversal, ReversalRecord)
    assert (reversal.of_epoch, reversal.of_seq) == (list(was.streams)[-1], newest.seq)


@pytest.mark.parametrize("release", [1, 2])
def test_records_of_format_1_mean_today_what_they_meant(release: int) -> None:
    for lines in kept(release).streams.values():
        for line in lines:
            old = msgspec.to_builtins(msgspec.json.decode(line, type=release_2.Record))
            new = msgspec.to_builtins(decode_record(line))
            assert {name: old[name] for name in new if name in old} | new == new
            assert set(new) <= set(old)


def test_the_newest_device_kept_is_of_the_present_forms() -> None:
    """Whoever changes a form keeps a device of the new one: `python -m tests.compatibility.make_kept`."""
    newest = kept(RELEASES[-1])
    folder = FOLDER / f"release-{newest.release}"
    assert _form(folder / "journal.sqlite3") == tables.VERSION
    assert _form(folder / "snapshot.sqlite3") == snapshots.VERSION
    assert {type(record) for record in newest.records} == set(tables.KINDS) == set(get_args(Record))
    assert newest.forms == forms(), "a record's fields are not those of the device that was kept"


NEVER_WRITTEN = {"sale.cashier"}
ONLY_WITH_A_LINE = {"sale.authorised"}


def test_the_newest_device_kept_wrote_something_into_every_field_of_every_record() -> None:
    written: set[str] = set()
    for lines in kept(RELEASES[-1]).streams.values():
        for line in map(msgspec.json.decode, lines):
            written |= {f"{line['kind']}.{name}" for name in line}
            written |= {f"facts.{name}" for name in line.get("facts", ())}
    known = {f"{kind.__struct_config__.tag}.{name}" for kind in tables.KINDS for name in kind.__struct_fields__}
    known |= {f"facts.{name}" for name in Facts.__struct_fields__}
    assert known - written == NEVER_WRITTEN | ONLY_WITH_A_LINE


def _form(path: Path) -> int:
    """The number of a database's form, where SQLite keeps it: at byte 60 of the file."""
    return int.from_bytes(path.read_bytes()[60:64], "big")


def _as_of_a_later_release(database: Path) -> None:
    with closing(sqlite3.connect(database)) as opened:
        (form,) = opened.execute("PRAGMA user_version").fetchone()
        opened.execute(f"PRAGMA user_version = {form + 50}")


def test_a_journal_of_a_later_release_is_left_as_it_is_for_an_engineer(tmp_path: Path) -> None:
    folder = kept(RELEASES[-1]).device(tmp_path / "device")
    _as_of_a_later_release(folder / "journal.sqlite3")
    before = (folder / "journal.sqlite3").read_bytes()
    clock = FakeClock()
    for _ in range(2):
        with pytest.raises(JournalBroken, match="later release"):
            start(folder, clock, FakeServer(clock))
    assert (folder / "journal.sqlite3").read_bytes() == before


def test_a_snapshot_of_a_later_release_is_fetched_again_and_the_journal_goes_on(tmp_path: Path) -> None:
    was = kept(RELEASES[-1])
    folder = was.device(tmp_path / "device")
    _as_of_a_later_release(folder / "snapshot.sqlite3")
    clock = FakeClock(now_ms=was.ended_ms + 1_000)
    server = FakeServer(clock)
    server.device_public = SigningKey(DEVICE_SEED).public.hex()
    world.add_people(server, world.row(1))
    for batch in was.sent:
        server.receive(batch)
    counter = start(folder, clock, server)
    assert counter.terminal._store.people() == 0
    counter.sync()
    assert counter.terminal._store.people() == 1
    assert [server.streams[epoch].lines == list(lines) for epoch, lines in was.streams.items()] == [True, True]
    counter.terminal.close()
