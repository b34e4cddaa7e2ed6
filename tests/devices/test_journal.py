"""The journal: durable, sealed, chained, bounded, and whole after whatever happened to it."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from devices.core.declines import Why
from devices.core.journal import EpochRecord, NoteRecord, SaleRecord, chain_all
from devices.drivers.database import Connection, Rows, StorageError
from devices.drivers.folder import InUse
from devices.drivers.keyfile import KeyFileError
from devices.drivers.randomness import SystemRandomness
from devices.drivers.vault import Vault, VaultError
from devices.journal.journal import FILE, Journal
from devices.journal.values import DAY_MS, JournalBroken, Limits, RecordsWaiting
from devices.master.screen import Phase
from devices.terminal import DEVICE_KEY, STORAGE_KEY
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import NOON_S, Phone


def _sell(bench: Bench, count: int, *, first: int = 100) -> None:
    """Sales to so many people the snapshot does not know."""
    for account_ref in range(first, first + count):
        assert bench.pay(1_00, bench.show(account_ref)).approved


def _all_sales(bench: Bench) -> list[SaleRecord]:
    found = [record for stream in bench.server.streams.values() for record in stream.records]
    return [record for record in found if isinstance(record, SaleRecord)]


def test_sales_of_several_boots_are_sent_in_order_and_each_epoch_names_the_last(bench: Bench) -> None:
    bench.server.down = True
    for boot in range(3):
        _sell(bench, 2, first=100 + 10 * boot)
        bench.restart()
    bench.server.down = False
    bench.sync(steps=20)
    assert [sale.account_ref for sale in _all_sales(bench)] == [100, 101, 110, 111, 120, 121]
    assert bench.control.screen().unsent == 0
    streams = list(bench.server.streams.items())
    for (epoch, stream), (_, following) in itertools.pairwise(streams):
        first = following.records[0]
        assert isinstance(first, EpochRecord)
        named = (first.previous_epoch, first.previous_seq, first.previous_head)
        assert named == (epoch, len(stream.lines), stream.head.hex())


def test_a_code_taken_before_a_restart_is_refused_after_it(bench: Bench) -> None:
    text = bench.show(1)
    bench.pay(1_00, text)
    bench.restart()
    assert bench.pay(1_00, text).result.why == Why.ALREADY_USED


def test_spending_before_a_restart_lessens_the_funds_after_it(bench: Bench) -> None:
    bench.pay(80_00, bench.show(1))
    bench.restart()
    bench.clock.pass_ms(6_000)
    assert bench.pay(80_00, bench.show(1)).result.why == Why.INSUFFICIENT


def test_after_a_power_cut_the_screen_tells_the_last_sale_and_it_can_be_reversed(bench: Bench) -> None:
    bench.pay(12_50, bench.show(1))
    bench.restart()
    last = bench.control.screen().last_sale
    assert last is not None
    assert (last.amount_minor, last.name, last.reversible) == (12_50, "张*", True)
    assert bench.control.reverse_last().approved
    bench.restart()
    last = bench.control.screen().last_sale
    assert last is not None
    assert (last.reversed, last.reversible) == (True, False)


def test_a_journal_restored_from_an_old_image_begins_an_epoch_that_names_what_it_has(bench: Bench) -> None:
    _sell(bench, 2)
    bench.sync()
    bench.terminal.close()
    image = bench.folder.with_name("image")
    shutil.copytree(bench.folder, image)
    bench.open()
    _sell(bench, 2, first=200)
    bench.sync()
    bench.terminal.close()
    shutil.rmtree(bench.folder)
    image.rename(bench.folder)
    bench.boots += 1
    bench.open()
    _sell(bench, 1, first=300)
    bench.sync()
    first, second, third = bench.server.streams.values()
    forked = [stream.records[0] for stream in (second, third)]
    assert all(isinstance(record, EpochRecord) and record.previous_seq == len(first.lines) for record in forked)
    assert [sale.account_ref for sale in _all_sales(bench)] == [100, 101, 200, 201, 300]


def test_nothing_personal_lies_readable_on_the_disk(bench: Bench) -> None:
    text = bench.show(1)
    world.add_people(bench.server, world.row(1, name="欧阳*"))
    bench.server.number += 1
    bench.sync()
    bench.pay(12_50, text)
    bench.restart()
    stored = world.data_files(bench.folder)
    hidden = ("欧阳*".encode(), text.encode(), text[20:80].encode(), b"account_ref", world.SEALING_KEY, b"evidence")
    for plain in (*hidden, Phone(1).credential[8:16], b"per_sale_minor"):
        assert plain not in stored


def test_every_file_is_for_the_owner_alone(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    for path in [bench.folder, *bench.folder.iterdir()]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path.name


def test_a_key_file_that_others_may_read_is_not_used(bench: Bench) -> None:
    bench.terminal.close()
    (bench.folder / STORAGE_KEY).chmod(0o644)
    with pytest.raises(KeyFileError):
        bench.open()
    (bench.folder / STORAGE_KEY).chmod(0o600)
    bench.open()


def test_a_second_process_on_the_same_folder_is_turned_away(bench: Bench) -> None:
    with pytest.raises(InUse):
        bench.open()


def test_a_full_journal_declines_before_the_sale_and_sells_again_once_uploaded(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(limits=Limits(max_unacknowledged=3))
    bench.server.down = True
    _sell(bench, 3)
    refused = bench.pay(1_00, bench.show(1))
    assert refused.result.why == Why.JOURNAL_FULL
    assert bench.control.screen().phase is Phase.STOPPED
    assert bench.control.reverse_last().approved
    bench.server.down = False
    bench.sync()
    assert bench.pay(1_00, bench.show(1)).approved


def test_a_disk_that_is_full_declines_and_keeps_no_half_sale(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(limits=Limits(max_file_bytes=128 * 1024))
    bench.server.down = True
    approved = 0
    for account_ref in range(100, 400):
        outcome = bench.pay(1_00, bench.show(account_ref))
        if not outcome.approved:
            break
        approved += 1
    assert outcome.result.why == Why.JOURNAL_FULL
    assert 10 < approved < 300
    bench.limits = None
    bench.restart()
    assert bench.pay(1_00, bench.show(1)).approved
    bench.server.down = False
    bench.sync(steps=20)
    assert len(_all_sales(bench)) == approved + 1


def test_a_commit_that_fails_after_it_landed_is_declined_and_undone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk says no although the record is there: nobody saw an approval, so nobody shall pay."""

    class Failing:
        def __init__(self, real: Connection) -> None:
            self.real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

        def execute(self, statement: str, values: Sequence[object] = ()) -> Rows:
            done = self.real.execute(statement, values)
            if statement == "COMMIT":
                raise StorageError("disk I/O error")
            return done

    journal = bench.terminal._journal
    monkeypatch.setattr(journal, "_writer", Failing(journal._writer))
    text = bench.show(1)
    assert bench.pay(80_00, text).result.why == Why.JOURNAL_FULL
    bench.clock.pass_ms(2_000)
    assert bench.pay(80_00, text).approved
    bench.sync()
    kinds = [type(record).__name__ for stream in bench.server.streams.values() for record in stream.records]
    assert kinds == ["EpochRecord", "SaleRecord", "ReversalRecord", "SaleRecord"]


