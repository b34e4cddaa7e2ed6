"""Templates: from a story to a rule with a dozen inputs, read aloud in both languages before it is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django import forms
from django.contrib.auth.models import Permission, User
from django.test import Client

from ecard.benefits.compiler import compile_policy, known
from ecard.benefits.models import Block, Entitlement, PriceRule, Programme, SpendLimit, Sponsor
from ecard.benefits.rules import problems
from ecard.cardholders.models import Group, PersonList, PriceClass
from ecard.merchants.models import Allergen, Category, MealPeriod, Outlet, Product
from ecard.office.gallery.setups import AUDIENCES, BY_KEY, SETUPS
from tests.support.campus import NOON
from tests.support.settling import World

INPUTS_MAX = 12
MADE = (Programme, Entitlement, PriceRule, SpendLimit, Block)
CHOSEN = {
    "groups": Group,
    "outlets": Outlet,
    "periods": MealPeriod,
    "categories": Category,
    "products": Product,
    "allergens": Allergen,
    "for_list": PersonList,
    "sponsor": Sponsor,
}
TYPED = {
    "dates": "2026-09-01, 2027-09-01",
    "amount_minor": "15",
    "threshold_minor": "20",
    "agreed_minor": "6",
    "covers_minor": "8",
    "cap_minor": "100",
    "max_minor": "60",
    "max_count": "3",
    "class_1": "80",
}


def filled(key: str) -> dict[str, Any]:
    """Every input of a template, given."""
    form = BY_KEY[key].form()
    data: dict[str, Any] = {}
    for name, field in form.fields.items():
        if name in CHOSEN:
            first = CHOSEN[name].objects.order_by("pk").first()  # type: ignore[attr-defined]  # every model has objects
            data[name] = [first.pk] if isinstance(field, forms.ModelMultipleChoiceField) else first.pk
        elif name in TYPED:
            data[name] = TYPED[name]
        elif isinstance(field, forms.BooleanField):
            data[name] = "on"
        elif name.startswith("class_"):
            data[name] = ""
        else:
            data[name] = field.prepare_value(field.initial)
    return data


def rules() -> int:
    return sum(model._default_manager.count() for model in MADE)


@pytest.fixture(autouse=True)
def stocked(world: World, fill: Callable[[int], None]) -> None:
    fill(1)


@pytest.mark.parametrize("key", BY_KEY)
def test_a_template_asks_for_a_dozen_things_at_most(key: str) -> None:
    assert 0 < len(BY_KEY[key].form().fields) <= INPUTS_MAX


@pytest.mark.parametrize("audience", AUDIENCES)
def test_every_kind_of_institution_finds_its_stories(admin: Client, audience: str) -> None:
    shown = admin.get("/admin/templates/", {"for": audience}).context["setups"]
    assert len(shown) >= 5
    assert all(audience in setup.audiences for setup in shown)


@pytest.mark.parametrize("key", BY_KEY)
def test_the_preview_says_it_in_both_languages_and_makes_nothing(admin: Client, key: str) -> None:
    before = rules(), Sponsor.objects.count()
    response = admin.post(f"/admin/templates/{key}/", {**filled(key), "preview": "1"})
    assert not response.context["form"].errors, response.context["form"].errors
    (_zh, chinese), (_en, english) = response.context["said"]
    assert chinese
    assert english
    assert chinese != english
    assert (rules(), Sponsor.objects.count()) == before


@pytest.mark.parametrize("key", BY_KEY)
def test_what_is_set_up_can_be_published_as_it_is(admin: Client, key: str) -> None:
    before = rules()
    response = admin.post(f"/admin/templates/{key}/", {**filled(key), "set-up": "1"})
    assert response.status_code == 302
    assert rules() > before
    assert admin.get(response["Location"]).status_code == 200
    assert problems(compile_policy(number=9, starts_at=NOON), known=known()) == ()


@pytest.mark.parametrize(
    ("key", "wrong", "field"),
    [
        ("place-subsidy", {"dates": "next September"}, "dates"),
        ("place-subsidy", {"amount_minor": "-5"}, "amount_minor"),
        ("place-subsidy", {"outlets": []}, "outlets"),
        ("allowance", {"left": "rollover", "cap_minor": ""}, "cap_minor"),
        ("block", {"categories": [], "products": []}, "categories"),
        ("limit", {"max_minor": "", "max_count": ""}, "max_minor"),
        ("limit", {"max_minor": "", "max_count": "2", "window": "sale"}, "max_minor"),
        ("prices", {"class_1": ""}, "__all__"),
        ("prices", {"class_1": "much"}, "class_1"),
        ("percent-voucher", {"percent_bp": "0"}, "percent_bp"),
        ("free-meal", {"agreed_minor": "0"}, "agreed_minor"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_and_nothing_is_lost(
    admin: Client, key: str, wrong: dict[str, Any], field: str
) -> None:
    before = rules()
    response = admin.post(f"/admin/templates/{key}/", {**filled(key), **wrong, "set-up": "1"})
    assert response.status_code == 200
    assert field in response.context["form"].errors
    assert rules() == before
    typed = filled(key).get("name")
    assert typed is None or typed in response.content.decode()


def test_each_price_class_given_a_share_gets_its_rule(admin: Client) -> None:
    codes = list(PriceClass.objects.order_by("code").values_list("code", flat=True)[:2])
    shares = dict(zip(codes, ("80", "130"), strict=True))
    data = {**filled("prices"), **{f"class_{code}": share for code, share in shares.items()}, "set-up": "1"}
    before = set(PriceRule.objects.values_list("pk", flat=True))
    admin.post("/admin/templates/prices/", data)
    made = PriceRule.objects.exclude(pk__in=before).order_by("id")
    assert [(rule.percent_bp, [each.code for each in rule.classes.all()]) for rule in made] == [
        (8_000, [codes[0]]),
        (13_000, [codes[1]]),
    ]


def test_whoever_may_not_add_a_rule_may_not_use_its_template(world: World) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="add_block"))
    client = Client()
    client.force_login(clerk)
    shown = client.get("/admin/templates/").context["setups"]
    assert {setup.model for setup in shown} == {"block"}
    before = rules()
    for setup in SETUPS:
        answer = client.post(f"/admin/templates/{setup.key}/", {**filled(setup.key), "set-up": "1"})
        assert (answer.status_code == 302) == (setup.model == "block")
    assert rules() == before + sum(setup.model == "block" for setup in SETUPS)


def test_a_template_that_does_not_exist_is_not_found(admin: Client) -> None:
    assert admin.get("/admin/templates/nothing/").status_code == 404
