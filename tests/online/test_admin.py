"""The list of what terminals asked about: read, never changed."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from ecard.settlement.models import AuthorisedHold
from tests.support.asking import Asker
from tests.support.settling import World


@pytest.fixture
def office(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    return client


def test_a_hold_and_the_sale_that_took_it_are_shown(world: World, asker: Asker, office: Client) -> None:
    question, said = asker.ask(30_00)
    asker.ask(8_00, person=1)
    asker.write(*asker.ask(30_00))
    asker.till.upload()
    world.settle()
    listed = office.get("/admin/settlement/authorisedhold/")
    assert listed.status_code == 200
    assert "30.00" in listed.content.decode()
    held = AuthorisedHold.objects.get()
    page = office.get(f"/admin/settlement/authorisedhold/{held.pk}/change/").content.decode()
    assert f"#{held.sale_id}" in page
    assert question.evidence not in page
    assert said.person.account_ref == held.account_ref


@pytest.mark.parametrize("path", ["add/", "{}/delete/"])
def test_nobody_makes_or_deletes_a_hold_by_hand(asker: Asker, office: Client, path: str) -> None:
    asker.ask(30_00)
    held = AuthorisedHold.objects.get()
    answer = office.post(f"/admin/settlement/authorisedhold/{path.format(held.pk)}", {"post": "yes"})
    assert answer.status_code == 403
    assert AuthorisedHold.objects.exists()
