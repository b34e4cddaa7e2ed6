"""The power goes at any write, and of what was not synced any choice is on the disk: nothing that was shown is lost.

(`tests/devices/test_crash.py` kills the process: what it wrote is in the page cache and survives, so that alone proves
nothing about a power cut.)
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from firmware_sim.disk import Image, Named, Synced, Wrote, images
from tests.endurance.machine import Machine, Shown, after_the_cut, check

DAY_MS = 24 * 3600 * 1000
WHOLE, TORN, TWICE = 600, 200, 25
"""So many images of each kind are opened: all writes dropped or kept, one in part, two cuts one after the other."""


@dataclass(frozen=True)
class Life:
    """What a disk may hold after a cut somewhere in a life."""

    whole: list[Image]
    torn: list[Image]
    boots: int


def live(machine: Machine) -> None:
    """Set up, sales, a reversal, uploads, new snapshots, pruning, a second boot and more of it."""
    machine.ready()
    for account_ref in (1, 2, 3):
        assert machine.pay(account_ref).approved
    assert machine.undo().approved
    machine.sync()
    machine.server.post_all()
    machine.sync()
    assert machine.pay(1).approved
    machine.terminal.control.maintain()
    machine.close()
    machine.boot()
    assert machine.pay(4).approved
    assert machine.pay(2).approved
    machine.sync()
    machine.server.post_all()
    machine.wait(8 * DAY_MS)
    machine.sync()
    machine.terminal.control.maintain()
    assert machine.undo().approved is False


def _recorded(machine: Machine) -> Life:
    log = list(machine.disk.log)
    assert sum(isinstance(event, Wrote) for event in log) > 20
    assert any(isinstance(event, Synced) for event in log)
    before = machine.disk.before
    return Life(list(images(before, log)), list(images(before, log, torn=True)), machine.boots)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    machine = Machine(tmp_path_factory.mktemp("life"))
    live(machine)
    found = _recorded(machine)
    machine.close()
    return found


def _sample(found: list[Image], count: int, *, seed: int) -> Iterable[Image]:
    chosen = random.Random(seed).sample(range(len(found)), min(count, len(found)))
    return (found[number] for number in sorted(chosen))


def _opens_with_all_that_was_shown(image: Image, folder: Path, life: Life) -> Machine:
    machine = after_the_cut(image, folder, boots=life.boots + 5)
    try:
        machine.ready()
        machine.sync(steps=30)
        assert machine.terminal.control.screen().unsent == 0
        check(machine, image.noted)
    except BaseException as error:
        error.add_note(image.how)
        raise
    return machine


def test_after_a_cut_at_any_write_all_that_was_shown_is_there_and_at_most_one_sale_more(
    life: Life, tmp_path: Path
) -> None:
    for number, image in enumerate(_sample(life.whole, WHOLE, seed=1)):
        folder = tmp_path / str(number)
        _opens_with_all_that_was_shown(image, folder, life).close()
        shutil.rmtree(folder)


def test_after_a_cut_in_the_middle_of_a_write_all_that_was_shown_is_there(life: Life, tmp_path: Path) -> None:
    for number, image in enumerate(_sample(life.torn, TORN, seed=2)):
        folder = tmp_path / str(number)
        _opens_with_all_that_was_shown(image, folder, life).close()
        shutil.rmtree(folder)


def test_after_a_second_cut_what_was_shown_before_and_after_the_first_is_there(life: Life, tmp_path: Path) -> None:
    for number, image in enumerate(_sample(life.whole, TWICE, seed=3)):
        first = after_the_cut(image, tmp_path / f"{number}", boots=life.boots + 5)
        first.keep_log = True
        first.listen()
        first.ready()
        first.pay(6)
        first.pay(7)
        first.sync()
        first.pay(8)
        again = _recorded(first)
        first.close()
        shown = tuple(what for what in image.noted if isinstance(what, Shown))
        for second, cut in enumerate(_sample(again.whole, 8, seed=number)):
            folder = tmp_path / f"{number}-{second}"
            both = replace(cut, noted=(*image.noted, *cut.noted), how=f"{image.how}; then {cut.how}")
            machine = after_the_cut(both, folder, boots=again.boots + 5)
            machine.ready()
            machine.sync(steps=30)
            assert machine.terminal.control.screen().unsent == 0
            check(machine, both.noted, unseen=2)
            assert shown == tuple(what for what in both.noted if isinstance(what, Shown))[: len(shown)]
            machine.close()
            shutil.rmtree(folder)
        shutil.rmtree(tmp_path / f"{number}")


def test_the_check_itself_finds_a_disk_that_lost_a_sale(life: Life, tmp_path: Path) -> None:
    """Else the tests above would prove nothing."""
    last = next(image for image in life.whole if image.noted and isinstance(image.noted[-1], Shown))
    lost = (Named(name, None) for name in last.files if name.startswith("journal."))
    image = replace(last, written=(*last.written, *lost), how="no journal")
    with pytest.raises(AssertionError, match="is lost"):
        _opens_with_all_that_was_shown(image, tmp_path / "lost", life)
