"""A rehearsal whose workers die, lose their lease or divide the work; and one that cannot begin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction

from ecard.benefits.models import (
    PriceRule,
    SpendLimit,
    Window,
)
from ecard.benefits.operations import make_draft, withdraw_draft
from ecard.settlement.checkpoints import watcher
from ecard.settlement.models import (
    Rehearsal,
    RehearsalPart,
    RehearsalPerson,
    RehearsalSale,
    RehearsalState,
)
from ecard.settlement.rehearsal import work
from ecard.settlement.rehearsal.errors import BadStretch
from ecard.settlement.rehearsal.totals import Count, Pair, Totals, added
from tests.support.campus import NOON
from tests.support.policies import administrator
from tests.support.rehearsing import DAY, rehearse, results, sold
from tests.support.settling import Till, World

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker is gone."""


def kill_at(point: str) -> Any:
    def look(name: str) -> None:
        if name == point:
            raise Killed

    return watcher.set(look)


@pytest.mark.parametrize("point", ["rehearse.page", "rehearse.written"])
def test_a_killed_rehearsal_is_continued_and_adds_up_to_the_same(world: World, till: Till, point: str) -> None:
    sold(world, till, 10_00, 20_00, 30_00)
    PriceRule.objects.create(name="涨", percent_bp=11_000)
    draft = make_draft(name="next", by=None, at=NOON)
    rehearsal = work.start(draft_id=draft.pk, from_date=DAY, to_date=DAY, by=None, at=NOON)
    in_two(rehearsal)
    token = kill_at(point)
    try:
        with pytest.raises(Killed):
            until_killed()
    finally:
        watcher.reset(token)
    taken = RehearsalPart.objects.filter(rehearsal=rehearsal, done_at__isnull=True).order_by("number")[0]
    taken.lease, taken.leased_until = 7, NOON + work.LEASE
    taken.save()
    while work.work(clock=lambda: NOON):
        pass
    taken.refresh_from_db()
    assert (taken.lease, taken.done_at) == (7, None), "somebody may still hold it"
    later = NOON + work.LEASE + timedelta(seconds=1)
    assert work.work(clock=lambda: later)
    assert not work.work(clock=lambda: later)
    rehearsal.refresh_from_db()
    assert rehearsal.state == RehearsalState.DONE
    assert results(rehearsal)["own"] == {"now_minor": 60_00, "draft_minor": 66_00}
    assert RehearsalPerson.objects.count() == RehearsalSale.objects.count() == 3


def until_killed() -> None:
    """A killed worker's open transaction is rolled back, as its connection is gone."""
    for _part in range(2):
        with transaction.atomic():
            assert work.work(clock=lambda: NOON)


def in_two(rehearsal: Rehearsal) -> None:
    """As a rehearsal of very many sales is divided."""
    rehearsal.parts = 2
    rehearsal.save()
    RehearsalPart.objects.create(rehearsal=rehearsal, number=1)


def test_a_worker_that_lost_its_lease_writes_nothing(world: World, till: Till) -> None:
    sold(world, till, 10_00)
    draft = make_draft(name="next", by=None, at=NOON)
    rehearsal = work.start(draft_id=draft.pk, from_date=DAY, to_date=DAY, by=None, at=NOON)
    part = RehearsalPart.objects.select_related("rehearsal__draft").get()
    part.lease = 5
    assert not work.run_part(part, clock=lambda: NOON)
    assert not RehearsalPerson.objects.exists()
    assert work.stop(rehearsal_id=rehearsal.pk, at=NOON)
    assert not work.stop(rehearsal_id=rehearsal.pk, at=NOON)
    assert not work.work(clock=lambda: NOON)


def test_pages_of_one_sale_each_give_the_same_as_one_page(world: World, till: Till) -> None:
    sold(world, till, 30_00, 30_00, 30_00, people=1)
    SpendLimit.objects.create(name="日", window=Window.DAY, max_minor=70_00)
    draft = make_draft(name="next", by=None, at=NOON)
    rehearsal = work.start(draft_id=draft.pk, from_date=DAY, to_date=DAY, by=None, at=NOON)
    part = RehearsalPart.objects.select_related("rehearsal__draft").get()
    part.lease = 5
    part.save()
    assert work.run_part(part, clock=lambda: NOON, page_sales=1)
    rehearsal.refresh_from_db()
    assert results(rehearsal)["declined"]["over_day_limit"]["count"] == 1


def test_rows_of_old_rehearsals_go_and_their_totals_stay(
    world: World, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "ROWS_KEPT_OF", 2)
    sold(world, till, 10_00)
    PriceRule.objects.create(name="涨", percent_bp=11_000)
    first, *others = [rehearse().pk for _each in range(3)]
    assert set(RehearsalPerson.objects.values_list("rehearsal_id", flat=True)) == set(others)
    assert set(RehearsalSale.objects.values_list("rehearsal_id", flat=True)) == set(others)
    assert Rehearsal.objects.get(pk=first).results is not None


@pytest.mark.parametrize(
    ("from_date", "to_date", "why"),
    [
        (DAY, DAY - timedelta(days=1), BadStretch.DATES),
        (DAY, DAY + timedelta(days=366), BadStretch.DATES),
        (DAY - timedelta(days=9), DAY - timedelta(days=8), BadStretch.NOTHING),
        (date.max, date.max, BadStretch.NOTHING),
    ],
)
def test_a_stretch_that_cannot_be_rehearsed_is_refused(
    world: World, till: Till, from_date: date, to_date: date, why: object
) -> None:
    sold(world, till, 10_00)
    draft = make_draft(name="next", by=None, at=NOON)
    with pytest.raises(BadStretch) as refused:
        work.start(draft_id=draft.pk, from_date=from_date, to_date=to_date, by=None, at=NOON)
    assert refused.value.why == why


def test_a_withdrawn_draft_is_not_rehearsed(world: World, till: Till) -> None:
    draft = make_draft(name="next", by=None, at=NOON)
    withdraw_draft(draft_id=draft.pk, by=administrator("author"), at=NOON)
    with pytest.raises(BadStretch):
        work.start(draft_id=draft.pk, from_date=DAY, to_date=DAY, by=None, at=NOON)


def test_parts_add_up_to_a_whole() -> None:
    one = Totals(
        sales=2, people=1, people_more=Count(1, 5), sponsors={7: Pair(1, 2)}, declined={"stopped": Count(1, 9)}
    )
    whole = added([one, one])
    assert (whole.sales, whole.people, whole.people_more) == (4, 2, Count(2, 10))
    assert (whole.sponsors, whole.declined) == ({7: Pair(2, 4)}, {"stopped": Count(2, 18)})
