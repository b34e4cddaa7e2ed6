"""A month of a million past sales replayed under a draft by two workers, and the memory that they stand in.

The draft is the policy bench's institution (30 programmes, 40 limits, 5 price classes) with other prices and a subsidy
that is new, so that everybody holds money that nobody held then. The sales are of 50,000 people at 300 terminals on 22
working days, as their terminals would have sent them: a batch for each terminal and day, a record with all that was
known of the person. The baseline for the time is reading alone (the same two workers, the same pages, no replay); for
the memory it is the two workers before they began.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from devices.core import policy as core
from devices.core.evaluate import evaluate
from devices.core.journal import SaleRecord
from devices.core.policy import Policy, Text
from devices.core.quote import Line, Person, Quote, Tap
from tests.bench import journals, policy, stage
from tests.bench.figures import Figure

NAME = "rehearse"
SALES = 1_000_000
WORKERS = 2
FIRST = date(2026, 11, 2)
WORKING_DAYS = 22
TEMPLATES = 3_000
TEXTS = 2_000
PAST_NUMBER = 2
NEW_PROGRAMME = 31
KIB_PER_MB = 1_000_000 / 1024
SAMPLED_EVERY_S = 1.0


def run(*, scale: float = 1.0) -> list[Figure]:
    """One run; it is long enough not to be a matter of chance."""
    with stage.full_campus() as campus:
        each = max(1, int(SALES * scale) // (WORKING_DAYS * len(campus.places)))
        stage.in_processes(WORKERS, sell, campus, each)
        sales = each * WORKING_DAYS * len(campus.places)
        _publish_past(campus)
        rehearsal_id, started_s = _begin(sales)
        read_s, _before_mb, _most_mb = in_workers(read_all, campus.urls.app_url, rehearsal_id)
        replayed_s, before_mb, most_mb = in_workers(replay_all, campus.urls.app_url, rehearsal_id)
        _assert_done(rehearsal_id, sales)
    took_s = started_s + replayed_s
    return [
        Figure(name="rehearse.month_1m_sales_s", value=took_s, unit="s", baseline=read_s),
        Figure(name="rehearse.sales_per_s", value=sales / took_s, unit="1/s", baseline=sales / read_s),
        Figure(name="rehearse.rss_mb", value=most_mb, unit="MB", baseline=before_mb),
    ]


def in_workers(work: Callable[[int, int], None], url: str, rehearsal_id: int) -> tuple[float, float, float]:
    """Run `work(rehearsal, number)` in WORKERS forks of a server's process, as Celery's are.

    Gives the seconds from the first start to the last end, and the memory of all of them in MB, before and at most. A
    page that several of them share counts once (PSS), as it does in the machine's memory.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_fork, work, url, rehearsal_id).result()


