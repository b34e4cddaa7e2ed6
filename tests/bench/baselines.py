"""What posting is held against, on the same machine in the same run: Django's own way, django-hordak, bare COPY.

Each with two processes, each sale with one or two transfers, as the real ones.
"""

from __future__ import annotations

import time
from typing import Any

from tests.bench import stage

WORKERS = 2
ORM_SALES = 400
HORDAK_SALES = 400
HORDAK_ACCOUNTS = 200
COPY_GROUPS = 16
_MINE = "baseline"


def orm_rates(campus: stage.Stage, *, runs: int) -> list[float]:
    """One ORM transaction a sale: lock, transfers, balances, sale, counter, change."""
    rates = []
    for run in range(runs):
        done = stage.in_processes(WORKERS, post_by_orm, campus, run)
        rates.append(_rate(done))
    return rates


def post_by_orm(campus: stage.Stage, run: int, *, number: int, barrier: Any) -> tuple[float, float, int]:
    """A worker of the ORM baseline."""
    stage.set_up(campus.urls.app_url)
    from django.db import connection

    draw = stage.draw(run * WORKERS + number)
    first = (1 << 40) + (run * WORKERS + number) * ORM_SALES
    connection.ensure_connection()
    barrier.wait()
    start = time.monotonic()
    for place in range(ORM_SALES):
        _one_by_orm(first + place, draw.choice(campus.people), draw.choice(campus.places), lot_minor=place % 2 * 3_00)
    return start, time.monotonic(), ORM_SALES


def _one_by_orm(sale_id: int, person: stage.Person, place: stage.Place, *, lot_minor: int) -> None:
    from django.db import transaction
    from django.db.models import F

    from ecard.benefits.models import UsageCounter
    from ecard.changes.models import Change, Topic
    from ecard.ledger.models import Account, AccountDelta, CauseKind, Transfer, TransferKind
    from ecard.settlement.models import Sale
    from ecard.terminals.models import Terminal

    parts = [(person.purse_id, 9_00, TransferKind.SALE_PURSE)]
    if lot_minor:
        parts.append((person.grant_id, lot_minor, TransferKind.SALE_GRANT))
    total_minor = sum(part[1] for part in parts)
    with transaction.atomic():
        terminal = Terminal.objects.select_related("outlet").get(pk=place.terminal_id)
        list(Account.objects.select_for_update().filter(pk__in=sorted(part[0] for part in parts)).order_by("pk"))
        for account_id, amount_minor, kind in parts:
            transfer = Transfer(
                debit_account_id=account_id,
                credit_account_id=place.merchant_account_id,
                amount_minor=amount_minor,
                kind=kind,
                cause_kind=CauseKind.SALE,
                cause_id=sale_id,
                posting_group=sale_id,
                posted_at=stage.NOON,
            )
            Transfer.objects.bulk_create([transfer])
            Account.objects.filter(pk=account_id).update(balance_minor=F("balance_minor") - amount_minor)
        AccountDelta.objects.create(
            account_id=place.merchant_account_id, posting_group=sale_id, amount_minor=total_minor
        )
        Sale.objects.create(
            id=sale_id,
            account_ref=person.account_ref,
            code_id=sale_id,
            presented_s=sale_id,
            taken_at=stage.NOON,
            batch_id=1,
            terminal=terminal,
            merchant_id=terminal.outlet.merchant_id,
            amount_minor=total_minor,
            purse_minor=total_minor - lot_minor,
            grant_minor=lot_minor,
            sponsor_minor=0,
            loss_minor=0,
            suspense_minor=0,
            policy=1,
            business_date=stage.NOON.date(),
            outlet=terminal.outlet,
            evaluator=1,
            position=0,
        )
        counter, made = UsageCounter.objects.get_or_create(
            account_ref=person.account_ref,
            business_date=stage.NOON.date(),
            defaults={"total_minor": total_minor, "purse_minor": 9_00, "count": 1},
        )
        if not made:
            UsageCounter.objects.filter(pk=counter.pk).update(
                total_minor=F("total_minor") + total_minor, purse_minor=F("purse_minor") + 9_00, count=F("count") + 1
            )
        Change.objects.create(topic=Topic.CARDHOLDER, refs=[person.account_ref], made_at=stage.NOON)


