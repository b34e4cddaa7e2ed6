"""A bad administrator who lets people eat at another sponsor's cost: who bears a benefit was approved with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from ecard.benefits.models import Entitlement, Programme, Sponsor
from ecard.benefits.operations import issue_grants, make_draft, open_sponsor
from ecard.imports.errors import CannotApply
from ecard.imports.operations import apply_batch, read_file, undo_batch
from ecard.imports.writing import csv_bytes
from tests.support.campus import NOON
from tests.support.policies import administrator, publish_rules
from tests.support.settling import World


@pytest.fixture
def other_sponsor(world: World) -> Sponsor:
    return open_sponsor(name="工会", name_en="Union")


@pytest.fixture
def free_meal(world: World) -> Entitlement:
    sponsor = open_sponsor(name="后勤处", name_en="Logistics")
    return Entitlement.objects.create(name="早餐", name_en="Breakfast", sponsor=sponsor, agreed_minor=6_00)


def test_an_issued_programmes_costs_are_not_moved_to_another_sponsor(world: World, other_sponsor: Sponsor) -> None:
    for moved in ({"sponsor": other_sponsor}, {"kind": "voucher"}):
        with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
            Programme.objects.filter(pk=world.programme.pk).update(**moved)
    Programme.objects.filter(pk=world.programme.pk).update(name="餐补二")


def test_a_programme_that_nobody_got_may_still_change_its_sponsor(world: World, other_sponsor: Sponsor) -> None:
    fresh = Programme.objects.create(name="新", sponsor=open_sponsor(name="后勤处"))
    assert Programme.objects.filter(pk=fresh.pk).update(sponsor=other_sponsor, kind="voucher") == 1


@pytest.mark.parametrize("published", [False, True], ids=["drafted", "published"])
def test_a_free_meals_costs_are_not_moved_after_it_was_read(
    world: World, free_meal: Entitlement, other_sponsor: Sponsor, published: bool
) -> None:
    mine = Entitlement.objects.filter(pk=free_meal.pk)
    assert mine.update(sponsor=other_sponsor) == mine.update(sponsor=free_meal.sponsor) == 1
    if published:
        publish_rules(at=NOON)
    else:
        make_draft(name="next", by=administrator("author"), at=NOON)
    with pytest.raises(IntegrityError, match="stays"), transaction.atomic():
        mine.update(sponsor=other_sponsor)
    client = Client()
    client.force_login(administrator("author"))
    page = reverse("admin:benefits_entitlement_change", args=[free_meal.pk])
    form = {"name": "早餐", "sponsor": other_sponsor.pk, "window": "period", "count": "1", "agreed_minor": "6"}
    answer = client.post(page, {**form, "covers_minor": "0", "order": "0", "active": "on"})
    assert "sponsor" in answer.context["adminform"].form.errors


def test_a_file_does_not_move_the_costs_of_what_was_issued(world: World, other_sponsor: Sponsor) -> None:
    clerk = User.objects.create_user("clerk")
    data = csv_bytes(("name", "sponsor"), [(world.programme.name, other_sponsor.name)])
    batch = read_file(kind="programmes", data=data, name="p.csv", by=clerk, at=NOON)
    with pytest.raises(CannotApply) as refused:
        apply_batch(batch=batch, only_good=False, by=clerk, at=NOON)
    assert refused.value.args[0] == {"kind": "issued", "about": world.programme.name}


def test_an_import_undone_after_its_programme_was_issued_leaves_the_sponsor(
    world: World, other_sponsor: Sponsor
) -> None:
    clerk, people = User.objects.create_user("clerk"), world.campus.people
    fresh = Programme.objects.create(name="新", sponsor=open_sponsor(name="后勤处"))
    data = csv_bytes(("name", "sponsor"), [(fresh.name, other_sponsor.name)])
    batch = read_file(kind="programmes", data=data, name="p.csv", by=clerk, at=NOON)
    apply_batch(batch=batch, only_good=False, by=clerk, at=NOON)
    soon = NOON + timedelta(days=1)
    fresh.refresh_from_db()
    issue_grants(programme=fresh, cardholders=people, amount_minor=1, period_key="1", expires_at=soon, at=NOON)
    with pytest.raises(CannotApply):
        undo_batch(batch=batch, by=clerk, at=NOON)
    fresh.refresh_from_db()
    assert fresh.sponsor == other_sponsor
