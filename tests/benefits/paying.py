"""Runs made, approved and paid out, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission, User

from ecard.approvals.operations import approve
from ecard.benefits import runs
from ecard.benefits.models import Programme, Run, RunKind, Sponsor
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.benefits.runs.people import upload_from_text
from ecard.cardholders.models import Cardholder
from ecard.ledger.queries import balance_of, balances
from tests.support.campus import NOON

EXPIRES = NOON + timedelta(days=10)


def staff(name: str) -> User:
    """Somebody who may make runs, approve them and pay them out."""
    user, made = User.objects.get_or_create(username=name, is_staff=True)
    if made:
        rights = ("approve_run", "add_run", "change_run", "view_run", "post_run", "reverse_run", "view_approval")
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def subsidy(**terms: Any) -> Run:
    """A draft for everybody, 50.00 each, unless said otherwise."""
    programme = terms.pop("programme", None) or open_programme(name="餐补", name_en="Meal subsidy")
    given = {
        "kind": RunKind.SUBSIDY,
        "programme": programme,
        "period_key": "2026-11",
        "amount_minor": 50_00,
        "expires_at": EXPIRES,
        "reason": "November",
        "by": staff("clerk"),
        "at": NOON,
        **terms,
    }
    return runs.new_run(**given)


def credit(sponsor: Sponsor | None = None, *, uploaded: str = "", **terms: Any) -> Run:
    """A draft of credits out of a goodwill account."""
    given = {
        "kind": RunKind.CREDIT,
        "sponsor_id": (sponsor or open_sponsor(name="好意")).pk,
        "amount_minor": 20_00,
        "reason": "A closed canteen",
        "uploaded": upload_from_text(uploaded) if uploaded else "",
        "by": staff("clerk"),
        "at": NOON,
        **terms,
    }
    return runs.new_run(**given)


def approved(run: Run, *, at: datetime = NOON) -> Run:
    """List, ask and approve, by two people."""
    runs.dry_run(run_id=run.pk, at=at)
    asked = runs.ask(run_id=run.pk, by=staff("clerk"), at=at)
    approve(approval_id=asked.pk, by=staff("boss"), at=at, reauthenticated=False)
    run.refresh_from_db()
    return run


def started(run: Run, *, at: datetime = NOON) -> Run:
    """The same, and let go."""
    return runs.start(run_id=approved(run, at=at).pk, at=at)


def paid(run: Run, *, at: datetime = NOON) -> Run:
    """The same, to the end."""
    started(run, at=at)
    runs.continue_runs(clock=lambda: at)
    run.refresh_from_db()
    return run


def reversed_whole(run: Run, *, at: datetime = NOON) -> Run:
    """A paid run taken back."""
    runs.reverse_run(run_id=run.pk, by=staff("boss"), reason="wrong amount", at=at)
    runs.continue_runs(clock=lambda: at)
    run.refresh_from_db()
    return run


def lots(people: tuple[Cardholder, ...], programme: Programme | None = None) -> list[int]:
    """What each person has in grants, of a programme or of all."""
    found = []
    for person in people:
        grants = person.grants.all() if programme is None else person.grants.filter(programme=programme)
        found.append(sum(balances([grant.account_id for grant in grants]).values()))
    return found


def purses(people: tuple[Cardholder, ...]) -> list[int]:
    """What is in each purse."""
    return [balance_of(person.purse_id) for person in people]