def copy_rates(campus: stage.Stage, *, runs: int) -> list[float]:
    """The rows that posting wrote, written again by bare COPY into tables with the same indexes and checks."""
    import psycopg

    with psycopg.connect(campus.urls.superuser_url, autocommit=True) as session:
        for table in ("settlement_sale", "ledger_transfer"):
            session.execute(f"CREATE TABLE {_MINE}_{table} (LIKE {table} INCLUDING ALL)")
        rates = []
        for _run in range(runs):
            session.execute(f"TRUNCATE {_MINE}_settlement_sale, {_MINE}_ledger_transfer")
            rates.append(_rate(stage.in_processes(WORKERS, copy_groups, campus.urls.superuser_url)))
        for table in ("settlement_sale", "ledger_transfer"):
            session.execute(f"DROP TABLE {_MINE}_{table}")
    return rates


def copy_groups(url: str, *, number: int, barrier: Any) -> tuple[float, float, int]:
    """A worker of the COPY baseline: reads its groups first, then writes each in a transaction of its own."""
    import psycopg

    with psycopg.connect(url) as session:
        found = session.execute(
            "SELECT posting_group, array_agg(id), sum(last_seq - first_seq)::int FROM settlement_batch"
            " WHERE posting_group IS NOT NULL GROUP BY 1 ORDER BY 1 DESC LIMIT %s",
            [COPY_GROUPS * WORKERS],
        ).fetchall()
        groups = [
            (
                _dump(session, f"SELECT * FROM settlement_sale WHERE batch_id = ANY('{set(batches)}')"),  # noqa: S608  (numbers)
                _dump(session, f"SELECT * FROM ledger_transfer WHERE posting_group = {group}"),  # noqa: S608  (a number)
                sales,
            )
            for group, batches, sales in found[number::WORKERS]
        ]
        session.commit()
        barrier.wait()
        start = time.monotonic()
        for sales, transfers, _count in groups:
            for table, content in (("settlement_sale", sales), ("ledger_transfer", transfers)):
                with session.cursor().copy(f"COPY {_MINE}_{table} FROM STDIN (FORMAT binary)") as copy:
                    copy.write(content)
            session.commit()
        return start, time.monotonic(), sum(group[2] for group in groups)


def _dump(session: Any, query: str) -> bytes:
    with session.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as copy:
        return b"".join(bytes(piece) for piece in copy)


def hordak_rates(*, runs: int) -> list[float]:
    """django-hordak's `transfer_to`, in a database of its own with its own integrity triggers."""
    with stage.engine() as server:
        urls = server.create_database("hordak")
        prepared = stage.in_processes(1, prepare_hordak, urls.superuser_url)[0]
        return [
            _rate(stage.in_processes(WORKERS, transfer_by_hordak, urls.superuser_url, prepared)) for _run in range(runs)
        ]


def _set_up_hordak(url: str) -> None:
    import django
    from django.conf import settings

    from ecard.settings.env import database_settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "hordak"],
        DATABASES={"default": database_settings(url)},
        SECRET_KEY="bench",
        DEFAULT_CURRENCY="CNY",
        CURRENCIES=["CNY"],
        HORDAK_INTERNAL_CURRENCY="CNY",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()


def prepare_hordak(url: str, *, number: int, barrier: Any) -> tuple[list[int], list[int]]:
    """Its tables and accounts: purses, and merchants."""
    _set_up_hordak(url)
    from django.core.management import call_command
    from hordak.models import Account, AccountType

    call_command("migrate", verbosity=0)
    made = [
        Account.objects.create(name=f"a{place}", code=f"{place:04d}", type=AccountType.liability, currencies=["CNY"]).pk
        for place in range(HORDAK_ACCOUNTS)
    ]
    return made[: HORDAK_ACCOUNTS // 2], made[HORDAK_ACCOUNTS // 2 :]


def transfer_by_hordak(
    url: str, accounts: tuple[list[int], list[int]], *, number: int, barrier: Any
) -> tuple[float, float, int]:
    """A worker of the hordak baseline: one transaction a sale."""
    _set_up_hordak(url)
    from django.db import connection, transaction
    from hordak.models import Account
    from moneyed import Money

    draw = stage.draw(number)
    purses, merchants = (list(Account.objects.filter(pk__in=ids)) for ids in accounts)
    connection.ensure_connection()
    barrier.wait()
    start = time.monotonic()
    for place in range(HORDAK_SALES):
        with transaction.atomic():
            for _leg in range(1 + place % 2):
                draw.choice(purses).transfer_to(draw.choice(merchants), Money("9.00", "CNY"))
    return start, time.monotonic(), HORDAK_SALES


def _rate(done: list[tuple[float, float, int]]) -> float:
    return sum(each[2] for each in done) / (max(each[1] for each in done) - min(each[0] for each in done))
