"""The disk is full, or does not sync, or lies: a sale is refused before it is accepted, and never lost after."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.core.declines import Why
from devices.core.journal import NoteRecord, ReversalRecord, SaleRecord
from devices.journal import reserve
from devices.journal.journal import FILE
from devices.journal.values import JournalBroken, Limits
from devices.master.screen import Phase
from devices.store.snapshots import StoreBroken
from devices.terminal import STORAGE_KEY
from firmware_sim.disk import images
from tests.devices import world
from tests.devices.world import FakeRandomness
from tests.endurance.machine import Machine, after_the_cut, check, check_epochs
from tests.support.longjournal import fill

ALWAYS = 1_000_000
ROOMY = Limits(reserve_bytes=256 * 1024)
Make = Callable[..., Machine]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Machine] = []

    def make_one(**options: object) -> Machine:
        machine = Machine(tmp_path / f"machine-{len(made)}", **options)  # type: ignore[arg-type]  # as it takes them
        machine.ready()
        made.append(machine)
        return machine

    yield make_one
    for machine in made:
        machine.disk.refuse_syncs, machine.disk.refuse_writes, machine.disk.capacity_bytes = 0, None, None
        machine.close()


def _note(machine: Machine) -> None:
    journal = machine.terminal._journal
    journal.append_note(NoteRecord(journal.next_seq, machine.clock.now_ms, "void", ("A1",)))


def _all_shown_arrived(machine: Machine, *, unseen: int = 0) -> None:
    machine.sync(steps=30)
    assert machine.terminal.control.screen().unsent == 0
    check(machine, machine.noted, unseen=unseen)


# Full


def test_with_the_disk_full_at_any_write_nothing_is_half_sold_and_all_goes_on_when_there_is_room(make: Make) -> None:
    """Sale, reversal, upload, snapshot, upkeep and a restart, each time with room for one write more."""
    refused = 0
    for room in range(0, 60, 2):
        machine = make()
        assert machine.pay(1).approved
        machine.disk.refuse_writes = room
        for account_ref in (2, 3):
            outcome = machine.pay(account_ref)
            refused += not outcome.approved
            assert outcome.approved or outcome.result.why == Why.JOURNAL_FULL
        machine.undo()
        machine.sync()
        machine.server.post_all()
        machine.sync()
        machine.close()
        try:
            machine.boot()
        except (JournalBroken, StoreBroken):
            machine.disk.refuse_writes = None
            machine.boot()
        machine.disk.refuse_writes = None
        machine.sync()
        machine.terminal.control.maintain()
        assert machine.pay(4).approved
        _all_shown_arrived(machine, unseen=4)
        _nobody_paid_unseen(machine)
    assert refused > 5


def _nobody_paid_unseen(machine: Machine) -> None:
    """What was declined and is on the disk nevertheless was undone."""
    records = machine.records()
    undone = {(each.of_epoch, each.of_seq) for each in records.values() if isinstance(each, ReversalRecord)}
    shown = {(what.epoch, what.seq) for what in machine.shown if what.kind == "sale"}
    sales = {place for place, each in records.items() if isinstance(each, SaleRecord)}
    assert sales - shown <= undone


def test_on_a_full_disk_the_reserve_lets_reversals_notes_and_acknowledgements_through(make: Make) -> None:
    machine = make(limits=ROOMY)
    assert machine.pay(1).approved
    machine.disk.capacity_bytes = machine.disk.used_bytes
    assert machine.sell_out().why == Why.JOURNAL_FULL
    machine.clock.pass_ms(10_000)
    assert machine.terminal.control.screen().phase is Phase.STOPPED
    assert machine.pay(3).result.why == Why.JOURNAL_FULL
    machine.disk.capacity_bytes = machine.disk.used_bytes
    assert machine.undo().approved
    assert not (machine.folder / reserve.FILE).exists()
    _note(machine)
    machine.sync()
    assert machine.terminal.control.screen().unsent == 0
    assert not machine.pay(3).approved, "what was kept back is not for sales"
    machine.disk.capacity_bytes = None
    machine.terminal.control.maintain()
    assert (machine.folder / reserve.FILE).stat().st_size == ROOMY.reserve_bytes
    assert machine.pay(3).approved
    _all_shown_arrived(machine)


def test_a_terminal_starts_on_a_full_disk_and_uploads_what_it_has(make: Make) -> None:
    machine = make(limits=ROOMY)
    machine.server.down = True
    assert machine.pay(1).approved
    machine.close()
    machine.disk.capacity_bytes = machine.disk.used_bytes
    machine.server.down = False
    machine.boot()
    machine.sync()
    assert machine.terminal.control.screen().unsent == 0
    check(machine, machine.noted)


def test_a_journal_at_its_bound_takes_reversals_and_notes_but_no_sale(make: Make) -> None:
    """SQLite's own bound on the file, not the disk's."""
    machine = make(limits=Limits(max_file_bytes=160 * 1024, reserve_bytes=40 * 1024))
    machine.server.down = True
    assert machine.sell_out().why == Why.JOURNAL_FULL
    assert (machine.folder / FILE).stat().st_size <= 160 * 1024
    assert len(machine.shown) > 10
    assert machine.undo().approved
    for _ in range(3):
        _note(machine)
    assert machine.pay(2).result.why == Why.JOURNAL_FULL
    machine.server.down = False
    _all_shown_arrived(machine)


# Syncs that fail, or lie


@pytest.mark.parametrize("failing", [1, 2, 3, 5])
def test_a_sync_that_fails_refuses_the_sale_and_loses_none_after_it(make: Make, tmp_path: Path, failing: int) -> None:
    """A later sync does not cover what a failed one left: the power may go right then."""
    machine = make()
    assert machine.pay(1).approved
    machine.disk.refuse_syncs = failing
    outcome = machine.pay(2)
    assert (outcome.approved, outcome.result.why) == (False, Why.JOURNAL_FULL)
    machine.disk.refuse_syncs = 0
    machine.terminal.control.maintain()
    assert machine.pay(3).approved
    assert machine.pay(4).approved
    for number, image in enumerate(images(machine.disk.before, machine.disk.log)):
        if number % 7 and "all written" not in image.how:
            continue
        again = after_the_cut(image, tmp_path / f"cut-{number}", boots=7)
        again.ready()
        again.sync(steps=30)
        check(again, image.noted, unseen=3)
        again.close()
        shutil.rmtree(again.folder)
    _all_shown_arrived(machine, unseen=2)
    _nobody_paid_unseen(machine)


def test_while_no_sync_succeeds_the_terminal_stops_and_says_so_and_goes_on_by_itself_after(make: Make) -> None:
    machine = make()
    assert machine.pay(1).approved
    machine.disk.refuse_syncs = ALWAYS
    assert not machine.pay(2).approved
    screen = machine.terminal.control.screen()
    assert screen.phase is Phase.STOPPED
    assert screen.notice is not None
    assert "Storage has failed" in screen.notice.en
    machine.disk.refuse_syncs = 0
    machine.terminal.control.maintain()
    machine.clock.pass_ms(10_000)
    assert machine.terminal.control.screen().phase is Phase.READY
    assert machine.pay(2).approved
    _all_shown_arrived(machine, unseen=2)
    _nobody_paid_unseen(machine)


def test_on_a_disk_that_lies_about_syncs_a_lost_end_is_noticed_wherever_a_trace_of_it_is_left(
    make: Make, tmp_path: Path
) -> None:
    """Nothing can keep what such a disk drops; but nothing false is made of the rest."""
    machine = make()
    assert machine.pay(1).approved
    machine.disk.lie = True
    for account_ref in (2, 3, 4):
        assert machine.pay(account_ref).approved
    made = {each.evidence for each in (record for record in _sales_of(machine))}
    noticed = opened = 0
    for number, image in enumerate(images(machine.disk.before, machine.disk.log)):
        if "cut before event" in image.how and number % 5:
            continue
        again = after_the_cut(image, tmp_path / f"cut-{number}", boots=7)
        try:
            again.ready()
            again.sync(steps=30)
            found = [each for each in again.records().values() if isinstance(each, SaleRecord)]
            assert {each.evidence for each in found} <= made
            assert len(found) == len({each.evidence for each in found})
            opened += 1
        except JournalBroken as error:
            noticed += "gone" in str(error)
        again.close()
        shutil.rmtree(again.folder)
    assert noticed > 0
    assert opened > 0


def _sales_of(machine: Machine) -> list[SaleRecord]:
    return [
        written.record
        for written in machine.terminal._journal.written(SaleRecord, since_ms=0)
        if isinstance(written.record, SaleRecord)
    ]


# Weeks in the dark


def test_fifty_thousand_sales_wait_then_the_next_is_refused_until_the_line_is_back(make: Make) -> None:
    machine = make(limits=Limits(), keep_log=False)
    machine.server.down = True
    assert machine.pay(1).approved
    (sold,) = machine.terminal._journal.written(SaleRecord, since_ms=0)
    assert isinstance(sold.record, SaleRecord)
    machine.close()
    key = (machine.folder / STORAGE_KEY).read_bytes()
    fill(
        machine.folder,
        key=key,
        randomness=FakeRandomness(99),
        sale=sold.record,
        count=49_990,
        at_ms=machine.clock.now_ms,
    )
    machine.listen()
    machine.boot()
    journal = machine.terminal._journal
    assert machine.sell_out().why == Why.JOURNAL_FULL
    assert journal.unsent == Limits().max_unacknowledged == 50_000
    assert machine.undo().approved
    _note(machine)
    machine.server.down = False
    machine.sync(steps=8)
    assert 0 < journal.unsent < 50_000
    assert machine.pay(2).approved


# Given another place


@pytest.mark.parametrize("fault", ["refuse_writes", "refuse_syncs"])
def test_given_another_place_on_a_failing_disk_each_sale_stays_where_it_was_made(make: Make, fault: str) -> None:
    """The epoch of the new place is begun whole or not at all, and the one before it ends where it says."""
    for step in range(12):
        machine = make()
        assert machine.pay(1).approved
        machine.server.terminal += 1
        setattr(machine.disk, fault, step)
        machine.terminal.enrol(world.ENROLMENT_CODE)
        machine.sync()
        machine.disk.refuse_writes, machine.disk.refuse_syncs = None, 0
        machine.wait(60_000)
        machine.terminal.control.maintain()
        machine.sync()
        assert machine.terminal.control.screen().terminal == machine.server.terminal
        assert machine.pay(2).approved
        _all_shown_arrived(machine)
        before, after = machine.shown
        assert before.epoch != after.epoch
        machine.close()
        machine.boot()
        assert machine.pay(3).approved
        _all_shown_arrived(machine)
        check_epochs(machine.server)
