"""Looking is one right, acting is another: no button does anything for somebody who may only look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ecard.benefits.models import PolicyDraft
from ecard.cardholders.models import Cardholder, Stop
from ecard.payments.models import TopUp
from tests.office.test_first_page import clerk_with
from tests.support.settling import World

# Looking at a receipt again, or at a year's calendar, moves nothing.
ONLY_LOOK = frozenset({"payments_topup_receipt", "merchants_calendarday_year", "benefits_policydraft_to_approval"})
FORM = {"_form_submitted": "on", "reason": "x", "note": "x", "role": "code", "amount_minor": "20", "confirmed": "1"}


def buttons() -> Iterator[tuple[str, type[Model], bool]]:
    """(name of the address, model, whether it is a record's) of every button of every page."""
    for model, model_admin in site._registry.items():
        admin: Any = model_admin
        meta = model._meta
        for action in admin._get_base_actions_detail():
            yield f"{meta.app_label}_{meta.model_name}_{_short(action)}", model, True
        for action in admin._get_base_actions_list():
            yield f"{meta.app_label}_{meta.model_name}_{_short(action)}", model, False


def _short(action: Any) -> str:
    return str(action.method.original_function_name)


@pytest.fixture
def looker(world: World, fill: Callable[[int], None]) -> Client:
    """Somebody who may see everything and do nothing."""
    fill(1)
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(user)
    return client


def everything() -> dict[str, int]:
    """How many rows each table has, but for what a visit itself leaves."""
    left_by_visits = {LogEntry, Session}
    return {
        model._meta.label: model._default_manager.count() for model in apps.get_models() if model not in left_by_visits
    }


def test_every_button_is_refused_to_whoever_may_only_look(looker: Client) -> None:
    before = everything()
    pressed = 0
    for name, model, of_a_record in buttons():
        if name in ONLY_LOOK:
            continue
        record = model._default_manager.order_by("pk").first()
        assert record is not None
        address = reverse(f"admin:{name}", args=[record.pk] if of_a_record else [])
        for answer in (looker.get(address), looker.post(address, FORM)):
            assert answer.status_code == 403, name
        pressed += 1
    assert pressed >= 12
    assert everything() == before


def test_every_form_is_refused_to_whoever_may_only_look(looker: Client) -> None:
    before = everything()
    for model in site._registry:
        meta = model._meta
        record = model._default_manager.order_by("pk").first()
        assert record is not None
        name = f"admin:{meta.app_label}_{meta.model_name}"
        assert looker.get(reverse(f"{name}_change", args=[record.pk])).status_code == 200
        assert looker.post(reverse(f"{name}_add"), {}).status_code == 403, name
        assert looker.post(reverse(f"{name}_change", args=[record.pk]), {"name": "mine"}).status_code == 403, name
        assert looker.post(reverse(f"{name}_delete", args=[record.pk]), {"post": "yes"}).status_code == 403, name
    for name in ("codes_keylist_waiting", "codes_keylist_bring_in"):
        assert looker.get(reverse(f"admin:{name}")).status_code == 403
        assert looker.post(reverse(f"admin:{name}"), {}).status_code == 403
    assert everything() == before


@pytest.mark.parametrize(
    ("right", "button", "made"),
    [
        ("payments.take_cash", "cardholders_cardholder_take_cash", TopUp),
        ("cardholders.change_cardholder", "cardholders_cardholder_stop_account", Stop),
        ("benefits.add_policydraft", "benefits_policydraft_new", PolicyDraft),
    ],
)
def test_the_right_that_goes_with_a_button_is_enough_for_it(
    world: World, right: str, button: str, made: type[Model]
) -> None:
    clerk = clerk_with(right, "cardholders.view_cardholder", "benefits.view_policydraft", "payments.view_topup")
    args = [world.person().pk] if made is not PolicyDraft else []
    before = made._default_manager.count()
    form = {**FORM, "key": "a key drawn with the page", "name": "spring"}
    assert clerk.post(reverse(f"admin:{button}", args=args), form).status_code in (200, 302)
    assert made._default_manager.count() == before + 1


def test_what_an_administrator_did_stands_in_the_records_history(admin: Client, world: World) -> None:
    person = world.person()
    admin.post(
        reverse("admin:cardholders_cardholder_stop_account", args=[person.pk]), {**FORM, "reason": "lost on the bus"}
    )
    history = reverse("admin:cardholders_cardholder_history", args=[person.pk])
    assert "lost on the bus" in admin.get(history).content.decode()
    shown = admin.get(history, headers={"accept-language": "zh-hans"}).content.decode()
    assert "止付" in shown
    assert Cardholder.objects.get(pk=person.pk).stops.count() == 1
