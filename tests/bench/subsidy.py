"""A subsidy of 50,000 people from approved to paid out, beside the same rows made with Django's bulk_create."""

from __future__ import annotations

import time
from datetime import timedelta
from statistics import median
from typing import Any

from tests.bench import stage
from tests.bench.figures import Figure

NAME = "subsidy"
RUNS = 3
AMOUNT_MINOR = 100_00
EXPIRES = stage.NOON + timedelta(days=30)
APART = timedelta(days=8)
BASELINE_BATCH = 5_000


def run(*, scale: float = 1.0) -> list[Figure]:
    """Medians of RUNS runs after one that is not counted, each for a period and a sponsor's account of its own."""
    people = max(2_000, int(stage.PEOPLE * scale))
    with stage.full_campus(people=people, merchants=1) as campus:
        listed, paid = zip(*[_one_run(campus, number, people=people) for number in range(RUNS + 1)][1:], strict=True)
        orm = [_by_orm(campus, number, people=people) for number in range(RUNS)]
        _assert_books_balance()
    whole = stage.PEOPLE / people
    return [
        Figure(name="subsidy.run_50k_s", value=median(paid) * whole, unit="s", baseline=median(orm) * whole),
        Figure(name="subsidy.dry_run_50k_s", value=median(listed) * whole, unit="s"),
    ]


def _one_run(campus: stage.Stage, number: int, *, people: int) -> tuple[float, float]:
    """Seconds to list, and to pay out after the button is pressed. A week lies between two runs: no duplicates."""
    from django.contrib.auth.models import User

    from ecard.approvals.operations import approve
    from ecard.benefits import runs
    from ecard.benefits.models import Grant, Programme, RunKind

    at = stage.NOON + APART * (number + 1)
    clerk, boss = (User.objects.get_or_create(username=name, is_superuser=True)[0] for name in ("clerk", "boss"))
    made = runs.new_run(
        kind=RunKind.SUBSIDY,
        programme=Programme.objects.get(pk=campus.programme_id),
        period_key=f"bench-{number}",
        amount_minor=AMOUNT_MINOR,
        expires_at=EXPIRES + APART * (number + 1),
        reason="bench",
        by=clerk,
        at=at,
    )
    began = time.perf_counter()
    assert runs.dry_run(run_id=made.pk, at=at).people == people
    listed_s = time.perf_counter() - began
    asked = runs.ask(run_id=made.pk, by=clerk, at=at)
    approve(approval_id=asked.pk, by=boss, at=at, reauthenticated=False)
    began = time.perf_counter()
    runs.start(run_id=made.pk, at=at)
    runs.continue_runs(clock=lambda: at)
    paid_s = time.perf_counter() - began
    assert Grant.objects.filter(run=made).count() == people
    return listed_s, paid_s


def _by_orm(campus: stage.Stage, number: int, *, people: int) -> float:
    """Accounts, grants and transfers by bulk_create and the balances by one update, in one transaction."""
    from django.db import transaction

    from ecard.benefits.models import Programme
    from ecard.cardholders.models import Cardholder

    programme = Programme.objects.get(pk=campus.programme_id)
    persons = list(Cardholder.objects.order_by("pk")[:people])
    began = time.perf_counter()
    with transaction.atomic():
        _write_by_orm(programme, persons, period_key=f"orm-{number}")
    return time.perf_counter() - began


def _write_by_orm(programme: Any, persons: list[Any], *, period_key: str) -> None:
    from ecard.benefits.models import Grant
    from ecard.changes.models import Topic
    from ecard.changes.operations import record
    from ecard.ledger.models import Account, AccountDelta, AccountKind, CauseKind, Transfer, TransferKind
    from ecard.ledger.operations import next_posting_group

    group = next_posting_group()
    accounts = Account.objects.bulk_create(
        [
            Account(kind=AccountKind.GRANT, label=f"grant {programme.pk} {each.number}", floor_minor=0)
            for each in persons
        ],
        batch_size=BASELINE_BATCH,
    )
    grants = Grant.objects.bulk_create(
        [
            Grant(
                programme=programme,
                cardholder=each,
                account=account,
                period_key=period_key,
                amount_minor=AMOUNT_MINOR,
                issued_at=stage.NOON,
                expires_at=EXPIRES,
            )
            for each, account in zip(persons, accounts, strict=True)
        ],
        batch_size=BASELINE_BATCH,
    )
    Transfer.objects.bulk_create(
        [
            Transfer(
                debit_account_id=programme.sponsor_id,
                credit_account_id=grant.account_id,
                amount_minor=AMOUNT_MINOR,
                kind=TransferKind.GRANT_ISSUE,
                cause_kind=CauseKind.GRANT,
                cause_id=grant.pk,
                posting_group=group,
                posted_at=stage.NOON,
            )
            for grant in grants
        ],
        batch_size=BASELINE_BATCH,
    )
    Account.objects.filter(pk__in=[each.pk for each in accounts]).update(balance_minor=AMOUNT_MINOR)
    AccountDelta.objects.create(
        account_id=programme.sponsor_id, posting_group=group, amount_minor=-AMOUNT_MINOR * len(persons)
    )
    record(topic=Topic.CARDHOLDER, refs=[each.account_ref for each in persons], at=stage.NOON)


def _assert_books_balance() -> None:
    from ecard.ledger.queries import sum_of_balances

    assert sum_of_balances() == 0, "money was made or lost"
