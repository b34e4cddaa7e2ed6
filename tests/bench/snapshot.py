"""A full load for everybody: what the server makes of it, and what it takes a terminal to stand on it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import stage
from tests.bench.figures import Figure

NAME = "snapshot"
RUNS = 3
LOAD_TIMEOUT_S = 300
CHUNK = 5_000


def run(*, scale: float = 1.0) -> list[Figure]:
    """The terminal is a fresh process each time (`tests.bench.loading`), whose own peak memory counts.

    `ready_s` is from the request to a terminal that would sell, without the line between: the server's first load
    after its start, then signatures, rows and the durable store. Its baseline puts the same rows into a bare SQLite
    table; that of the size is the same people as plain JSON; that of the memory a process that only imported the SDK.
    """
    people = max(500, int(stage.PEOPLE * scale))
    with stage.full_campus(people=people, merchants=1) as campus:
        make_different(campus)
        taken = [_one_run(campus) for _run in range(RUNS)]
    assert all(each["people"] == people for each in taken), "somebody is missing from the snapshot"

    def middle(name: str) -> float:
        return float(median(each[name] for each in taken))

    return [
        Figure(name="snapshot.full.bytes", value=middle("bytes"), unit="B", baseline=middle("json_bytes")),
        Figure(
            name="snapshot.full.ready_s",
            value=median(each["made_s"] + each["loaded_s"] for each in taken),
            unit="s",
            baseline=middle("bare_s"),
        ),
        Figure(name="snapshot.full.made_s", value=middle("made_s"), unit="s"),
        Figure(name="snapshot.full.made_again_s", value=middle("made_again_s"), unit="s"),
        Figure(name="snapshot.full.loaded_s", value=middle("loaded_s"), unit="s", baseline=middle("bare_s")),
        Figure(name="snapshot.full.rss_mb", value=middle("rss_mb"), unit="MB", baseline=middle("idle_rss_mb")),
    ]


def make_different(campus: stage.Stage) -> None:
    """Names as on a real campus, and something else in every purse and grant: alike, rows would pack too well."""
    from ecard.cardholders.models import Cardholder
    from ecard.demo.names import names
    from ecard.ledger.models import CauseKind, TransferKind
    from ecard.ledger.operations import post
    from ecard.ledger.values import NewTransfer

    named = names()
    everybody = list(Cardholder.objects.order_by("pk"))
    for each in everybody:
        each.name = next(named)
    Cardholder.objects.bulk_update(everybody, ["name"], batch_size=CHUNK)
    draw, merchant = stage.draw(1), campus.places[0].merchant_account_id
    for start in range(0, len(campus.people), CHUNK):
        spent = [
            NewTransfer(account, merchant, amount_minor, kind, CauseKind.SALE, start + place + 1)
            for place, each in enumerate(campus.people[start : start + CHUNK])
            for account, amount_minor, kind in (
                (each.purse_id, stage.PURSE_MINOR - draw.randrange(300_00), TransferKind.SALE_PURSE),
                (each.grant_id, stage.GRANT_MINOR - draw.randrange(1, 60_00), TransferKind.SALE_GRANT),
            )
        ]
        post(transfers=spent, at=stage.NOON)


def _one_run(campus: stage.Stage) -> dict[str, Any]:
    from ecard.codes.queries import root_public, signed_key_list
    from ecard.terminals.models import Terminal
    from ecard.terminals.snapshots import full
    from ecard.terminals.snapshots.base import forget

    terminal = Terminal.objects.get(pk=campus.places[0].terminal_id)
    forget()
    began = time.perf_counter()
    data = full(terminal, stage.NOON)
    made_s = time.perf_counter() - began
    began = time.perf_counter()
    full(terminal, stage.NOON)
    made_again_s = time.perf_counter() - began
    listed = signed_key_list()
    assert listed is not None
    with tempfile.TemporaryDirectory(prefix="ecard-bench-") as name:
        folder = Path(name)
        (folder / "snapshot").write_bytes(data)
        (folder / "keys").write_bytes(listed.data)
        command = [sys.executable, "-m", "tests.bench.loading", name, root_public().hex(), str(terminal.pk)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=LOAD_TIMEOUT_S)
    loaded: dict[str, Any] = json.loads(done.stdout)
    return {"bytes": len(data), "made_s": made_s, "made_again_s": made_again_s, **loaded}
