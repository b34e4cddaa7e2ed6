"""A full load for everybody and deltas after it: what the server makes, and what it takes a terminal to stand on it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from devices.core.card import name_of
from devices.core.keys import open_key_list
from devices.sync.verify import verify_snapshot
from tests.bench import stage
from tests.bench.figures import Figure
from tests.bench.standing import uid_of
from tests.devices.world import INSTITUTION

NAME = "snapshot"
RUNS = 3
LOAD_TIMEOUT_S = 300
CHUNK = 5_000
DELTAS = 12
CHANGED = 100
TAPS = 500


def run(*, scale: float = 1.0) -> list[Figure]:
    """The terminal is a fresh process each time (`tests.bench.loading`), whose own peak memory counts.

    `ready_s` is from the request to a terminal that would sell, without the line between: the server's first load
    after its start, then signatures, rows and the durable store. Its baseline puts the same rows into a bare SQLite
    table; that of the size is the same people as plain JSON; that of the memory a process that only imported the SDK.
    `delta_100_ms` is from the request to its last change being durable on the terminal, made, verified and applied, a
    hundred people having spent something since the one before; its baseline is a full load again. `sdk.rss_mb` is a
    whole terminal (`tests.bench.standing`) that was started on all this and takes payments by card.
    """
    people = max(500, int(stage.PEOPLE * scale))
    with stage.full_campus(people=people, merchants=1) as campus:
        make_different(campus)
        give_cards()
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
        Figure(
            name="snapshot.delta_100_ms",
            value=middle("delta_ms"),
            unit="ms",
            baseline=1000 * median(each["made_again_s"] + each["loaded_s"] for each in taken),
        ),
        Figure(name="snapshot.delta_100.bytes", value=middle("delta_bytes"), unit="B", baseline=middle("bytes")),
        Figure(name="sdk.rss_mb", value=middle("sdk_rss_mb"), unit="MB", baseline=middle("idle_rss_mb")),
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


def give_cards() -> None:
    """Everybody has a card: its name is in their row."""
    from ecard.cardholders.models import Cardholder
    from ecard.codes.operations.cards import card_key
    from ecard.media.models import Card

    key = card_key(at=stage.NOON)
    holders = Cardholder.objects.order_by("pk").values_list("pk", flat=True)
    Card.objects.bulk_create(
        (
            Card(cardholder_id=pk, name=name_of(uid_of(number), card_key=key), bound_at=stage.NOON)
            for number, pk in enumerate(holders)
        ),
        batch_size=CHUNK,
    )


def _one_run(campus: stage.Stage) -> dict[str, Any]:
    from ecard.codes.operations.cards import card_key
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
        (folder / "card_key").write_bytes(card_key(at=stage.NOON))
        deltas_made_s = _make_deltas(campus, terminal, data, folder)
        command = [sys.executable, "-m", "tests.bench.loading", name, root_public().hex(), str(terminal.pk)]
        done = subprocess.run(command, check=True, capture_output=True, timeout=LOAD_TIMEOUT_S)
        loaded: dict[str, Any] = json.loads(done.stdout)
        delta_bytes = median(len(each.read_bytes()) for each in folder.glob("delta-*"))
        sdk_rss_mb = _stand(folder / "store")
    took = zip(deltas_made_s, loaded.pop("deltas_s"), strict=True)
    return {
        "bytes": len(data),
        "made_s": made_s,
        "made_again_s": made_again_s,
        "delta_ms": 1000 * median(made + applied for made, applied in took),
        "delta_bytes": delta_bytes,
        "sdk_rss_mb": sdk_rss_mb,
        **loaded,
    }


def _make_deltas(campus: stage.Stage, terminal: Any, whole: bytes, folder: Path) -> list[float]:
    """So many deltas, each on the one before; gives how long the server took for each."""
    from ecard.codes.queries import root_public, signed_key_list
    from ecard.terminals.snapshots.making import make

    listed = signed_key_list()
    assert listed is not None
    key_list = open_key_list(listed.data, root_public=root_public(), institution=INSTITUTION)
    head = verify_snapshot(whole, key_list=key_list, terminal=terminal.pk).head
    number, took = head.number, []
    for place in range(DELTAS):
        _spend(campus, place)
        began = time.perf_counter()
        made = make(terminal=terminal, generation=head.generation, number=number, at=stage.NOON)
        took.append(time.perf_counter() - began)
        assert made.people == CHANGED, f"{made.people} rows in a delta of {CHANGED}"
        (folder / f"delta-{place}").write_bytes(made.data)
        number = made.number
    return took


def _spend(campus: stage.Stage, place: int) -> None:
    """A hundred people buy something, and the change is told as posting tells it."""
    from django.db import transaction

    from ecard.changes.models import Topic
    from ecard.changes.operations import record
    from ecard.ledger.models import CauseKind, TransferKind
    from ecard.ledger.operations import post
    from ecard.ledger.values import NewTransfer

    some = stage.draw(place).sample(campus.people, CHANGED)
    merchant = campus.places[0].merchant_account_id
    rows = [
        NewTransfer(each.purse_id, merchant, 1, TransferKind.SALE_PURSE, CauseKind.SALE, (place + 1 << 20) + count)
        for count, each in enumerate(some)
    ]
    with transaction.atomic():
        post(transfers=rows, at=stage.NOON)
        record(topic=Topic.CARDHOLDER, refs=[each.account_ref for each in some], at=stage.NOON)


def _stand(folder: Path) -> float:
    at_s = int(stage.NOON.timestamp()) + 60
    command = [sys.executable, "-m", "tests.bench.standing", str(folder), str(TAPS), str(at_s)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=LOAD_TIMEOUT_S)
    return float(json.loads(done.stdout)["rss_mb"])
