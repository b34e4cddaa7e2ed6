"""The page that answers what somebody would pay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ecard.merchants.models import Placement, Product
from tests.support.settling import World

ADDRESS = "/admin/ask/"


def question(world: World, **changed: str) -> dict[str, str]:
    return {
        "person": world.person().number,
        "outlet": str(world.campus.outlet.pk),
        "amount_minor": "12",
        "at_0": "2026-11-20",
        "at_1": "12:05",
        **changed,
    }


def test_the_address_is_in_the_sidebar_of_whoever_may_ask(world: World, admin: Client) -> None:
    assert reverse("office-ask") == ADDRESS
    assert ADDRESS in admin.get("/admin/").content.decode()


@pytest.mark.parametrize(("language", "said"), [("en", "List price ¥12.00"), ("zh-hans", "标价 ¥12.00")])
def test_every_step_is_a_sentence_in_the_readers_language(
    world: World, admin: Client, language: str, said: str
) -> None:
    page = admin.get(ADDRESS, question(world), headers={"accept-language": language}).content.decode()
    assert said in page
    assert "¥5.00" in page
    assert "¥7.00" in page


def test_a_name_that_several_people_have_is_asked_back(world: World, admin: Client) -> None:
    page = admin.get(ADDRESS, question(world, person="张三")).content.decode()
    assert all(person.number in page for person in world.campus.people)


def test_a_person_who_is_not_there_is_said_to_be_not_there(world: World, admin: Client) -> None:
    page = admin.get(ADDRESS, question(world, person="nobody-1"), headers={"accept-language": "en"}).content.decode()
    assert "Nobody is found by that" in page


@pytest.mark.parametrize(
    "changed",
    [{"at_0": "yesterday"}, {"outlet": "x"}, {"outlet": "32000"}, {"amount_minor": "1e9"}, {"person": ""}],
)
def test_a_question_that_makes_no_sense_keeps_what_was_typed(
    world: World, admin: Client, changed: dict[str, str]
) -> None:
    response = admin.get(ADDRESS, question(world, **changed))
    assert response.status_code == 200
    assert response.context["form"].errors
    assert "answer" not in response.context


def test_products_of_the_outlet_can_be_asked_for(world: World, admin: Client, fill: Callable[[int], None]) -> None:
    fill(1)
    (product,) = Product.objects.all()[:1]
    Placement.objects.get_or_create(product=product, outlet=world.campus.outlet)
    asked = {f"product-{product.pk}": "2", "product-999999": "2", "product-x": "9"}
    page = admin.get(ADDRESS, question(world, amount_minor="3", **asked))
    assert page.status_code == 200
    assert page.context["answer"].quote.list_minor == 3_00 + 2 * product.price_minor


def test_whoever_may_not_see_cardholders_may_not_ask(world: World) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_outlet"))
    client = Client()
    client.force_login(clerk)
    assert client.get(ADDRESS, question(world)).status_code == 403
    assert ADDRESS not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("day", ["9999-12-31", "1000-01-01"])
def test_a_moment_of_another_age_is_asked_again_and_what_was_typed_stands(
    world: World, admin: Client, day: str
) -> None:
    answer = admin.get(ADDRESS, question(world, at_0=day))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Ask about a moment within ten years of now." in page
    assert day in page
    assert "List price" not in page
