"""Attributes and lists in the administrator's pages."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from ecard.cardholders.models import Cardholder, Group, ListKind, PersonList
from tests.cardholders.test_admin import answer, page
from tests.cardholders.test_lists import people as people
from tests.cardholders.test_lists import staff as staff
from tests.cardholders.test_lists import students as students

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def test_attributes_are_typed_one_a_line(admin: Client, people: list[Cardholder]) -> None:
    person = people[0]
    none = {f"{name}-{count}_FORMS": 0 for name in ("cards", "stops") for count in ("TOTAL", "INITIAL")}
    typed = {"name": "张三", "group": person.group_id, "user": "", "attributes": "grade = 4\nDepartment＝物理", **none}
    assert "grade=1" in page(admin, "cardholders_cardholder_change", person.pk)
    assert answer(admin, "cardholders_cardholder_change", typed, person.pk).status_code == 302
    person.refresh_from_db()
    assert person.attributes == {"department": "物理", "grade": "4"}
    refused = answer(admin, "cardholders_cardholder_change", {**typed, "attributes": "grade"}, person.pk)
    assert refused.status_code == 200
    assert "does not look like name=value" in refused.content.decode()
    assert answer(admin, "cardholders_cardholder_add", {**typed, "number": "N1", "name": "新"}).status_code == 302
    assert Cardholder.objects.get(number="N1").attributes == {"department": "物理", "grade": "4"}


def test_a_list_by_attributes_is_made_and_counts_its_people(
    admin: Client, people: list[Cardholder], staff: Group
) -> None:
    typed = {"code": "third", "name": "三年级", "name_en": "Third", "kind": ListKind.BY_ATTRIBUTES.value}
    assert answer(admin, "cardholders_personlist_add", {**typed, "conditions": ""}).status_code == 200
    assert answer(admin, "cardholders_personlist_add", {**typed, "conditions": "grade=3"}).status_code == 302
    made = PersonList.objects.get(code="third")
    shown = page(admin, "cardholders_personlist_change", made.pk)
    assert "2 people" in shown
    assert "grade = 3" in page(admin, "cardholders_personlist_changelist")
    changed = {"name": "三年级职工", "name_en": "", "conditions": "grade=3", "groups": [staff.pk]}
    assert answer(admin, "cardholders_personlist_change", changed, made.pk).status_code == 302
    assert "1 person" in page(admin, "cardholders_personlist_change", made.pk)
    assert list(PersonList.objects.get(pk=made.pk).groups.all()) == [staff]


def test_an_uploaded_list_asks_for_nothing(admin: Client, people: list[Cardholder]) -> None:
    typed = {"code": "named", "name": "名单", "kind": ListKind.UPLOADED.value}
    refused = answer(admin, "cardholders_personlist_add", {**typed, "conditions": "grade=3"})
    assert "asks for nothing" in refused.content.decode()
    assert answer(admin, "cardholders_personlist_add", typed).status_code == 302


def test_people_are_added_and_taken_off_by_their_numbers(admin: Client, people: list[Cardholder]) -> None:
    answer(admin, "cardholders_personlist_add", {"code": "named", "name": "名单", "kind": ListKind.UPLOADED.value})
    made = PersonList.objects.get()
    form = {"_form_submitted": "on", "numbers": "P0，P1 P2\nP99"}
    assert answer(admin, "cardholders_personlist_add_people", form, made.pk).headers["HX-Redirect"]
    shown = page(admin, "cardholders_personlist_change", made.pk)
    assert "3 people" in shown
    assert "P99" in shown
    answer(admin, "cardholders_personlist_remove_people", {**form, "numbers": "P1"}, made.pk)
    members = page(admin, "cardholders_listmember_changelist", query=f"?person_list__id__exact={made.pk}")
    assert "P0" in members
    assert "P1" not in members
    many = {**form, "numbers": " ".join(f"X{number}" for number in range(1_001))}
    assert "come from a file" in answer(admin, "cardholders_personlist_add_people", many, made.pk).content.decode()


def test_a_clerk_who_may_only_look_changes_no_list(people: list[Cardholder]) -> None:
    made = PersonList.objects.create(code="named", name="名单")
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    address = reverse("admin:cardholders_personlist_add_people", args=[made.pk])
    assert clerk.post(address, {"_form_submitted": "on", "numbers": "P0"}).status_code == 403
    assert made.members.count() == 0