def test_a_journal_with_a_flipped_bit_does_not_open(bench: Bench) -> None:
    _sell(bench, 3)
    bench.terminal.close()
    with sqlite3.connect(bench.folder / FILE) as edited:
        (identifier, sealed) = edited.execute("SELECT id, sealed FROM record ORDER BY id LIMIT 1 OFFSET 1").fetchone()
        edited.execute("UPDATE record SET sealed = ? WHERE id = ?", (sealed[:-1] + bytes([sealed[-1] ^ 1]), identifier))
    edited.close()
    with pytest.raises(JournalBroken):
        bench.open()


def test_a_journal_with_a_record_cut_out_does_not_open(bench: Bench) -> None:
    _sell(bench, 3)
    bench.terminal.close()
    with sqlite3.connect(bench.folder / FILE) as edited:
        edited.execute("DELETE FROM record WHERE id = (SELECT id FROM record ORDER BY id LIMIT 1 OFFSET 2)")
    edited.close()
    with pytest.raises(JournalBroken):
        bench.open()


def test_a_journal_does_not_open_under_another_devices_key(bench: Bench) -> None:
    bench.terminal.close()
    (bench.folder / STORAGE_KEY).write_bytes(bytes(32))
    with pytest.raises(JournalBroken):
        bench.open()


def test_a_restored_server_gets_everything_of_the_backup_window_again(bench: Bench) -> None:
    _sell(bench, 5)
    bench.sync()
    bench.restart()
    _sell(bench, 2, first=200)
    bench.sync()
    before = {epoch: list(stream.lines) for epoch, stream in bench.server.streams.items()}
    bench.server.streams.clear()
    _sell(bench, 1, first=300)
    bench.server.need_previous = True
    bench.sync(steps=30)
    after = {epoch: list(stream.lines) for epoch, stream in bench.server.streams.items()}
    assert list(after) == list(before)
    for epoch, lines in before.items():
        assert after[epoch][: len(lines)] == lines
    assert len(_all_sales(bench)) == 8


