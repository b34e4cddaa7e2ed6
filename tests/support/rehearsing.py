"""Sales of the past, rehearsed under the rules as they stand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ecard.benefits.operations import make_draft
from ecard.settlement.models import (
    Rehearsal,
    RehearsalState,
)
from ecard.settlement.rehearsal import work
from tests.support.campus import NOON
from tests.support.policies import administrator
from tests.support.settling import Till, World

DAY = date(2026, 11, 20)


def sold(world: World, till: Till, *amounts_minor: int, people: int = 3, **given: Any) -> None:
    """Sales of these amounts, by one person after another, uploaded and posted."""
    for number, amount_minor in enumerate(amounts_minor):
        till.sell(number % people, amount_minor, **given)
    till.upload()
    world.settle()


def rehearse(*, at: datetime = NOON, from_date: date = DAY, to_date: date = DAY) -> Rehearsal:
    """The rules as they stand, drafted and rehearsed to the end."""
    draft = make_draft(name="next", by=administrator("author"), at=at)
    rehearsal = work.start(draft_id=draft.pk, from_date=from_date, to_date=to_date, by=None, at=at)
    while work.work(clock=lambda: at):
        pass
    rehearsal.refresh_from_db()
    assert rehearsal.state == RehearsalState.DONE
    return rehearsal


def results(rehearsal: Rehearsal) -> dict[str, Any]:
    assert rehearsal.results is not None
    found: dict[str, Any] = rehearsal.results
    return found
