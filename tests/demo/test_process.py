"""The demo's process manager, on real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecard.demo.process import ProcessManager, Program, ProgramFailed, Running, cut_log
from ecard.embedded import processes

WAIT_S = 60.0


def program(name: str, code: str, folder: Path, **more: object) -> Program:
    return Program(name, [sys.executable, "-c", code], dict(os.environ), folder, **more)  # type: ignore[arg-type]  # as given


def soon(done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ProcessManager]:
    started = ProcessManager(log_folder=tmp_path / "logs")
    yield started
    started.stop()


SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def test_a_program_is_ready_when_it_answers_and_its_words_are_in_its_log(
    manager: ProcessManager, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    running = manager.start(program("one", f"open({str(mark)!r}, 'w'); {SLEEP}", tmp_path, answers=mark.exists))
    manager.wait_until_ready(running, timeout_s=WAIT_S)
    assert soon(lambda: running.log_tail() == "up")
    assert manager.failed() is None
    manager.must_run()


def test_a_program_that_ends_before_it_answers_is_told_with_its_last_words(
    manager: ProcessManager, tmp_path: Path
) -> None:
    running = manager.start(program("broken", "raise SystemExit('no such port')", tmp_path, answers=lambda: False))
    with pytest.raises(ProgramFailed, match=r"(?s)broken ended.*no such port"):
        manager.wait_until_ready(running, timeout_s=WAIT_S)
    assert manager.failed() is running
    with pytest.raises(ProgramFailed, match=r"(?s)broken ended.*no such port"):
        manager.must_run()


def test_a_program_that_never_answers_is_given_up(manager: ProcessManager, tmp_path: Path) -> None:
    running = manager.start(program("mute", SLEEP, tmp_path, answers=lambda: False))
    with pytest.raises(ProgramFailed, match="does not answer"):
        manager.wait_until_ready(running, timeout_s=0.1)


def test_a_killed_device_comes_back_and_a_killed_server_does_not(manager: ProcessManager, tmp_path: Path) -> None:
    device = manager.start(program("device", SLEEP, tmp_path, restart_after_s=0.1))
    server = manager.start(program("server", SLEEP, tmp_path))
    for running in (device, server):
        running.process.kill()
    assert soon(lambda: device.starts == 2 and device.process.poll() is None)
    assert soon(lambda: manager.failed() is server)  # it was killed last, and may die last
    assert server.starts == 1


def test_a_device_that_cannot_start_is_not_started_over_and_over(manager: ProcessManager, tmp_path: Path) -> None:
    device = manager.start(program("device", "raise SystemExit(3)", tmp_path, restart_after_s=0.1))
    assert soon(lambda: manager.failed() is device)
    assert device.starts == 1


def test_all_are_stopped_the_last_first_with_what_they_started(tmp_path: Path) -> None:
    manager = ProcessManager(log_folder=tmp_path / "logs")
    order = tmp_path / "order"
    child = tmp_path / "child"
    parent = (
        "import pathlib, signal, subprocess, sys, time\n"
        f"kid = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(kid.pid))\n"
        "time.sleep(600)\n"
    )
    telling = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1] + ' '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True); time.sleep(600)\n"
    )
    manager.start(program("parent", parent, tmp_path))
    told: list[Running] = []
    for name in ("first", "second"):
        made = Program(name, [sys.executable, "-c", telling, name], dict(os.environ), tmp_path)
        told.append(manager.start(made))
    assert soon(lambda: child.is_file() and child.read_text() != "" and all(each.log_tail() for each in told))
    manager.stop()
    assert order.read_text() == "second first "
    assert soon(lambda: not processes.is_running(int(child.read_text())))


def test_no_program_outlives_a_killed_demo(tmp_path: Path) -> None:
    script = (
        "import os, sys, time, pathlib\n"
        "from ecard.demo.process import ProcessManager, Program\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "manager = ProcessManager(log_folder=folder)\n"
        f"running = manager.start(Program('one', [sys.executable, '-c', {SLEEP!r}], dict(os.environ), folder))\n"
        "print(running.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            pid = int(demo.stdout.readline())
            assert processes.is_running(pid)
        finally:
            demo.kill()
    assert soon(lambda: not processes.is_running(pid))


def test_a_log_that_grows_is_cut_and_one_before_it_kept(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("ab") as writing:
        writing.write(b"a" * 11)
        writing.flush()
        cut_log(log, max_bytes=10)
        writing.write(b"b")
        writing.flush()
    assert log.read_bytes() == b"b"
    assert (tmp_path / "x.log.1").read_bytes() == b"a" * 11