def _fork(work: Callable[[int, int], None], url: str, rehearsal_id: int) -> tuple[float, float, float]:
    stage.set_up(url)
    import ecard.settlement.tasks  # noqa: F401  (a worker has imported its tasks before it forks)

    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(WORKERS + 1)
    spans = context.SimpleQueue()
    workers = [
        context.Process(target=_worker, args=(work, rehearsal_id, number, barrier, spans)) for number in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    family = [os.getpid(), *(worker.pid or 0 for worker in workers)]
    before_mb = most_mb = sum(map(_pss_mb, family))
    barrier.wait()
    while any(worker.is_alive() for worker in workers):
        most_mb = max(most_mb, sum(map(_pss_mb, family)))
        time.sleep(SAMPLED_EVERY_S)
    assert [worker.exitcode for worker in workers] == [0] * WORKERS, "a worker failed"
    found = [spans.get() for _worker in workers]
    return max(end for _start, end in found) - min(start for start, _end in found), before_mb, most_mb


def _worker(work: Callable[[int, int], None], rehearsal_id: int, number: int, barrier: Any, spans: Any) -> None:
    from django.db import connection

    connection.ensure_connection()
    barrier.wait()
    start = time.monotonic()
    work(rehearsal_id, number)
    spans.put((start, time.monotonic()))


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / KIB_PER_MB


def past_policy() -> Policy:
    """By which the sales of the month were decided."""
    return msgspec.structs.replace(policy.institution(1), number=PAST_NUMBER)


def draft_policy() -> Policy:
    """What is rehearsed: everything 5 % dearer, and a subsidy that was not there."""
    past = past_policy()
    dearer = tuple(msgspec.structs.replace(rule, percent_bp=rule.percent_bp + 500) for rule in past.prices)
    new = core.Programme(NEW_PROGRAMME, Text("new"), order=9)
    return msgspec.structs.replace(past, prices=dearer, programmes=(*past.programmes, new))


def working_days() -> list[date]:
    """The month's."""
    days = (FIRST + timedelta(days=number) for number in range(60))
    return [day for day in days if day.weekday() < 5][:WORKING_DAYS]


# The month


def sell(campus: stage.Stage, each: int, *, number: int, barrier: Any) -> None:
    """A worker: write every other day's batches and sales as posting leaves them."""
    stage.set_up(campus.urls.app_url)
    dice = stage.draw(number)
    crowd = _templates()
    texts = [journals.any_text(dice) for _text in range(TEXTS)]
    for day in working_days()[number::WORKERS]:
        _sell_day(campus, day, _on(crowd, day), texts, dice, each=each)


_Template = tuple[Person, Tap, tuple[Line, ...], Quote]
_Crowd = list[list[_Template]]
"""What each of some kinds of people buys; a cardholder is always of the same kind."""


def _templates() -> _Crowd:
    """Sales that the past policy approves; who buys is filled in."""
    past = past_policy()
    quoted = (
        (person, tap, basket, evaluate(policy=past, person=person, tap=tap, basket=basket))
        for person, tap, basket in policy.day(TEMPLATES)
    )
    crowd: dict[int, list[_Template]] = {}
    for each in quoted:
        if each[3].approved and all(lot.id for lot in each[0].lots):
            crowd.setdefault(each[0].account_ref, []).append(each)
    return list(crowd.values())


def _on(crowd: _Crowd, day: date) -> _Crowd:
    """The same on another working day, on which the same rules hold."""
    return [_moved(templates, day) for templates in crowd]


def _moved(templates: list[_Template], day: date) -> list[_Template]:
    today, year, week = day.isoformat(), *day.isocalendar()[:2]
    keys = {"2026-W47": f"{year}-W{week:02d}", "2026-11": today[:7]}
    found = []
    for person, tap, basket, quote in templates:
        used = tuple(msgspec.structs.replace(each, business_date=today) for each in person.used)
        tallies = tuple(
            msgspec.structs.replace(each, key=keys.get(each.key, each.key.replace(policy.TODAY, today)))
            for each in person.tallies
        )
        shift_s = int((day - date.fromisoformat(policy.TODAY)).total_seconds())
        lots = tuple(msgspec.structs.replace(each, expires_s=each.expires_s + shift_s) for each in person.lots)
        moved = msgspec.structs.replace(
            person, used=used, tallies=tallies, lots=lots, last_s=max(0, person.last_s + shift_s)
        )
        there = msgspec.structs.replace(tap, at_s=tap.at_s + shift_s, business_date=today, weekday=day.weekday())
        found.append((moved, there, basket, quote))
    return found


def _sell_day(
    campus: stage.Stage, day: date, crowd: _Crowd, texts: list[str], dice: random.Random, *, each: int
) -> None:
    from django.db import transaction

    from ecard.merchants.models import Outlet
    from ecard.settlement.models import Batch
    from ecard.settlement.posting.writing import copy_sales
    from ecard.terminals.models import Stream

    merchants = dict(Outlet.objects.values_list("pk", "merchant_id"))
    at = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    with transaction.atomic():
        for place in campus.places:
            sales = [_sale(seq, dice, campus, crowd, texts) for seq in range(2, each + 2)]
            raw, head = journals.sealed_epoch(
                place=place, epoch=day.toordinal(), previous=(0, 0, b""), sale=_Numbered(sales), sales=each, at=at
            )
            stream = Stream.objects.create(
                terminal_id=place.terminal_id,
                epoch=day.toordinal(),
                next_seq=each + 2,
                posted_through=each + 1,
                head=head,
                created_at=at,
            )
            batch = Batch.objects.create(
                stream=stream,
                terminal_id=place.terminal_id,
                first_seq=1,
                last_seq=each + 1,
                raw=raw,
                head_after=head,
                received_at=at,
                evidence=b"",
                evidence_checked_at=at,
                posted_at=at,
                posting_group=1,
            )
            copy_sales([_row(sale, batch, place, merchants[place.outlet_id], day, dice) for sale in sales])


class _Numbered:
    """Gives a sale by its sequence, as `sealed_epoch` asks."""

    def __init__(self, sales: list[SaleRecord]) -> None:
        self._sales = sales

    def __call__(self, seq: int) -> SaleRecord:
        return self._sales[seq - 2]


def _sale(seq: int, dice: random.Random, campus: stage.Stage, crowd: _Crowd, texts: list[str]) -> SaleRecord:
    ref = dice.choice(campus.people).account_ref
    person, tap, basket, quote = dice.choice(crowd[ref % len(crowd)])
    at_s = tap.at_s + dice.randrange(3_600)
    return SaleRecord(
        seq=seq,
        at_ms=at_s * 1000 + dice.randrange(1000),
        account_ref=ref,
        evidence=dice.choice(texts),
        shown_minor=quote.amount_minor,
        person=msgspec.structs.replace(person, account_ref=ref),
        tap=msgspec.structs.replace(tap, at_s=at_s),
        basket=basket,
        quote=quote,
        snapshot=(7_000_000_000_000_000_000, 12_345),
        snapshot_made_s=at_s - 600,
    )


def _row(sale: SaleRecord, batch: Any, place: stage.Place, merchant: int, day: date, dice: random.Random) -> bytes:
    from ecard.settlement.posting.writing import day_number, sale_row
    from ecard.settlement.rules import record_id

    quote = sale.quote
    given_minor = quote.leg_minor("lot") + quote.leg_minor("voucher")
    paid = (quote.leg_minor("purse"), given_minor, quote.leg_minor("entitlement"), 0, 0)
    return sale_row(
        record_id(batch.stream_id, sale.seq),
        sale.account_ref,
        dice.getrandbits(62),
        sale.tap.at_s,
        sale.at_ms,
        batch.pk,
        place.terminal_id,
        merchant,
        sale.shown_minor,
        paid,
        quote.policy,
        day_number(day),
        place.outlet_id,
        quote.evaluator,
        sale.seq - 1,
        0,
        sale.tap.period,
        b"",
    )


# The draft


def _publish_past(campus: stage.Stage) -> None:
    from ecard.benefits.models import Programme, PublishedPolicy, Schedule
    from ecard.benefits.operations import open_sponsor

    at = datetime(2026, 10, 31, tzinfo=UTC)
    PublishedPolicy.objects.create(
        number=PAST_NUMBER,
        body=core.encode_policy(past_policy()),
        key_id=1,
        signature=b"bench",
        starts_at=at,
        published_at=at,
    )
    Programme.objects.create(
        pk=NEW_PROGRAMME,
        name="new",
        sponsor=open_sponsor(name="new"),
        amount_minor=30_00,
        schedule=Schedule.MONTHLY,
    )
    stage.analyze(campus.urls)


def _begin(sales: int) -> tuple[int, float]:
    """The rehearsal, and how long it took to begin it."""
    from ecard.benefits.drafts import content_of, digest_of
    from ecard.benefits.models import PolicyDraft
    from ecard.settlement.rehearsal import work

    body = content_of(draft_policy())
    draft = PolicyDraft.objects.create(name="bench", body=body, digest=digest_of(body), made_at=stage.NOON)
    days = working_days()
    began = time.monotonic()
    rehearsal = work.start(draft_id=draft.pk, from_date=days[0], to_date=days[-1], by=None, at=stage.NOON)
    took_s = time.monotonic() - began
    assert rehearsal.sales == sales, f"{rehearsal.sales} of {sales} sales were found"
    return rehearsal.pk, took_s


def read_all(rehearsal_id: int, number: int) -> None:
    """Read every other part's sales and do nothing with them."""
    from ecard.settlement.models import Rehearsal
    from ecard.settlement.rehearsal import reading

    rehearsal = Rehearsal.objects.get(pk=rehearsal_id)
    for part in range(number, rehearsal.parts, WORKERS):
        for page in reading.pages(rehearsal.from_date, rehearsal.to_date, part=part, parts=rehearsal.parts):
            assert None not in [reading.read(line) for line in reading.lines_of(page)], "a record cannot be read"


def replay_all(rehearsal_id: int, number: int) -> None:
    """Part after part, as the task does."""
    from django.utils import timezone

    from ecard.settlement.rehearsal import work

    while work.work(clock=timezone.now):
        pass


def _assert_done(rehearsal_id: int, sales: int) -> None:
    from ecard.settlement.models import Rehearsal

    rehearsal = Rehearsal.objects.get(pk=rehearsal_id)
    assert rehearsal.results is not None, "the rehearsal is not done"
    assert (rehearsal.results["sales"], rehearsal.results["unread"]) == (sales, 0), "sales were lost"
