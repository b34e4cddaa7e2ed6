"""`python -m ecard.demo` as people run it: in a process of its own, on a folder of its own.

One small rush is played for the whole module; what is doctored afterwards is put back by each test.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
import pytest

from ecard.demo.options import PROJECT
from ecard.embedded import EmbeddedPostgres
from ecard.embedded.place import abandon
from ecard.settings.env import read_environment_file

TAPS, PEOPLE = 40, 60
RUN_TIMEOUT_S = 600.0
GONE_TIMEOUT_S = 300.0
RUSH = [sys.executable, "-m", "ecard.demo", "--people", str(PEOPLE)]


@dataclass(frozen=True)
class Played:
    state: Path
    status: int
    output: str

    @property
    def tally(self) -> Path:
        (only,) = (self.state / "rushes").glob("*.json")
        return only


def demo(state: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*RUSH, "--any-ports", "--state", str(state), *arguments],
        cwd=PROJECT,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def bare_environment() -> dict[str, str]:
    """The demo finds everything itself: nothing of this test session's settings is handed on."""
    own = ("DJANGO_", "ECARD_", "DATABASE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    state = tmp_path_factory.mktemp("demo")
    try:
        yield Played(state, *demo(state, "--once", "--taps", str(TAPS)))
    finally:
        abandon(state / "postgres")
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def postgres(played: Played) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(played.state / "postgres", end_with_parent=True) as server:
        yield server


def read_figure(output: str, name: str) -> str:
    found = re.search(rf"{name}\s+(\S.*?)\s*│", output)
    assert found is not None, output
    return found[1]


def test_a_rush_through_a_cut_line_and_a_pulled_plug_is_in_the_ledger_once(played: Played) -> None:
    assert played.status == 0, played.output
    approved = int(read_figure(played.output, "approved by the terminals"))
    assert approved >= TAPS * 3 // 4
    for name in ("uploaded", "posted"):
        assert int(read_figure(played.output, name)) == approved
    for name in ("lost", "twice", "posted otherwise than shown", "evaluated again to other legs"):
        assert read_figure(played.output, name) == "0"
    assert read_figure(played.output, "all accounts balance") == "yes"
    tally = json.loads(played.tally.read_text())
    assert len(tally["shown"]) == approved
    assert tally["offline"] > 0
    # Three terminals, of which the second lost its power and drew a new epoch.
    assert len({tuple(span[:2]) for span in tally["spans"]}) == 3 + 1


def test_every_sale_of_the_rush_is_evaluated_again_to_identical_legs(
    played: Played, postgres: EmbeddedPostgres
) -> None:
    script = (
        "from ecard.settlement.models import Sale\n"
        "from ecard.settlement.queries import recheck\n"
        "again = [recheck(sale) for sale in Sale.objects.all()]\n"
        "print(len(again), sum(each.recorded.legs == each.again.legs and each.same for each in again))\n"
    )
    variables = read_environment_file(played.state / "environment") | {"DATABASE_URL": postgres.app_url}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", script],
        cwd=PROJECT,
        env=bare_environment() | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    sales, same = map(int, done.stdout.split())
    assert sales == same == len(json.loads(played.tally.read_text())["shown"])


def test_a_second_start_has_yesterdays_sales(played: Played) -> None:
    status, output = demo(played.state, "--check")
    assert status == 0, output
    assert re.search(r"the rush of \S+: \d+ sales, all there, once", output)


@contextlib.contextmanager
def doctored(played: Played, statement: str, undo: str) -> Iterator[None]:
    """As a thief with the superuser's password would: triggers off."""
    run_as_superuser(played.state, statement)
    try:
        yield
    finally:
        run_as_superuser(played.state, undo)


def run_as_superuser(state: Path, statement: str) -> None:
    with EmbeddedPostgres(state / "postgres", end_with_parent=True) as server:  # noqa: SIM117  (started, then connected)
        with psycopg.connect(server.superuser_url) as session:
            session.execute("SET session_replication_role = replica")
            session.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "undo", "figure", "value"),
    [
        (
            "CREATE TABLE taken AS SELECT * FROM ledger_transfer WHERE cause_kind = 1 ORDER BY id LIMIT 1;"
            "DELETE FROM ledger_transfer WHERE id IN (SELECT id FROM taken)",
            "INSERT INTO ledger_transfer SELECT * FROM taken; DROP TABLE taken",
            "posted otherwise than shown",
            "1",
        ),
        (
            "CREATE TABLE copied AS SELECT * FROM ledger_transfer WHERE cause_kind = 1 ORDER BY id LIMIT 1;"
            "UPDATE copied SET id = id + 1000000; INSERT INTO ledger_transfer SELECT * FROM copied",
            "DELETE FROM ledger_transfer WHERE id IN (SELECT id FROM copied); DROP TABLE copied",
            "twice",
            "1",
        ),
        (
            "CREATE TABLE taken AS SELECT * FROM settlement_sale WHERE id = (SELECT max(id) FROM settlement_sale);"
            "DELETE FROM settlement_sale WHERE id = (SELECT max(id) FROM settlement_sale)",
            "INSERT INTO settlement_sale SELECT * FROM taken; DROP TABLE taken",
            "lost",
            "1",
        ),
        (
            "UPDATE ledger_account SET balance_minor = balance_minor + 1 WHERE id ="
            " (SELECT min(id) FROM ledger_account WHERE floor_minor IS NOT NULL)",
            "UPDATE ledger_account SET balance_minor = balance_minor - 1 WHERE id ="
            " (SELECT min(id) FROM ledger_account WHERE floor_minor IS NOT NULL)",
            "all accounts balance",
            "NO",
        ),
    ],
    ids=["a transfer deleted", "a transfer copied", "a sale deleted", "a balance raised"],
)
def test_a_doctored_ledger_is_found_out(played: Played, statement: str, undo: str, figure: str, value: str) -> None:
    with doctored(played, statement, undo):
        status, output = demo(played.state, "--check")
    assert status == 1
    assert read_figure(output, figure) == value
    assert demo(played.state, "--check")[0] == 0


