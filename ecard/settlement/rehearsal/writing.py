"""Writing what a part found, in two COPYs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from django.db import connection

from ecard.settlement.models import Rehearsal
from ecard.settlement.rehearsal.replay import Account
from ecard.settlement.rehearsal.totals import PersonSums, Shown

_COPY_PEOPLE = """
COPY settlement_rehearsalperson (rehearsal_id, account_ref, sales, changed, declined, declined_minor, now_minor,
                                 draft_minor, more_minor, given, lists) FROM STDIN
"""
_COPY_SALES = """
COPY settlement_rehearsalsale (rehearsal_id, outcome, sale_id, account_ref, taken_at, outlet_id, amount_minor,
                               now_minor, draft_minor, more_minor, why) FROM STDIN
"""


def copy_people(rehearsal: Rehearsal, people: Mapping[int, tuple[PersonSums, Account]]) -> None:
    """One row for each person who bought something in the stretch."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY_PEOPLE) as copy:
        for ref, (sums, account) in people.items():
            more_minor = sums.draft_minor - sums.now_minor
            amounts = (sums.declined_minor, sums.now_minor, sums.draft_minor, more_minor)
            counts = (sums.sales, sums.changed, sums.declined)
            copy.write_row((rehearsal.pk, ref, *counts, *amounts, sorted(account.given), list(account.lists)))


def copy_sales(rehearsal: Rehearsal, sales: Iterable[Shown]) -> None:
    """The sales that are kept to be shown."""
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(_COPY_SALES) as copy:
        for each in sales:
            taken_at = datetime.fromtimestamp(each.taken_s, UTC)
            named = (each.outcome, each.sale_id, each.account_ref, taken_at, each.outlet)
            more_minor = each.draft_minor - each.now_minor if not each.why else 0
            amounts = (each.amount_minor, each.now_minor, each.draft_minor, more_minor)
            copy.write_row((rehearsal.pk, *named, *amounts, each.why))
