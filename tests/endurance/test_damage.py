"""A byte turned over at rest, a file cut short, put back alone or gone: found out or without effect, never believed."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.core.journal import SaleRecord
from devices.journal import mark
from devices.journal.journal import FILE
from devices.journal.values import JournalBroken
from devices.store import snapshots
from firmware_sim.disk import Image, images
from tests.endurance.machine import Machine, after_the_cut, check

WAL = FILE + "-wal"
EACH = 90
"""So many bytes of each file are turned over, beside the headers' first ones."""


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Image]:
    """Records of two epochs, some acknowledged: most in the log while it runs, all in the database once shut down."""
    machine = Machine(tmp_path_factory.mktemp("whole"))
    machine.ready()
    for account_ref in (1, 2, 3):
        assert machine.pay(account_ref).approved
    machine.sync()
    machine.terminal.control.maintain()
    machine.close()
    machine.boot()
    machine.sync()
    machine.server.down = True
    for account_ref in (4, 5, 6):
        assert machine.pay(account_ref).approved
    assert machine.undo().approved
    running = _as_it_is(machine)
    machine.close()
    return {"running": running, "shut down": _as_it_is(machine)}


@pytest.fixture
def whole(disks: dict[str, Image]) -> Image:
    return disks["running"]


def _as_it_is(machine: Machine) -> Image:
    found = images(machine.disk.before, machine.disk.log)
    *_, last = (image for image in found if image.how.endswith(": all written"))
    return last


def _opened(whole: Image, folder: Path, damage: Callable[[Path], None]) -> Machine:
    machine = after_the_cut(whole, folder, boots=9)
    damage(folder)
    machine.boot()
    machine.sync(steps=30)
    return machine


def _turned(name: str, place: int, bit: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[place] ^= bit
        (folder / name).write_bytes(data)

    return damage


def _found_out_or_harmless(whole: Image, folder: Path, damage: Callable[[Path], None]) -> bool:
    """Whether it was found out. Otherwise all must be there that was shown, and nothing else."""
    machine = None
    try:
        machine = _opened(whole, folder, damage)
        assert machine.terminal.control.screen().unsent == 0
        check(machine, whole.noted, unseen=0)
    except JournalBroken:
        return True
    finally:
        if machine is not None:
            machine.close()
        shutil.rmtree(folder)
    return False


@pytest.mark.parametrize(
    ("disk", "name", "at_least"),
    [("running", FILE, 0), ("running", WAL, 60), ("running", mark.FILE, 0), ("shut down", FILE, 20)],
)
def test_any_byte_turned_over_is_found_out_or_changes_nothing(
    disks: dict[str, Image], tmp_path: Path, disk: str, name: str, at_least: int
) -> None:
    whole = disks[disk]
    size = len(whole.files[name])
    generator = random.Random(7)
    places = {*range(0, min(size, 128), 8), *(generator.randrange(size) for _ in range(EACH))}
    found = 0
    for place in sorted(places):
        try:
            found += _found_out_or_harmless(whole, tmp_path / f"{place}", _turned(name, place, 1 << place % 8))
        except BaseException as error:
            error.add_note(f"byte {place} of {name}")
            raise
    assert found >= at_least


def test_the_snapshot_damaged_anywhere_is_fetched_anew_and_no_sale_is_lost(whole: Image, tmp_path: Path) -> None:
    for name in (snapshots.FILE, snapshots.FILE + "-wal"):
        size = len(whole.files[name])
        for place in range(0, size, max(1, size // 20)):
            found = _found_out_or_harmless(whole, tmp_path / f"{name}-{place}", _turned(name, place, 0x10))
            assert not found


@pytest.mark.parametrize("name", [FILE, WAL])
def test_a_file_cut_short_at_rest_is_found_out_or_changes_nothing(whole: Image, tmp_path: Path, name: str) -> None:
    size = len(whole.files[name])
    found = 0
    for left in range(0, size, max(512, size // 40 // 512 * 512)):

        def cut(folder: Path, left: int = left) -> None:
            (folder / name).write_bytes(whole.files[name][:left])

        found += _found_out_or_harmless(whole, tmp_path / f"{left}", cut)
    assert found > 10


@pytest.mark.parametrize("gone", [(WAL,), (FILE, WAL), (FILE,)])
def test_a_journal_that_is_gone_or_lost_its_log_does_not_begin_again_without_a_word(
    whole: Image, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    def remove(folder: Path) -> None:
        for name in gone:
            (folder / name).unlink()

    with pytest.raises(JournalBroken, match=r"gone|damaged|not a database"):
        _opened(whole, tmp_path / "gone", remove)


def test_what_the_server_has_is_sent_again_where_the_place_reached_was_damaged(whole: Image, tmp_path: Path) -> None:
    """The count of acknowledged records is not covered by the chain: its tag is, and too much sent is only repeated."""
    machine = after_the_cut(whole, tmp_path / "acked", boots=9)
    writer = machine.disk.connect(machine.folder / FILE)
    writer.execute("UPDATE stream SET acked = 4096")
    writer.close()
    machine.boot()
    machine.sync(steps=30)
    check(machine, whole.noted, unseen=0)
    assert machine.terminal.control.screen().unsent == 0
    machine.close()


def test_a_code_taken_cannot_be_made_untaken_on_the_disk(whole: Image, tmp_path: Path) -> None:
    machine = after_the_cut(whole, tmp_path / "taken", boots=9)
    writer = machine.disk.connect(machine.folder / FILE)
    writer.execute("UPDATE presented SET moment_s = moment_s - 60")
    writer.close()
    with pytest.raises(JournalBroken, match="codes taken"):
        machine.boot()


def test_damage_while_it_runs_declines_and_sells_nothing_on_what_it_cannot_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "running", keep_log=False)
    machine.ready()
    assert machine.pay(1).approved
    machine.terminal._journal._writer.execute("UPDATE presented SET moment_s = 1")
    assert not machine.pay(1).approved
    assert machine.pay(2).approved
    sold = [each.record for each in machine.terminal._journal.written(SaleRecord, since_ms=0)]
    assert [each.account_ref for each in sold if isinstance(each, SaleRecord)] == [1, 2]
    machine.close()