def test_a_doctored_record_of_what_was_shown_is_found_out(played: Played) -> None:
    kept = played.tally.read_text()
    tally = json.loads(kept)
    tally["shown"][0][3] += 1
    tally["shown"].pop()
    try:
        played.tally.write_text(json.dumps(tally))
        status, output = demo(played.state, "--check")
    finally:
        played.tally.write_text(kept)
    assert status == 1
    assert read_figure(output, "posted otherwise than shown") == "2"


class Staying:
    """A demo that stays up, and all that it started. On its usual ports no more than one at a time finds room."""

    def __init__(self, state: Path, *, usual_ports: bool = False) -> None:
        ports = () if usual_ports else ("--any-ports",)
        self.process = subprocess.Popen(
            [*RUSH, *ports, "--state", str(state), "--taps", "0"],
            cwd=PROJECT,
            env=bare_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGTERM)
        elif self.process.stdout is not None:
            self.process.stdout.close()

    def wait_until_up(self) -> list[psutil.Process]:
        """All processes it started, once it has said where everything is."""
        deadline = time.monotonic() + RUN_TIMEOUT_S
        while "Ctrl-C stops everything" not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        status = self.process.wait(GONE_TIMEOUT_S)
        self._reader.join(GONE_TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line


def test_it_stays_up_says_where_everything_is_and_stops_cleanly(played: Played) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else has it: as good
            busy.bind(("127.0.0.1", 7001))
            busy.listen()
        with Staying(played.state, usual_ports=True) as staying:
            family = staying.wait_until_up()
            assert "port 7001 is busy" in staying.output
            for text in ("/admin/", "/api/docs/", "its customer's side", "admin / "):
                assert text in staying.output
            status, output = demo(played.state)
            assert status == 1
            assert "already running" in output
            assert staying.end(signal.SIGINT) == 0
    assert "Everything has stopped" in staying.output
    assert "Traceback" not in staying.output
    assert psutil.wait_procs(family, timeout=GONE_TIMEOUT_S)[1] == []


def test_nothing_outlives_a_killed_demo_and_the_next_start_finds_all(played: Played) -> None:
    with Staying(played.state) as staying:
        family = staying.wait_until_up()
        assert len(family) > 8
        staying.end(signal.SIGKILL)
    assert psutil.wait_procs(family, timeout=GONE_TIMEOUT_S)[1] == []
    status, output = demo(played.state, "--check")
    assert status == 0, output
