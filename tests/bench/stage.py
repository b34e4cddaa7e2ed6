"""A campus of full size for the server's benchmarks: 50,000 people, 300 merchants, an engine of its own.

fsync and synchronous_commit are on. Imports of Django stay inside functions: a bench is imported before it is set up.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ecard.embedded import DatabaseAddresses, EmbeddedPostgres

PEOPLE = 50_000
MERCHANTS = 300
SHARED_BUFFERS = "1GB"
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
PURSE_MINOR = 4_000_00
GRANT_MINOR = 900_00
SETTINGS = "ecard.settings.test"


@dataclass(frozen=True, slots=True)
class Person:
    """What a bench needs to sell to somebody."""

    account_ref: int
    purse_id: int
    grant_id: int


@dataclass(frozen=True, slots=True)
class Place:
    """A terminal and where it stands."""

    terminal_id: int
    outlet_id: int
    site_id: int
    merchant_account_id: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything stands; `urls` reach the database from this and other processes."""

    urls: DatabaseAddresses
    people: list[Person]
    places: list[Place]
    programme_id: int
    group_id: int


def set_up(url: str) -> None:
    """Make this process a server on the database at `url`."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    django.setup()
    from tests.support import database

    database.use(url)


@contextmanager
def engine() -> Iterator[EmbeddedPostgres]:
    """A durable PostgreSQL in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="ecard-bench-"))
    server = EmbeddedPostgres(folder, shared_buffers=SHARED_BUFFERS, durable=True, end_with_parent=True)
    try:
        server.start()
        yield server
    finally:
        server.destroy()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def full_campus(*, people: int = PEOPLE, merchants: int = MERCHANTS) -> Iterator[Stage]:
    """The stage, made through the real operations."""
    with engine() as server:
        urls = server.create_database("bench")
        set_up(urls.app_url)
        from tests.support import database

        database.migrate_as_owner(urls)
        yield _fill(urls, people=people, merchants=merchants)
        from django.db import connection

        connection.close()


def _fill(urls: DatabaseAddresses, *, people: int, merchants: int) -> Stage:
    from django.db import connection

    from ecard.benefits.operations import open_programme
    from ecard.cardholders.models import Cardholder
    from ecard.cardholders.operations import make_price_class, open_cardholders, save_group
    from ecard.cardholders.values import NewCardholder
    from ecard.merchants.operations import save_meal_period, save_merchant, save_outlet, save_site
    from ecard.terminals.operations import publish
    from tests.support.issuing import make_keys_ready

    at = NOON - timedelta(days=1)
    make_keys_ready(at=at - timedelta(days=1))
    site = save_site(code="main", name="本部", at=at)
    save_meal_period(site=site, code="lunch", name="午餐", start_minute=630, end_minute=810, at=at)
    group = save_group(
        code="students",
        name="学生",
        price_class=make_price_class(code=1, name="学生"),
        offline_limit_minor=200_00,
        per_sale_limit_minor=60_00,
        max_offline_sales=200,
        at=at,
    )
    programme = open_programme(name="餐补")
    for start in range(0, people, 5_000):
        open_cardholders(
            people=[
                NewCardholder(number=f"S{number:06d}", name="张三", group_id=group.pk)
                for number in range(start, min(people, start + 5_000))
            ],
            at=at,
        )
    _fund(list(Cardholder.objects.all()), programme, at)
    merchant = [save_merchant(code=f"m{number}", name=f"食堂{number}") for number in range(merchants)]
    outlets = [
        save_outlet(site=site, merchant=each, code=f"o{number}", name="窗口", at=at)
        for number, each in enumerate(merchant)
    ]
    places = [_terminal(number, outlet, at) for number, outlet in enumerate(outlets)]
    publish(at=at, starts_at=at, by=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_ref, purse_id, lot.account_id FROM cardholders_cardholder AS person"
            " JOIN benefits_grant AS lot ON lot.cardholder_id = person.id"
        )
        persons = [Person(*row) for row in cursor.fetchall()]
    analyze(urls)
    return Stage(urls, persons, places, programme.pk, group.pk)


def _fund(cardholders: list[Any], programme: Any, at: datetime) -> None:
    """Money for many runs, more than a cash desk would take at once."""
    from ecard.benefits.operations import issue_grants
    from ecard.ledger.models import AccountKind, CauseKind, TransferKind
    from ecard.ledger.operations import house_account, post
    from ecard.ledger.values import NewTransfer

    desk = house_account(kind=AccountKind.CASH_DESK)
    for start in range(0, len(cardholders), 5_000):
        part = cardholders[start : start + 5_000]
        rows = [
            NewTransfer(desk, each.purse_id, PURSE_MINOR, TransferKind.TOP_UP, CauseKind.TOP_UP, each.pk)
            for each in part
        ]
        post(transfers=rows, at=at)
    issue_grants(
        programme=programme,
        cardholders=cardholders,
        amount_minor=GRANT_MINOR,
        period_key="bench",
        expires_at=NOON + timedelta(days=30),
        at=at,
    )


def device_seed(terminal_id: int) -> bytes:
    """The device key of a terminal of the stage."""
    return terminal_id.to_bytes(32, "big")


def _terminal(number: int, outlet: Any, at: datetime) -> Place:
    from devices.core.signing import SigningKey
    from ecard.terminals.models import Terminal, TerminalState
    from ecard.terminals.operations import register

    terminal = register(name=f"T{number}", outlet=outlet, at=at)
    public = SigningKey(device_seed(terminal.pk)).public.hex()
    Terminal.objects.filter(pk=terminal.pk).update(public_key=public, state=TerminalState.ACTIVE, enrolled_at=at)
    return Place(terminal.pk, outlet.pk, outlet.site_id, outlet.merchant.account_id)


def analyze(urls: DatabaseAddresses) -> None:
    import psycopg

    with psycopg.connect(urls.superuser_url, autocommit=True) as session:
        session.execute("VACUUM (ANALYZE)")
        session.execute("CHECKPOINT")


def in_processes(count: int, work: Callable[..., Any], *given: Any) -> list[Any]:
    """Run `work(*given, barrier=…)` in so many fresh processes at once; gives what each returned."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(count, mp_context=context) as pool:
        barrier = manager.Barrier(count)
        started = [pool.submit(work, *given, number=number, barrier=barrier) for number in range(count)]
        return [each.result() for each in started]


def draw(seed: int) -> random.Random:
    """The same run for the same seed."""
    return random.Random(seed)
