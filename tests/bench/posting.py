"""From stored batches whose evidence is checked to posted: the rate of two workers, beside three baselines."""

from __future__ import annotations

import random
import time
from datetime import datetime
from functools import partial
from statistics import median
from typing import Any

from devices.core.journal import SaleRecord
from tests.bench import baselines, journals, stage
from tests.bench.figures import Figure

NAME = "posting"
RUNS = 3
SALES = 120_000
WORKERS = 2


def run(*, scale: float = 1.0) -> list[Figure]:
    """Medians of RUNS runs after one that is not counted."""
    with stage.full_campus() as campus:
        sales = max(10_000, int(SALES * scale))
        rates = [_one_run(campus, number, sales=sales) for number in range(RUNS + 1)][1:]
        _assert_books_balance()
        orm = median(baselines.orm_rates(campus, runs=RUNS))
        limit = median(baselines.copy_rates(campus, runs=RUNS))
    hordak = median(baselines.hordak_rates(runs=RUNS))
    value = median(rates)
    return [
        Figure(name="posting.sales_per_s", value=value, unit="1/s", baseline=limit),
        Figure(name="posting.orm_per_s", value=orm, unit="1/s"),
        Figure(name="posting.hordak_per_s", value=hordak, unit="1/s"),
        Figure(name="posting.copy_limit_per_s", value=limit, unit="1/s"),
    ]


def _one_run(campus: stage.Stage, number: int, *, sales: int) -> float:
    store_checked(campus, number, sales=sales)
    done = stage.in_processes(WORKERS, post_all, campus.urls.app_url)
    posted: int = sum(each[2] for each in done)
    assert posted == sales, f"{posted} of {sales} sales were posted"
    rate: float = posted / (max(each[1] for each in done) - min(each[0] for each in done))
    return rate


def store_checked(campus: stage.Stage, number: int, *, sales: int) -> None:
    """Batches as receiving and checking leave them: one for each terminal."""
    from django.db import transaction

    from ecard.settlement.models import Batch
    from ecard.settlement.rules import Finding, Found, pack_evidence
    from ecard.terminals.models import Stream

    draw = stage.draw(number)
    each = sales // len(campus.places)
    extra = sales - each * len(campus.places)
    with transaction.atomic():
        for order, place in enumerate(campus.places):
            count = each + (order < extra)
            at = stage.NOON.replace(minute=number)
            raw, head = journals.sealed_epoch(
                place=place,
                epoch=1 + number,
                previous=(0, 0, b""),
                sale=partial(_sale, campus, place, at, draw),
                sales=count,
                at=at,
            )
            found = [Found(Finding.FINE)]
            moment_s = int(at.timestamp())
            found += [
                Found(Finding.FINE, draw.getrandbits(63), moment_s + draw.randrange(60)) for _each in range(count)
            ]
            stream = Stream.objects.create(
                terminal_id=place.terminal_id, epoch=1 + number, next_seq=count + 2, head=head, created_at=at
            )
            Batch.objects.create(
                stream=stream,
                terminal_id=place.terminal_id,
                first_seq=1,
                last_seq=count + 1,
                raw=raw,
                head_after=head,
                received_at=at,
                evidence=pack_evidence(found),
                evidence_checked_at=at,
            )


def _sale(campus: stage.Stage, place: stage.Place, at: datetime, draw: random.Random, seq: int) -> SaleRecord:
    person, text = draw.choice(campus.people), journals.any_text(draw)
    return journals.sale_record(seq=seq, person=person, place=place, campus=campus, at=at, text=text, draw=draw)


def post_all(url: str, *, number: int, barrier: Any) -> tuple[float, float, int]:
    """A worker: post until nothing is left. Gives (start, end, sales); the clock is the machine's own."""
    stage.set_up(url)
    from django.db import connection

    from ecard.settlement.operations import post

    connection.ensure_connection()
    barrier.wait()
    start, sales = time.monotonic(), 0
    while (report := post(at=stage.NOON)).batches:
        sales += report.sales
    return start, time.monotonic(), sales


def _assert_books_balance() -> None:
    from ecard.ledger.queries import sum_of_balances
    from ecard.settlement.models import SaleException

    assert sum_of_balances() == 0, "money was made or lost"
    assert not SaleException.objects.exists(), "a sale of the bench was not simply posted"
