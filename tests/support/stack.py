"""The whole demo as processes of its own, on any ports and in a folder of its own: for tests of the whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from ecard.demo import place
from ecard.demo.options import PROJECT
from ecard.embedded import EmbeddedPostgres, processes
from ecard.settings.env import read_environment_file
from tests.support import leftovers, schema

START_TIMEOUT_S = 600.0
STOP_TIMEOUT_S = 300.0
POLL_S = 0.1
LOG_TAIL = 2_000
PEOPLE = 60
FOLDER_PREFIX = "ecard-stack-"
FOREIGN = ("ECARD_", "DATABASE_", "DJANGO_", "PYTEST_")
"""What the test session has in its environment and a demo must not find."""


class Counter(msgspec.Struct, frozen=True):
    """One terminal's pages, and the switch of its line."""

    kind: str
    url: str
    line: str


class Addresses(msgspec.Struct, frozen=True):
    """The demo's own file: where everything is, and the login names by role."""

    web: str
    gallery: str
    terminals: tuple[Counter, ...]
    logins: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stack:
    """A running campus. `database_url` is the runtime role's; `pins` are the supervisors', by name."""

    addresses: Addresses
    database_url: str = field(repr=False)
    passwords: dict[str, str] = field(repr=False)
    pins: dict[str, str] = field(repr=False)
    logs: Path


@contextmanager
def running_stack(*, people: int = PEOPLE, taps: int = 0, bare: bool = False) -> Iterator[Stack]:
    """Start everything, and in the end stop it and delete what it kept. AssertionError with its output if it fails.

    With `taps` so many people have had lunch before; a `bare` campus has no rules yet.
    """
    leftovers.sweep(FOLDER_PREFIX, cluster="postgres")
    state = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
    command = [sys.executable, "-m", "ecard.demo", "--any-ports", "--taps", str(taps)]
    command += ["--people", str(people), "--state", str(state), *(["--bare"] if bare else [])]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    _make_tables(state)
    said = state / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            env=environment,
            start_new_session=True,
            preexec_fn=partial(processes.end_with_parent, signal.SIGTERM),
        )
    try:
        _wait(process, state / place.ADDRESSES, said)
        yield _read(state)
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        finally:
            process.kill()  # one that does not stop would go on beside all other tests
            process.wait()
            _delete(state)


def _make_tables(state: Path) -> None:
    """In a moment, where it is known what these sources migrate to; else the demo takes its time."""
    if schema.is_known():
        with EmbeddedPostgres(state / "postgres", end_with_parent=True) as server:
            schema.load(server.create_database("ecard"))


def _wait(process: subprocess.Popen[bytes], addresses: Path, said: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not addresses.is_file():
        late = time.monotonic() > deadline
        if late or process.poll() is not None:
            what = f"is not up after {START_TIMEOUT_S:.0f} s" if late else "ended"
            told = [said, *sorted((said.parent / "logs").glob("*.log"))]
            ends = "".join(f"\n{log.name}: {log.read_text(errors='replace')[-LOG_TAIL:]}" for log in told)
            raise AssertionError(f"the demo {what}:{ends}")
        time.sleep(POLL_S)


def _read(state: Path) -> Stack:
    kept = read_environment_file(state / "secrets")
    return Stack(
        addresses=msgspec.json.decode((state / place.ADDRESSES).read_bytes(), type=Addresses),
        database_url=read_environment_file(state / "environment")["DATABASE_URL"],
        passwords={login: place.password_of(login, kept) for login in place.LOGINS},
        pins=place.pins(kept),
        logs=state / "logs",
    )


def _delete(state: Path) -> None:
    """As root the cluster lies elsewhere, and its own supervisor knows where."""
    EmbeddedPostgres(state / "postgres").destroy()
    shutil.rmtree(state)
