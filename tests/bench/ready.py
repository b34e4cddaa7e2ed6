"""From "publish" to a connected terminal that decides by the policy.

The server is the deployed one on a port, with the beat's numbering of changes once a second beside it; the terminal is
the SDK's own, with its journal and snapshot on disk, and syncs as often as its parameters say. Time runs from the
moment at which the approved draft is published, to start at once, until the terminal would decide by it; a sale at
the new price then proves it. The baseline is one round trip of the terminal's sync: what it costs to ask.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from devices.drivers.network import Answer
from devices.master.screen import Phase
from devices.sync.http import HttpTransport
from devices.terminal import Terminal
from tests.bench import path, stage
from tests.bench.figures import Figure

NAME = "ready"
RUNS = 9
PEOPLE = 50
PRICE_MINOR = 10_00
LOOKED_EVERY_S = 0.005
NUMBERED_EVERY_S = 1.0
TIMEOUT_S = 60.0


def run(*, scale: float = 1.0) -> list[Figure]:
    """The median of some publications, each at another moment of the terminal's rhythm."""
    with stage.engine() as engine, tempfile.TemporaryDirectory(prefix="ecard-bench-") as folder:
        urls = engine.create_database("bench")
        stage.set_up(urls.app_url)
        from tests.support import database

        database.migrate_as_owner(urls)
        world = _world()
        with path.server(urls.app_url) as url, _numbering(), _terminal(world, Path(folder), url) as (terminal, line):
            took = [_publish(world, terminal, number) for number in range(max(3, int(RUNS * scale)))]
        return [Figure(name="policy.publish_ready_s", value=median(took), unit="s", baseline=median(line.took_s))]


class Timed(HttpTransport):
    """The terminal's line, which notes how long each question about news took."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.took_s: list[float] = []

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        began = time.monotonic()
        answer = super().request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)
        if "snapshot" in target:
            self.took_s.append(time.monotonic() - began)
        return answer


def _world() -> Any:
    from django.utils import timezone

    from tests.support.settling import make_world

    return make_world(at=timezone.now(), people=PEOPLE)


@contextmanager
def _terminal(world: Any, folder: Path, url: str) -> Iterator[tuple[Terminal, Timed]]:
    """Enrolled, loaded and ready to sell at one price."""
    from ecard.terminals import operations
    from ecard.terminals.models import TerminalMode

    made = operations.register(
        name="T1", outlet=world.campus.outlet, at=world.at, mode=TerminalMode.FIXED, fixed_minor=PRICE_MINOR
    )
    code = operations.invite(terminal=made, by=None, at=world.at).code
    line = Timed(url)
    terminal = Terminal.open(folder / "till", server_url=url, transport=line)
    terminal.start()
    try:
        terminal.enrol(code)
        _wait(lambda: terminal.control.screen().phase is Phase.READY, "the terminal is not ready")
        yield terminal, line
    finally:
        terminal.close()


def _publish(world: Any, terminal: Terminal, number: int) -> float:
    """Publish another price; gives the seconds until the terminal decides by it."""
    from django.utils import timezone

    from ecard.benefits.models import PriceRule
    from ecard.terminals import operations
    from tests.support.policies import approved_draft

    percent_bp = 10_000 + 500 * (number + 1)
    PriceRule.objects.update_or_create(name="price", defaults={"percent_bp": percent_bp})
    draft = approved_draft(at=timezone.now(), name=f"draft {number}")
    time.sleep(number % 5 * 1.1)  # so that publications meet every moment of the terminal's rhythm
    now, began = timezone.now(), time.monotonic()
    made = operations.publish_draft(draft_id=draft.pk, starts_at=now, by=None, at=now)
    _wait(lambda: terminal.control.policies()[0] == made.number, "the policy does not arrive")
    took_s = time.monotonic() - began
    outcome = terminal.control.scan(world.code(number, at=timezone.now()))
    sold_minor = outcome.result.amount_minor
    assert outcome.approved, outcome
    assert sold_minor == PRICE_MINOR * percent_bp // 10_000, f"sold for {sold_minor}"
    return took_s


@contextmanager
def _numbering() -> Iterator[None]:
    """What Celery's beat does once a second."""
    over = threading.Event()

    def number() -> None:
        from django.db import connection
        from django.utils import timezone

        from ecard.changes.operations import number_committed

        while not over.wait(NUMBERED_EVERY_S):
            number_committed(at=timezone.now())
        connection.close()

    thread = threading.Thread(target=number, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(TIMEOUT_S)


def _wait(until: Any, or_else: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not until():
        if time.monotonic() > deadline:
            raise AssertionError(or_else)
        time.sleep(LOOKED_EVERY_S)
