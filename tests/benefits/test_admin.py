"""Rules in the admin, and the page that publishes them: real requests against the real pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from devices.core.keys import Role
from devices.core.signing import POLICY_DOMAIN, verifies
from ecard.benefits.models import AgeStep, Grant, PriceRule, Programme, PublishedPolicy, SpendLimit
from ecard.benefits.operations import issue_grants, open_programme
from ecard.benefits.queries import policy_by_number
from ecard.codes.models import IssuerKey
from ecard.ledger.models import AccountKind
from ecard.merchants.operations import close_outlet
from tests.support.campus import NOON, Campus, make_campus
from tests.support.issuing import make_keys_ready

pytestmark = pytest.mark.django_db


@pytest.fixture
def campus() -> Campus:
    return make_campus()


@pytest.fixture
def admin() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def page(client: Client, name: str, *args: object) -> str:
    response = client.get(reverse(f"admin:{name}", args=args))
    assert response.status_code == 200
    return response.content.decode()


def send(client: Client, name: str, data: Mapping[str, Any], *args: object) -> HttpResponse:
    return client.post(  # type: ignore[return-value]  # the test client's own response type
        reverse(f"admin:{name}", args=args), dict(data)
    )


def test_a_programme_is_opened_with_a_sponsor_and_told_in_one_sentence(admin: Client, campus: Campus) -> None:
    form = {
        "name": "餐补",
        "name_en": "Meal subsidy",
        "part_payment": "on",
        "order": "3",
        "active": "on",
        "outlets": [campus.outlet.pk],
        "periods": [campus.lunch.pk],
        "weekdays": ["0", "4"],
    }
    assert send(admin, "benefits_programme_add", form).status_code == 302
    programme = Programme.objects.get()
    assert programme.sponsor.account.kind == AccountKind.SPONSOR
    assert (programme.order, programme.weekdays) == (3, [0, 4])
    sentence = "“Meal subsidy” pays as much as is left of it, at 1号窗口, at Lunch, on Monday, Friday."
    assert sentence in page(admin, "benefits_programme_changelist")
    assert sentence in page(admin, "benefits_programme_change", programme.pk)


def test_a_share_is_typed_in_percent_and_kept_exactly(admin: Client, campus: Campus) -> None:
    form = {"name": "八折", "percent_bp": "87.5", "add_minor": "-0.50", "active": "on", "groups": [campus.group.pk]}
    assert send(admin, "benefits_pricerule_add", form).status_code == 302
    rule = PriceRule.objects.get()
    assert (rule.percent_bp, rule.add_minor) == (8_750, -50)
    shown = page(admin, "benefits_pricerule_change", rule.pk)
    assert 'value="87.5"' in shown
    assert "for Students the price is 87.5 % of the list price plus -¥0.50, everywhere, at any time." in shown


@pytest.mark.parametrize("typed", ["", "x", "-1", "1000.01", "80.001", "NaN", "Infinity"])
def test_a_share_that_is_none_is_refused(admin: Client, campus: Campus, typed: str) -> None:
    form = {"name": "八折", "percent_bp": typed, "add_minor": "0", "active": "on"}
    assert send(admin, "benefits_pricerule_add", form).status_code == 200
    assert not PriceRule.objects.exists()


@pytest.mark.parametrize(
    ("window", "max_minor", "max_count", "accepted"),
    [
        ("sale", "10", "", True),
        ("day", "", "3", True),
        ("day", "10", "3", True),
        ("day", "", "", False),
        ("sale", "", "3", False),
        ("day", "-1", "", False),
    ],
)
def test_a_limit_limits_something(
    admin: Client, campus: Campus, window: str, max_minor: str, max_count: str, accepted: bool
) -> None:
    form = {
        "name": "限",
        "window": window,
        "on": "purse",
        "max_minor": max_minor,
        "max_count": max_count,
        "active": "on",
    }
    response = send(admin, "benefits_spendlimit_add", form)
    assert (response.status_code == 302) is accepted
    assert SpendLimit.objects.exists() is accepted


def test_rules_are_taken_out_of_use_and_never_deleted(admin: Client, campus: Campus) -> None:
    rule = PriceRule.objects.create(name="八折")
    assert send(admin, "benefits_pricerule_delete", {"post": "yes"}, rule.pk).status_code == 403


def test_lists_take_the_same_number_of_queries_for_one_rule_and_for_many(admin: Client, campus: Campus) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            page(admin, "benefits_pricerule_changelist")
        return len(counted)

    def add() -> None:
        rule = PriceRule.objects.create(name="八折")
        rule.outlets.set([campus.outlet])
        rule.groups.set([campus.group])

    add()
    first = queries()
    for _ in range(8):
        add()
    assert queries() == first


def test_a_grant_is_looked_at_and_not_touched(admin: Client, campus: Campus) -> None:
    programme = open_programme(name="餐补")
    issue_grants(
        programme=programme,
        cardholders=campus.people,
        amount_minor=1_234,
        period_key="2026-11",
        expires_at=NOON + timedelta(days=9),
        at=NOON,
    )
    assert page(admin, "benefits_grant_changelist").count("¥12.34") >= len(campus.people)
    grant = Grant.objects.first()
    assert grant is not None
    assert send(admin, "benefits_grant_change", {"amount_minor": "99"}, grant.pk).status_code == 403


def test_publishing_shows_what_changes_then_signs_it(admin: Client, campus: Campus) -> None:
    make_keys_ready(at=timezone.now())
    first = page(admin, "benefits_publishedpolicy_publish")
    assert "Nothing has been published yet" in first
    assert send(admin, "benefits_publishedpolicy_publish", {}).status_code == 302
    rule = PriceRule.objects.create(name="八折", name_en="Four fifths", percent_bp=8_000)
    rule.classes.set([campus.price_class])
    changed = page(admin, "benefits_publishedpolicy_publish")
    assert "“Four fifths”: for Student the price is 80 % of the list price, everywhere, at any time." in changed
    assert "5 rules stay as they are" in changed
    send(admin, "benefits_publishedpolicy_publish", {})
    assert [each.percent_bp for each in policy_by_number(2).prices] == [8_000]
    assert "Nothing: the rules are as they were published" in page(admin, "benefits_publishedpolicy_publish")
    published = PublishedPolicy.objects.get(number=2)
    key = IssuerKey.objects.get(role=Role.SNAPSHOT, key_id=published.key_id)
    assert verifies(
        public=bytes.fromhex(key.public),
        domain=POLICY_DOMAIN,
        message=bytes(published.body),
        signature=bytes(published.signature),
    )
    assert "Four fifths" in page(admin, "benefits_publishedpolicy_change", 2)


def test_what_forbids_publishing_is_told_before_and_after_the_button(admin: Client, campus: Campus) -> None:
    make_keys_ready(at=timezone.now())
    rule = PriceRule.objects.create(name="八折")
    rule.outlets.set([campus.outlet])
    close_outlet(outlet=campus.outlet, at=NOON)
    sentence = f"“八折” names an outlet that is closed or not there ({campus.outlet.pk})."
    assert sentence in page(admin, "benefits_publishedpolicy_publish")
    assert sentence in send(admin, "benefits_publishedpolicy_publish", {}).content.decode()
    assert not PublishedPolicy.objects.exists()


def test_without_a_key_nothing_is_published_and_the_page_says_so(admin: Client, campus: Campus) -> None:
    assert "no key to sign with" in send(admin, "benefits_publishedpolicy_publish", {}).content.decode()
    assert not PublishedPolicy.objects.exists()


def test_a_start_in_the_past_is_refused_on_the_page(admin: Client, campus: Campus) -> None:
    make_keys_ready(at=timezone.now())
    form = {"starts_at_0": "2020-01-01", "starts_at_1": "00:00"}
    assert "never in the past" in send(admin, "benefits_publishedpolicy_publish", form).content.decode()
    assert not PublishedPolicy.objects.exists()


def test_a_bad_administrator_without_the_right_cannot_publish(campus: Campus) -> None:
    make_keys_ready(at=timezone.now())
    user = User.objects.create_user("office", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_publishedpolicy", "change_pricerule"]))
    client = Client()
    client.force_login(user)
    assert reverse("admin:benefits_publishedpolicy_publish") not in page(client, "benefits_publishedpolicy_changelist")
    assert send(client, "benefits_publishedpolicy_publish", {}).status_code == 403
    assert not PublishedPolicy.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(900, "15 minutes"), (3_600, "1 hour"), (604_800, "7 days"), (90, "90 seconds"), (5_400, "90 minutes")],
)
def test_an_offline_step_is_told_in_the_largest_whole_unit(admin: Client, seconds: int, told: str) -> None:
    AgeStep.objects.all().delete()
    AgeStep.objects.create(up_to_s=seconds, sale_minor=1_00, person_minor=2_00)
    assert f"Out of contact for up to {told}, a terminal sells at most ¥1.00 at once and ¥2.00 to a person." in page(
        admin, "benefits_agestep_changelist"
    )
