"""The database notes every change of a rule: who, when, from what to what; and nobody edits what it noted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation
from psycopg.errors import InsufficientPrivilege
from pytest_django import DjangoAssertNumQueries

from ecard.benefits.models import LimitOn, PriceRule, SpendLimit, Window
from ecard.cardholders.models import Group, ListKind
from ecard.cardholders.operations import save_list
from ecard.cardholders.rules import Condition
from ecard.history import queries
from ecard.history.middleware import acting
from ecard.history.models import TRACKED, Verb
from ecard.history.queries import Entry
from ecard.merchants.models import MealPeriod, Outlet
from tests.support.campus import NOON, Campus, make_campus


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Whatever language a page of an earlier test was read in."""
    with translation.override("en"):
        yield


@pytest.fixture
def campus(db: None) -> Campus:
    return make_campus()


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", password="a long password")


@pytest.fixture
def admin(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def newest(label: str, key: int) -> Entry:
    return queries.history(label=label, key=key).entries[0]


def said(entry: Entry) -> dict[str, tuple[str, str]]:
    return {cell.field: (cell.before, cell.after) for cell in entry.cells}


@pytest.mark.django_db
def test_every_tracked_model_and_each_of_its_relations_is_watched() -> None:
    """Whoever adds a rule, or a relation to one, is told here that its history would be lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgargs FROM pg_trigger WHERE tgname = 'history_note' AND NOT tgisinternal"
        )
        watched = {table: bytes(args).split(b"\x00")[:-1] for table, args in cursor.fetchall()}
    expected: dict[str, list[bytes]] = {}
    for label in TRACKED:
        model = apps.get_model(label)
        key = str(model._meta.pk.column)
        expected[model._meta.db_table] = [label.encode(), key.encode(), b"", b""]
        for field in model._meta.many_to_many:
            through: Any = field.remote_field.through
            if through._meta.auto_created:
                columns = (field.m2m_column_name(), field.name, field.m2m_reverse_name())
                expected[through._meta.db_table] = [label.encode(), *(each.encode() for each in columns)]
    assert watched == expected


@pytest.fixture
def committed(committed_db: None) -> Campus:
    return make_campus()


def test_changes_are_folded_by_transaction_and_name_who_made_them(committed: Campus) -> None:
    boss = User.objects.create_superuser("boss")
    with transaction.atomic():
        rule = PriceRule.objects.create(name="职工价", name_en="Staff", percent_bp=9_000)
        rule.groups.set([committed.group])
    with acting(boss.pk), transaction.atomic():
        rule.percent_bp, rule.add_minor, rule.weekdays = 8_000, 50, [0, 6]
        rule.save()
        rule.groups.set([])
        rule.outlets.set([committed.outlet, committed.other_outlet])
    with transaction.atomic():
        rule.save()
    made, changed = reversed(queries.history(label="benefits.pricerule", key=rule.pk).entries)
    assert (made.verb, made.by) == (Verb.INSERT, "")
    assert said(made)["Groups"] == ("–", "Students")
    assert (changed.verb, changed.by, changed.name) == (Verb.UPDATE, "boss", "Staff")
    assert said(changed) == {
        "Share of the list price, %": ("90 %", "80 %"),
        "Plus": ("¥0.00", "¥0.50"),
        "Weekdays": ("–", "Monday, Sunday"),
        "Groups": ("Students", "–"),
        "Outlets": ("–", "1号窗口, 2号窗口"),
    }
    with translation.override("zh-hans"):
        assert queries.history(label="benefits.pricerule", key=rule.pk).entries[0].name == "职工价"


def test_statements_by_hand_and_in_bulk_are_noted_too(committed: Campus) -> None:
    SpendLimit.objects.bulk_create(
        [SpendLimit(name="限", window=Window.DAY, on=LimitOn.TOTAL, max_minor=100_00) for _each in range(2)]
    )
    SpendLimit.objects.update(max_minor=50_00)
    limits = list(SpendLimit.objects.order_by("pk"))
    for limit in limits:
        assert said(newest("benefits.spendlimit", limit.pk)) == {"At most": ("¥100.00", "¥50.00")}
    key = limits[0].pk
    limits[0].delete()
    gone = newest("benefits.spendlimit", key)
    assert (gone.verb, gone.name) == (Verb.DELETE, "限")


def test_a_group_a_meal_and_a_product_have_their_history(committed: Campus) -> None:
    Group.objects.filter(pk=committed.group.pk).update(per_sale_limit_minor=70_00)
    assert said(newest("cardholders.group", committed.group.pk)) == {"Limit per sale": ("¥60.00", "¥70.00")}
    MealPeriod.objects.filter(pk=committed.lunch.pk).update(end_minute=840)
    assert said(newest("merchants.mealperiod", committed.lunch.pk)) == {"To": ("13:30", "14:00")}


def test_what_a_list_asks_for_is_told_in_words(committed: Campus) -> None:
    for conditions in ([Condition("grade", ("3",))], [Condition("grade", ("3", "4")), Condition("hall", ("7",))]):
        made = save_list(code="third", name="三年级", kind=ListKind.BY_ATTRIBUTES, conditions=conditions, at=NOON)
    assert said(newest("cardholders.personlist", made.pk)) == {"Conditions": ("grade = 3", "grade = 3 / 4 · hall = 7")}


def test_a_failed_request_leaves_nobodys_name_on_the_connection(committed: Campus) -> None:
    boss = User.objects.create_superuser("boss")
    with pytest.raises(ZeroDivisionError), acting(boss.pk):
        raise ZeroDivisionError
    Group.objects.filter(pk=committed.group.pk).update(per_sale_limit_minor=70_00)
    assert newest("cardholders.group", committed.group.pk).by == ""


def test_a_change_by_request_is_its_logins(committed: Campus) -> None:
    boss = User.objects.create_superuser("boss")
    client = Client()
    client.force_login(boss)
    outlet = committed.outlet
    address = reverse("admin:merchants_outlet_change", args=[outlet.pk])
    answer = client.post(address, {"merchant": outlet.merchant_id, "name": "新窗口", "name_en": ""})
    assert answer.status_code == 302
    entry = newest("merchants.outlet", outlet.pk)
    assert (entry.by, said(entry)) == ("boss", {"Name": ("1号窗口", "新窗口")})
    assert Outlet.objects.get(pk=outlet.pk).name == "新窗口"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO history_rulechange (at, transaction, label, key, field, verb)"
        " VALUES (now(), 1, 'benefits.pricerule', 1, '', 'UPDATE')",
        "UPDATE history_rulechange SET by_id = NULL",
        "DELETE FROM history_rulechange",
        "TRUNCATE history_rulechange",
        "ALTER TABLE benefits_pricerule DISABLE TRIGGER history_note",
        "SET session_replication_role = replica",
    ],
)
def test_a_bad_administrator_with_the_servers_role_cannot_rewrite_the_history(
    app_connection: psycopg.Connection[Any], statement: str
) -> None:
    with pytest.raises(InsufficientPrivilege):
        app_connection.execute(statement)


def test_not_even_the_owner_edits_the_history_by_mistake(owner_connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(InsufficientPrivilege):
        owner_connection.execute("UPDATE history_rulechange SET by_id = NULL")


def test_the_page_of_all_rules_is_chosen_from_and_turned(admin: Client, boss: User, campus: Campus) -> None:
    with acting(boss.pk):
        Group.objects.filter(pk=campus.group.pk).update(per_sale_limit_minor=70_00)
    address = reverse("admin:history_rulechange_changelist")
    shown = admin.get(address).content.decode()
    assert "Limit per sale" in shown
    assert "boss" in shown
    assert "Limit per sale" not in admin.get(address, {"kind": "merchants.outlet"}).content.decode()
    for odd in ({"kind": "auth.user"}, {"by": "x"}, {"before": "-1"}, {"before": "9" * 30}):
        assert admin.get(address, odd).status_code == 200
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    assert clerk.get(address).status_code == 403


def test_a_long_history_is_read_page_by_page_in_few_statements(
    committed: Campus, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(100):
        Group.objects.filter(pk=committed.group.pk).update(per_sale_limit_minor=(number + 1) * 100)
    found: list[str] = []
    page = None
    while page is None or page.older is not None:
        with django_assert_max_num_queries(12):
            page = queries.history(
                label="cardholders.group", key=committed.group.pk, before=page.older if page else None
            )
        found += [said(entry)["Limit per sale"][1] for entry in page.entries if entry.verb == Verb.UPDATE]
    assert found == [f"¥{number}.00" for number in range(100, 0, -1)]
