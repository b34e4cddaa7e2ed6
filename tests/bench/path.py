"""The whole way of a sale on the server: uploaded over HTTP, its evidence checked, posted; stage by stage.

Each stage has both cores to itself, and the whole is what the stages take one after another. Pre-signed and
device-bound codes are measured apart: the one costs a hash to check, the other two Ed25519 verifications.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from devices.core.code import Grant, show, sign_credential, sign_pre_signed
from devices.core.journal import SaleRecord
from devices.core.messages import MAX_BATCH_RECORDS, Ack, request_header
from devices.core.signing import SigningKey
from tests.bench import journals, posting, stage
from tests.bench.figures import Figure

NAME = "path"
RUNS = 3
BATCHES = 60
WORKERS = 2
TARGET = "/api/terminal/v1/batches"
INSTITUTION = "EC"
SALES_PER_BATCH = MAX_BATCH_RECORDS - 1
PROFILES = ("pre_signed", "device_bound")


class Times(NamedTuple):
    """Seconds of one run, by stage."""

    receive_s: float
    evidence_s: float
    posting_s: float


def run(*, scale: float = 1.0) -> list[Figure]:
    """Medians of RUNS runs of each profile, after one that is not counted."""
    figures: list[Figure] = []
    batches = max(4, int(BATCHES * scale))
    sales = batches * SALES_PER_BATCH
    with stage.full_campus(merchants=max(batches, 20)) as campus, server(campus.urls.app_url) as url:
        for order, profile in enumerate(PROFILES):
            runs = [
                _one_run(campus, url, profile, epoch=1 + order * (RUNS + 1) + number, batches=batches)
                for number in range(RUNS + 1)
            ][1:]
            for name in Times._fields:
                rate = median(sales / getattr(each, name) for each in runs)
                figures.append(Figure(name=f"path.{name.removesuffix('_s')}_per_s.{profile}", value=rate, unit="1/s"))
            whole = median(sales / sum(each) for each in runs)
            figures.append(Figure(name=f"path.sales_per_s.{profile}", value=whole, unit="1/s"))
    return figures


def _one_run(campus: stage.Stage, url: str, profile: str, *, epoch: int, batches: int) -> Times:
    from ecard.settlement.models import Batch, SaleException

    draw = stage.draw(epoch)
    people = draw.sample(campus.people, batches * SALES_PER_BATCH)
    bodies = [
        _sealed(campus, place, profile, epoch, people[order::batches], draw)
        for order, place in enumerate(campus.places[:batches])
    ]
    began = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(partial(_upload, url), bodies))
    received = time.monotonic()
    waiting = Batch.objects.filter(evidence_checked_at__isnull=True).count()
    assert waiting == batches, f"{waiting} of {batches} batches were stored"
    checked = stage.in_processes(WORKERS, check_all, campus.urls.app_url)
    posted = stage.in_processes(WORKERS, posting.post_all, campus.urls.app_url)
    assert sum(each[2] for each in posted) == batches * SALES_PER_BATCH
    assert not SaleException.objects.exists(), "a sale of the bench was not simply posted"
    return Times(received - began, _span(checked), _span(posted))


def _span(done: Sequence[tuple[float, float, int]]) -> float:
    return max(each[1] for each in done) - min(each[0] for each in done)


def check_all(url: str, *, number: int, barrier: Any) -> tuple[float, float, int]:
    """A worker: check until nothing is left. Gives (start, end, records)."""
    stage.set_up(url)
    from django.db import connection
    from django.utils import timezone

    from ecard.settlement.operations import check_evidence

    connection.ensure_connection()
    barrier.wait()
    start, records = time.monotonic(), 0
    while (report := check_evidence(at=timezone.now(), limit=2)).batches:
        records += report.records
        assert report.bad == 0, "a code of the bench does not hold"
    return start, time.monotonic(), records


def _upload(url: str, upload: tuple[int, SigningKey, bytes]) -> None:
    import httpx
    import msgspec

    terminal, key, body = upload
    header = request_header(
        terminal=terminal, method="POST", target=TARGET, body=body, at_ms=int(time.time() * 1000), device=key
    )
    answer = httpx.post(
        url + TARGET,
        content=body,
        headers={"Authorization": header, "Content-Type": "application/octet-stream"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    assert msgspec.json.decode(answer.content, type=Ack).status == "accepted"


def _sealed(
    campus: stage.Stage,
    place: stage.Place,
    profile: str,
    epoch: int,
    people: list[stage.Person],
    draw: random.Random,
) -> tuple[int, SigningKey, bytes]:
    """One terminal's whole epoch with real codes, each by a person of its own. Epoch after epoch follows."""
    from ecard.terminals.models import Stream

    before = Stream.objects.filter(terminal_id=place.terminal_id).order_by("-id").first()
    previous = (before.epoch, before.next_seq - 1, bytes(before.head)) if before else (0, 0, b"")
    data, _head = journals.sealed_epoch(
        place=place,
        epoch=epoch,
        previous=previous,
        sale=partial(_sale, campus, place, profile, epoch, people, draw),
        sales=SALES_PER_BATCH,
        at=stage.NOON,
    )
    return place.terminal_id, SigningKey(stage.device_seed(place.terminal_id)), data