def test_acknowledged_records_go_after_the_backup_window_and_unposted_ones_later(bench: Bench) -> None:
    _sell(bench, 3)
    bench.sync()
    journal = bench.terminal._journal
    epoch = journal.tail.epoch
    bench.clock.pass_ms(6 * DAY_MS)
    bench.control.maintain()
    assert journal.rewind(epoch, 0)
    journal.acknowledge(epoch, 4)
    bench.clock.pass_ms(2 * DAY_MS)
    bench.control.maintain()
    assert journal.rewind(epoch, 0), "not posted yet, so still kept"
    journal.acknowledge(epoch, 4)
    bench.server.post_all()
    bench.sync()
    bench.control.maintain()
    assert not journal.rewind(epoch, 0)


def test_codes_taken_are_forgotten_only_when_they_cannot_live(bench: Bench) -> None:
    code_id = Phone(1).credential[8:16]
    bench.pay(1_00, bench.show(1))
    journal = bench.terminal._journal
    bench.clock.pass_ms(DAY_MS)
    bench.control.maintain()
    assert journal.last_presented_s(code_id) == NOON_S
    bench.clock.pass_ms(2 * DAY_MS)
    bench.control.maintain()
    assert journal.last_presented_s(code_id) is None


def test_a_reset_is_refused_while_a_sale_would_be_lost(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    with pytest.raises(RecordsWaiting):
        bench.terminal.reset()
    bench.sync()
    old_key = (bench.folder / DEVICE_KEY).read_bytes()
    bench.terminal.reset()
    bench.open()
    assert bench.control.screen().phase is Phase.UNENROLLED
    assert (bench.folder / DEVICE_KEY).read_bytes() != old_key


def test_a_sealed_record_moved_to_another_place_does_not_open() -> None:
    vault = Vault(bytes(32), randomness=SystemRandomness())
    sealed = vault.seal(b"twelve fifty", place=b"1")
    assert vault.open(sealed, place=b"1") == b"twelve fifty"
    for item, place in ((sealed, b"2"), (sealed[:-1], b"1"), (b"", b"1")):
        with pytest.raises(VaultError):
            vault.open(item, place=place)


def test_an_epoch_is_never_used_twice(tmp_path: Path) -> None:
    vault = Vault(bytes(32), randomness=SystemRandomness())
    Journal.open(tmp_path, vault=vault, epoch=5, at_ms=1, software="t").close()
    with pytest.raises(JournalBroken):
        Journal.open(tmp_path, vault=vault, epoch=5, at_ms=2, software="t")


def test_records_of_a_clock_that_was_ahead_leave_no_hole_when_those_after_them_go(bench: Bench) -> None:
    """A cashier vouched for a clock a day fast, then the server set it right."""
    journal, true_ms = bench.terminal._journal, bench.clock.now_ms
    epoch = journal.tail.epoch
    bench.clock.jump_ms(DAY_MS)
    assert bench.control.confirm_clock()
    journal.append_note(NoteRecord(journal.next_seq, bench.clock.now_ms, "ahead"))
    bench.clock.now_ms = true_ms
    bench.sync()
    _sell(bench, 3)
    bench.sync()
    bench.server.post_all()
    bench.clock.pass_ms(7 * DAY_MS + 60_000)
    _note(bench, 3)
    bench.sync()
    bench.control.maintain()
    bench.restart()
    journal = bench.terminal._journal
    assert journal.rewind(epoch, 0)
    run = journal.unacknowledged(100)
    assert run is not None
    assert chain_all(bytes.fromhex(run.head_before), list(run.lines)).hex() == run.head_after


def test_a_record_of_a_clock_that_was_a_year_ahead_keeps_nothing_behind_it(bench: Bench) -> None:
    """Else every record after it would fill the disk for that year."""
    journal = bench.terminal._journal
    journal.append_note(NoteRecord(journal.next_seq, bench.clock.now_ms + 365 * DAY_MS, "ahead"))
    _sell(bench, 3)
    old = journal.tail.seq
    bench.sync()
    bench.server.post_all()
    bench.clock.pass_ms(7 * DAY_MS + 60_000)
    _note(bench, 3)
    bench.sync()
    bench.control.maintain()
    kept = [each.record.seq for each in journal.written(SaleRecord, NoteRecord, since_ms=0)]
    assert kept == [old + 1, old + 2, old + 3]


def _note(bench: Bench, count: int) -> None:
    journal = bench.terminal._journal
    for _ in range(count):
        journal.append_note(NoteRecord(journal.next_seq, bench.clock.now_ms, "late"))
