"""A small process manager: starts programs, waits until they answer, restarts some, stops all in reverse order.

Each program is the leader of its own session, so Ctrl-C in the console reaches only us, and asks the kernel to be
ended when we end, however we end. Logs are cut when they grow too long. No Django here.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ecard.embedded import processes

WATCH_S = 0.2
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
LOG_MAX_BYTES = 5 * 1024 * 1024
LOG_TAIL_LINES = 25


class ProgramFailed(Exception):
    """A program ended or did not answer in time; the text names it and ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. With `restart_after_s` it is started again after a SIGKILL, as a device is after a power cut.

    `answers` says whether it is ready; it is asked from the thread that waits.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path
    answers: Callable[[], bool] = field(default=lambda: True, repr=False)
    restart_after_s: float | None = None


class Running:
    """One program with its process; `starts` counts how often it was started."""

    def __init__(self, program: Program, *, log: Path) -> None:
        self.program = program
        self.log = log
        self.starts = 0
        self.ended_at: float | None = None
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, its output appended to its log."""
        self.starts += 1
        self.ended_at = None
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                list(self.program.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.program.folder,
                env=dict(self.program.environment),
                umask=0o077,
                start_new_session=True,
                preexec_fn=partial(processes.end_with_parent, signal.SIGTERM),
            )
        return self.process

    def has_ended(self) -> bool:
        """Whether it is over for good: only a device whose power was cut comes back."""
        status = self.process.poll()
        power_cut = status == -signal.SIGKILL and self.program.restart_after_s is not None
        return status is not None and not power_cut

    def stop(self) -> None:
        """Ask it to end, then make it, with every process of its session's group."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log_tail(self) -> str:
        """The last lines it wrote."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])


class ProcessManager:
    """Programs in the order they were started. One thread watches them all until `stop`."""

    def __init__(self, *, log_folder: Path) -> None:
        log_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log_folder = log_folder
        self._running: list[Running] = []
        self._guard = threading.Lock()
        self._wanted: list[Program] = []
        self._started = threading.Condition(self._guard)
        self._stopping = threading.Event()
        # The kernel ends a child with the thread that started it: so one thread starts and stops them all.
        self._watcher = threading.Thread(target=self._watch, name="process-manager", daemon=True)
        self._watcher.start()

    def start(self, program: Program) -> Running:
        """Start a program; gives it once its process exists."""
        with self._started:
            self._wanted.append(program)
            while not (found := [each for each in self._running if each.program is program]):
                if not self._started.wait(timeout=START_TIMEOUT_S):
                    raise ProgramFailed(f"{program.name} could not be started")
        return found[0]

    def wait_until_ready(self, running: Running, *, timeout_s: float) -> None:
        """Return when it answers. Raises ProgramFailed when it ends first or the time is over."""
        deadline = time.monotonic() + timeout_s
        while not running.program.answers():
            ended = running.has_ended()
            if ended or time.monotonic() > deadline:
                what = "ended" if ended else f"does not answer after {timeout_s:.0f} s"
                raise ProgramFailed(f"{running.program.name} {what}. The end of {running.log}:\n{running.log_tail()}")
            time.sleep(WATCH_S)

    def failed(self) -> Running | None:
        """A program that ended and is not to be started again, if there is one."""
        with self._guard:
            return next((each for each in self._running if each.has_ended()), None)

    def must_run(self) -> None:
        """Raises ProgramFailed where a program ended that is not to be started again."""
        ended = self.failed()
        if ended is not None:
            raise ProgramFailed(f"{ended.program.name} ended. The end of {ended.log}:\n{ended.log_tail()}")

    def stop(self) -> None:
        """Stop all, the last started first."""
        self._stopping.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            with self._started:
                for program in self._wanted:
                    self._running.append(Running(program, log=self._log_folder / f"{program.name}.log"))
                self._wanted.clear()
                self._started.notify_all()
                for each in self._running:
                    self._look_after(each)
            self._stopping.wait(WATCH_S)
        for each in reversed(self._running):
            each.stop()

    def _look_after(self, running: Running) -> None:
        cut_log(running.log)
        wait_s = running.program.restart_after_s
        if wait_s is None or running.process.poll() is None or running.has_ended():
            return
        if running.ended_at is None:
            running.ended_at = time.monotonic()
        elif time.monotonic() - running.ended_at >= wait_s:
            running.start()


def cut_log(log: Path, *, max_bytes: int = LOG_MAX_BYTES) -> None:
    """Keep a log and the one before it. Programs append, so an emptied file goes on at its beginning."""
    if log.is_file() and log.stat().st_size > max_bytes:
        log.with_name(log.name + ".1").write_bytes(log.read_bytes())
        os.truncate(log, 0)
