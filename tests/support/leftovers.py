"""Folders of test sessions that were killed before they could delete them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from ecard.embedded import EmbeddedPostgres, EngineError, processes


def sweep(prefix: str, *, cluster: str = ".") -> None:
    """Delete each `prefix` + process id + "-..." of the temporary folder whose process has ended.

    `cluster` is where in it an embedded PostgreSQL keeps its data. Workers start together: one sweeps, and the others
    go on. A process of the dead session may still be closing its files; what resists is the next one's.
    """
    temporary = Path(tempfile.gettempdir())
    with (temporary / f"{prefix}sweep-{os.geteuid()}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for folder in temporary.glob(f"{prefix}*-*"):
            if _was_left(folder, folder.name.removeprefix(prefix).partition("-")[0]):
                with contextlib.suppress(EngineError):
                    EmbeddedPostgres(folder / cluster).destroy()
                shutil.rmtree(folder, ignore_errors=True)


def _was_left(folder: Path, pid: str) -> bool:
    if not pid.isdigit() or processes.is_running(int(pid)):
        return False
    try:
        return folder.stat().st_uid == os.geteuid()
    except FileNotFoundError:  # it ended as it should, just now
        return False
