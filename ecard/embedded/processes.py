"""Processes told apart as /proc sees them: a dead one not yet reaped does not run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

PROC = Path("/proc")
PR_SET_PDEATHSIG = 1
POLL_S = 0.02


def is_running(pid: int) -> bool:
    """Whether `pid` is a process that has not ended; a zombie has."""
    status = PROC / str(pid) / "stat"
    if PROC.is_dir():
        try:
            # The name, in brackets, may hold anything: the state follows the last bracket.
            return status.read_text(errors="replace").rpartition(")")[2].split()[0] not in {"Z", "X"}
        except (FileNotFoundError, ProcessLookupError):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def running_inside(folder: Path) -> set[int]:
    """Processes whose working directory is `folder`, as PostgreSQL's are in their cluster."""
    folder = folder.resolve()  # as the kernel names it, whatever links lead there
    found = set()
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink() == folder and is_running(int(entry.name)):
                    found.add(int(entry.name))
    return found


def signal_quietly(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that has just ended is no error."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def wait_until_gone(pids: set[int], *, timeout_s: float) -> bool:
    """Whether all of `pids` ended in time; own children are reaped on the way."""
    deadline = time.monotonic() + timeout_s
    while True:
        for pid in pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        if not any(is_running(pid) for pid in pids):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)


def end_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send this process `number` when its parent ends (Linux).

    Runs between fork and exec, after the change of user, which would clear it.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