def _sale(
    campus: stage.Stage,
    place: stage.Place,
    profile: str,
    epoch: int,
    people: list[stage.Person],
    draw: random.Random,
    seq: int,
) -> SaleRecord:
    person = people[seq - 2]
    text = _device_bound(person, draw) if profile == "device_bound" else _pre_signed(person, slot=epoch)
    return journals.sale_record(seq=seq, person=person, place=place, campus=campus, at=stage.NOON, text=text, draw=draw)


def _grant(person: stage.Person) -> Grant:
    return Grant(person.account_ref, int(stage.NOON.timestamp()) - 3600, 60_00, 200_00, 20, 1)


def _pre_signed(person: stage.Person, *, slot: int) -> str:
    """A code whose slot holds noon; slots differ by seconds from run to run, so that each code is new."""
    from ecard.codes.models import KeyRole
    from ecard.codes.operations import active_key

    key = _key(active_key, KeyRole.CODE)
    return sign_pre_signed(
        institution=INSTITUTION,
        key_id=key.key_id,
        not_before_s=int(stage.NOON.timestamp()) - slot,
        valid_s=60,
        grant=_grant(person),
        issuer=key.signer,
        sealing_key=key.sealing_key,
        id_key=key.id_key,
    )


def _device_bound(person: stage.Person, draw: random.Random) -> str:
    from ecard.codes.models import KeyRole
    from ecard.codes.operations import active_key

    key, phone = _key(active_key, KeyRole.CODE), SigningKey(draw.randbytes(32))
    noon_s = int(stage.NOON.timestamp())
    credential = sign_credential(
        institution=INSTITUTION,
        key_id=key.key_id,
        not_before_s=noon_s - noon_s % 86_400,
        valid_min=24 * 60,
        code_id=draw.randbytes(8),
        grant=_grant(person),
        phone_public=phone.public,
        issuer=key.signer,
        sealing_key=key.sealing_key,
    )
    return show(credential, institution=INSTITUTION, shown_at_s=noon_s, phone=phone)


_kept: dict[str, Any] = {}


def _key(find: Any, role: Any) -> Any:
    """The code key, looked up once."""
    if role not in _kept:
        _kept[role] = find(role)
    return _kept[role]


@contextmanager
def server(database_url: str) -> Iterator[str]:
    """The server as it is deployed, on a port of this machine."""
    import httpx

    from ecard.embedded import free_port

    port = free_port(8900)
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(WORKERS), "--no-access-log", "--log-level", "error", "ecard.wsgi:application"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": stage.SETTINGS, "DATABASE_URL": database_url}
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            for _attempt in range(200):
                try:
                    httpx.get(url + TARGET, timeout=5, trust_env=False)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield url
        finally:
            process.terminate()
