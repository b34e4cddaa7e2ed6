"""How soon lists of sales are there with ten million sales behind them, as an administrator and a cardholder ask.

The sales are written straight into their table, as posting would have left them of 100 days at 300 terminals. The
baseline is the same page of the same run with a hundredth of them: a list whose ratio is large grows with the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.bench import stage
from tests.bench.figures import Figure

NAME = "lists"
SALES = 10_000_000
DAYS = 100
THINNED = 100
RUNS = 5
PEOPLE = 10_000
STREAMS_AT_ONCE = 30

_INSERT = """
INSERT INTO settlement_sale (
    id, account_ref, code_id, presented_s, taken_at, batch_id, terminal_id, merchant_id, amount_minor, purse_minor,
    grant_minor, sponsor_minor, loss_minor, suspense_minor, policy, business_date, outlet_id, evaluator, position,
    attempt, period, counted
)
SELECT (sold.stream_id << 24) + line.seq,
       people.refs[1 + (line.seq * 7919 + sold.stream_id * 31) %% cardinality(people.refs)],
       1, 1700000000 + line.seq * 500 + sold.stream_id,
       %(first)s::timestamptz + line.seq * 1.0 * %(days)s / %(each)s * interval '1 day',
       1, sold.terminal_id, sold.merchant_id, 1200, 1000, 200, 0, 0, 0, 1,
       %(first)s::date + line.seq * %(days)s / %(each)s, sold.outlet_id, 2, 0, 0, 1, ''
FROM (
    SELECT stream.id::bigint AS stream_id, terminal.id AS terminal_id, outlet.id AS outlet_id, outlet.merchant_id
    FROM terminals_stream AS stream JOIN terminals_terminal AS terminal ON terminal.id = stream.terminal_id
    JOIN merchants_outlet AS outlet ON outlet.id = terminal.outlet_id
    ORDER BY stream.id OFFSET %(skip)s LIMIT %(streams)s
) AS sold, (SELECT array_agg(account_ref) AS refs FROM cardholders_cardholder) AS people,
generate_series(1, %(each)s) AS line (seq)
WHERE (line.seq %% %(thinned)s = 0) = %(few)s
"""


def run(*, scale: float = 1.0) -> list[Figure]:
    """Each page several times, with few sales and then with all."""
    with stage.full_campus(people=PEOPLE) as campus:
        from ecard.terminals.models import Stream

        for place in campus.places:
            Stream.objects.create(terminal_id=place.terminal_id, epoch=1, created_at=stage.NOON)
        each = max(THINNED, int(SALES * scale) // len(campus.places))
        pages = _pages(campus)
        _sell(campus, each, few=True)
        few = {name: _took_ms(ask) for name, ask in pages.items()}
        _sell(campus, each, few=False)
        return [Figure(name=name, value=_took_ms(ask), unit="ms", baseline=few[name]) for name, ask in pages.items()]


def _sell(campus: stage.Stage, each: int, *, few: bool) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        for skip in range(0, len(campus.places), STREAMS_AT_ONCE):
            given: dict[str, Any] = {"first": "2026-08-01", "days": DAYS, "each": each, "thinned": THINNED, "few": few}
            cursor.execute(_INSERT, {**given, "skip": skip, "streams": STREAMS_AT_ONCE})
        cursor.execute("RESET synchronous_commit")
    stage.analyze(campus.urls)


def _pages(campus: stage.Stage) -> dict[str, Callable[[], Any]]:
    """What is asked for, by name: by somebody who sees all, by one limited to a new site, and by a cardholder."""
    from django.contrib.auth.models import Permission, User
    from django.test import Client
    from django.urls import reverse

    from ecard.cardholders.models import Cardholder
    from ecard.merchants.models import Outlet
    from ecard.merchants.operations import save_outlet, save_site
    from ecard.office.models import SiteRight

    busy = Outlet.objects.select_related("merchant").get(pk=campus.places[9].outlet_id)
    site = save_site(code="new", name="新校区", at=stage.NOON)
    new = save_outlet(site=site, merchant=busy.merchant, code="new", name="新窗口", at=stage.NOON)
    chief = User.objects.create_superuser("chief")
    limited = User.objects.create_user("limited", is_staff=True)
    limited.user_permissions.set(Permission.objects.filter(codename="view_sale"))
    SiteRight.objects.create(user=limited, site=site)
    person = Cardholder.objects.order_by("pk")[777]
    person.user = User.objects.create_user(person.number)
    person.save(update_fields=["user"])
    listed = reverse("admin:settlement_sale_changelist")

    def asked(user: User, address: str) -> Callable[[], Any]:
        client = Client()
        client.force_login(user)

        def ask() -> None:
            response = client.get(address)
            assert response.status_code == 200, (address, response.status_code)

        return ask

    return {
        "lists.newest_ms": asked(chief, listed),
        "lists.last_page_ms": asked(chief, f"{listed}?p=200"),
        "lists.person_ms": asked(chief, f"{listed}?q={person.number}"),
        "lists.terminal_ms": asked(chief, f"{listed}?q=T17"),
        "lists.outlet_ms": asked(chief, f"{listed}?outlet__id__exact={busy.pk}"),
        "lists.new_outlet_ms": asked(chief, f"{listed}?outlet__id__exact={new.pk}"),
        "lists.day_ms": asked(chief, f"{listed}?business_date__gte=2026-10-01&business_date__lt=2026-10-02"),
        "lists.new_site_ms": asked(limited, listed),
        "lists.own_ms": asked(person.user, reverse("portal:sales")),
    }


def _took_ms(ask: Callable[[], Any]) -> float:
    """The median; what the first asking loads is not in it."""
    ask()
    took = []
    for _run in range(RUNS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return median(took)
