"""Rules in the admin: real requests against the real pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ecard.benefits.guardians import GUARDS_MAX
from ecard.benefits.models import (
    AgeStep,
    Grant,
    GuardianLimit,
    PolicySettings,
    PriceRule,
    Programme,
    ProgrammeKind,
    SpendLimit,
    Sponsor,
)
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor, transfer_voucher
from ecard.benefits.queries import guards_of
from ecard.changes.models import Change, Topic
from ecard.ledger.models import AccountKind
from ecard.merchants.models import Category
from tests.support.campus import NOON, Campus, make_campus

pytestmark = pytest.mark.django_db

ROUNDED = {"round_to_minor": "10", "rounding": "down", "active": "on"}


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


def a_programme(**of: Any) -> dict[str, Any]:
    """A form as the page sends it."""
    usual = {
        "name": "餐补",
        "name_en": "Meal subsidy",
        "kind": "subsidy",
        "part_payment": "on",
        "order": "3",
        "most_minor": "0",
        "threshold_minor": "0",
        "percent_bp": "0",
        "pieces": "1",
        "schedule": "hand",
        "schedule_day": "1",
        "ends": "period",
        "active": "on",
    }
    return {**usual, **of}


def test_a_programme_is_opened_with_a_sponsor_and_told_in_one_sentence(admin: Client, campus: Campus) -> None:
    form = a_programme(
        outlets=[campus.outlet.pk],
        periods=[campus.lunch.pk],
        weekdays=["0", "4"],
        for_groups=[campus.group.pk],
        for_attributes="grade=1,2",
        amount_minor="100",
        schedule="monthly",
    )
    assert send(admin, "benefits_programme_add", form).status_code == 302
    programme = Programme.objects.get()
    assert programme.sponsor.account.kind == AccountKind.SPONSOR
    assert (programme.order, programme.weekdays, programme.amount_minor) == (3, [0, 4], 100_00)
    assert programme.for_attributes == {"grade": ["1", "2"]}
    sentence = (
        "“Meal subsidy”: on the 1st of each month Students with grade = 1 / 2 get ¥100, to be spent only at 1号窗口,"
        " at Lunch, on Monday, Friday; what is left at the end of the month is lost."
    )
    assert sentence in page(admin, "benefits_programme_changelist")
    shown = page(admin, "benefits_programme_change", programme.pk)
    assert sentence in shown
    assert "grade=1,2" in shown
    assert send(admin, "benefits_programme_change", form, programme.pk).status_code == 302


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"schedule": "monthly"}, "amount_minor"),
        ({"schedule": "dates", "amount_minor": "1"}, "schedule_dates"),
        ({"schedule": "dates", "amount_minor": "1", "schedule_dates": "1 September"}, "schedule_dates"),
        ({"schedule": "weekly", "amount_minor": "1", "schedule_day": "8"}, "schedule_day"),
        ({"ends": "days"}, "ends_days"),
        ({"ends": "date"}, "ends_on"),
        ({"ends": "rollover"}, "rollover_cap_minor"),
        ({"kind": "voucher", "ends": "rollover", "rollover_cap_minor": "1"}, "ends"),
        ({"percent_bp": "100.01"}, "percent_bp"),
        ({"from_date": "2026-12-02", "to_date": "2026-12-01"}, "to_date"),
        ({"for_attributes": "grade"}, "for_attributes"),
    ],
)
def test_a_programme_that_lacks_what_its_terms_need_is_refused_at_the_field(
    admin: Client, campus: Campus, typed: dict[str, str], field: str
) -> None:
    response = send(admin, "benefits_programme_add", a_programme(**typed))
    assert list(response.context["adminform"].form.errors) == [field]  # type: ignore[attr-defined]  # of the test client
    assert not Programme.objects.exists()


def test_dates_of_each_term_are_typed_with_commas(admin: Client, campus: Campus) -> None:
    form = a_programme(schedule="dates", amount_minor="50", schedule_dates="2027-02-20，2026-09-01 2026-09-01")
    assert send(admin, "benefits_programme_add", form).status_code == 302
    assert [str(day) for day in Programme.objects.get().schedule_dates] == ["2026-09-01", "2027-02-20"]
    assert "on 2026-09-01, 2027-02-20 all people get ¥50" in page(admin, "benefits_programme_changelist")


def test_a_programme_that_was_issued_stays_of_its_kind_and_its_sponsors(admin: Client, campus: Campus) -> None:
    programme = open_programme(name="餐补")
    issue_grants(
        programme=programme,
        cardholders=campus.people,
        amount_minor=1_00,
        period_key="2026-11",
        expires_at=NOON + timedelta(days=9),
        at=NOON,
    )
    for moved in ({"kind": "voucher", "sponsor": programme.sponsor_id}, {"sponsor": open_sponsor(name="工会").pk}):
        response = send(admin, "benefits_programme_change", a_programme(**moved), programme.pk)
        assert "It was issued already" in response.content.decode()


def test_a_sponsor_has_an_account_and_its_budget_both_dates(admin: Client) -> None:
    form = {"name": "后勤", "name_en": "Logistics", "cost_centre": "C1", "budget_minor": "1000"}
    assert "both of its dates" in send(admin, "benefits_sponsor_add", form).content.decode()
    form |= {"budget_from": "2026-01-01", "budget_to": "2026-12-31"}
    assert send(admin, "benefits_sponsor_add", form).status_code == 302
    sponsor = Sponsor.objects.get()
    assert (sponsor.account.kind, sponsor.budget_minor) == (AccountKind.SPONSOR, 1000_00)
    assert "¥1,000.00" in page(admin, "benefits_sponsor_changelist")
    assert send(admin, "benefits_sponsor_change", {**form, "name": "后勤处"}, sponsor.pk).status_code == 302
    assert Sponsor.objects.get().name == "后勤处"


def test_free_meals_are_told_with_what_the_sponsor_bears(admin: Client, campus: Campus) -> None:
    sponsor = open_sponsor(name="后勤")
    form = {
        "name": "早餐",
        "name_en": "Breakfast",
        "sponsor": sponsor.pk,
        "window": "period",
        "count": "1",
        "agreed_minor": "6",
        "covers_minor": "10",
        "order": "0",
        "active": "on",
        "groups": [campus.group.pk],
        "periods": [campus.lunch.pk],
    }
    assert send(admin, "benefits_entitlement_add", form).status_code == 302
    told = (
        "“Breakfast”: Students eat free, once a meal, everywhere, at Lunch, up to a price of ¥10; the sponsor bears ¥6"
    )
    assert told in page(admin, "benefits_entitlement_changelist")
    assert send(admin, "benefits_entitlement_add", {**form, "agreed_minor": "0"}).status_code == 200


def test_a_restriction_names_what_it_restricts(admin: Client, campus: Campus) -> None:
    form = {"name": "禁可乐", "name_en": "No cola", "action": "refuse", "active": "on", "groups": [campus.group.pk]}
    assert "names product categories" in send(admin, "benefits_block_add", form).content.decode()
    cola = Category.objects.create(code="cola", name="可乐", name_en="Cola")
    assert send(admin, "benefits_block_add", {**form, "categories": [cola.pk]}).status_code == 302
    assert "“No cola”: Cola may not be sold to Students, everywhere, at any time." in page(
        admin, "benefits_block_changelist"
    )
    warned = {**form, "action": "warn", "avoided_only": "on"}
    assert send(admin, "benefits_block_add", warned).status_code == 200


def test_the_order_of_payment_is_one_page_made_on_first_use(admin: Client) -> None:
    page(admin, "benefits_policysettings_changelist")
    assert send(admin, "benefits_policysettings_add", {}).status_code == 403

    def save(*order: str) -> HttpResponse:
        places = {f"funding_order_{place}": source for place, source in enumerate(order)}
        return send(
            admin, "benefits_policysettings_change", {**places, "max_vouchers": "1", "low_balance_minor": "5"}, 1
        )

    for wrong in (("", "", "", ""), ("purse", "purse", "", ""), ("purse", "entitlement", "", ""), ("cash", "", "", "")):
        assert save(*wrong).status_code == 200
    assert save("entitlement", "lots", "", "purse").status_code == 302
    assert PolicySettings.objects.get().funding_order == ["entitlement", "lots", "purse"]
    told = "A sale is paid from free meals, then subsidies, then the purse; 1 voucher at most in one sale."
    assert told in page(admin, "benefits_policysettings_change", 1)


def test_a_price_rule_says_which_others_it_meets_and_which_of_them_wins(admin: Client, campus: Campus) -> None:
    general = PriceRule.objects.create(name="八折", name_en="Four fifths", percent_bp=8_000)
    general.classes.set([campus.price_class])
    special = PriceRule.objects.create(name="窗口价", name_en="Window price", percent_bp=9_000)
    special.outlets.set([campus.outlet])
    elsewhere = PriceRule.objects.create(name="别处", name_en="Elsewhere")
    elsewhere.outlets.set([campus.other_outlet])
    told = "For Student, at 1号窗口, at any time: “Window price” wins over “Four fifths”, because it names outlets."
    for rule in (general, special):
        assert told in page(admin, "benefits_pricerule_change", rule.pk)
    assert "Elsewhere" not in page(admin, "benefits_pricerule_change", special.pk)
    assert "“Elsewhere” wins over “Four fifths”" in page(admin, "benefits_pricerule_change", general.pk)


def test_a_guardians_limit_is_added_told_to_terminals_and_lifted_but_never_changed(
    admin: Client, campus: Campus
) -> None:
    person = campus.people[0]
    form = {"cardholder": person.pk, "window": "day", "max_minor": "20", "max_count": "3"}
    assert send(admin, "benefits_guardianlimit_add", form).status_code == 302
    limit = GuardianLimit.objects.get()
    told = Change.objects.filter(topic=Topic.CARDHOLDER).order_by("id").values_list("refs", flat=True)
    assert told.last() == [person.account_ref]
    assert guards_of([person.account_ref])[person.account_ref][0].max_minor == 20_00
    assert "At most ¥20 a day and at most 3 sales a day." in page(admin, "benefits_guardianlimit_changelist")
    send(admin, "benefits_guardianlimit_change", {**form, "max_minor": "9999"}, limit.pk)
    assert GuardianLimit.objects.get().max_minor == 20_00
    before = Change.objects.count()
    send(admin, "benefits_guardianlimit_lift", {"_form_submitted": "on"}, limit.pk)
    assert guards_of([person.account_ref]) == {}
    assert Change.objects.count() == before + 1


def test_a_guardian_who_sets_limits_without_end(admin: Client, campus: Campus) -> None:
    form = {"cardholder": campus.people[0].pk, "window": "day", "max_minor": "20"}
    for _ in range(GUARDS_MAX):
        assert send(admin, "benefits_guardianlimit_add", form).status_code == 302
    assert "as many limits as there may be" in send(admin, "benefits_guardianlimit_add", form).content.decode()
    assert GuardianLimit.objects.count() == GUARDS_MAX


@pytest.mark.parametrize(
    "typed",
    [{"window": "sale", "max_count": "2"}, {"window": "day"}, {"window": "day", "max_minor": "-1"}],
)
def test_a_guardians_limit_limits_something(admin: Client, campus: Campus, typed: dict[str, str]) -> None:
    form = {"cardholder": campus.people[0].pk, **typed}
    assert send(admin, "benefits_guardianlimit_add", form).status_code == 200
    assert not GuardianLimit.objects.exists()


def test_a_share_is_typed_in_percent_and_kept_exactly(admin: Client, campus: Campus) -> None:
    form = {**ROUNDED, "name": "八折", "percent_bp": "87.5", "add_minor": "-0.50", "groups": [campus.group.pk]}
    assert send(admin, "benefits_pricerule_add", form).status_code == 302
    rule = PriceRule.objects.get()
    assert (rule.percent_bp, rule.add_minor) == (8_750, -50)
    shown = page(admin, "benefits_pricerule_change", rule.pk)
    assert 'value="87.5"' in shown
    told = (
        "for Students the price is 87.5 % of the list price less ¥0.50, rounded down to a multiple of ¥0.10, everywhere"
    )
    assert told in shown


@pytest.mark.parametrize("typed", ["", "x", "-1", "1000.01", "80.001", "NaN", "Infinity"])
def test_a_share_that_is_none_is_refused(admin: Client, campus: Campus, typed: str) -> None:
    form = {**ROUNDED, "name": "八折", "percent_bp": typed, "add_minor": "0"}
    assert send(admin, "benefits_pricerule_add", form).status_code == 200
    assert not PriceRule.objects.exists()


@pytest.mark.parametrize(
    ("window", "max_minor", "max_count", "accepted"),
    [
        ("sale", "10", "", True),
        ("day", "", "3", True),
        ("day", "10", "3", True),
        ("week", "", "3", True),
        ("month", "500", "", True),
        ("period", "20", "", True),
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


def test_the_page_of_a_voucher_that_was_given_away_says_whom_it_was_issued_to(admin: Client, campus: Campus) -> None:
    giver, friend, *_rest = campus.people
    programme = open_programme(name="夜宵券")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, transferable=True)
    terms: dict[str, Any] = {
        "amount_minor": 15_00,
        "period_key": "2026-11",
        "expires_at": NOON + timedelta(days=9),
        "at": NOON,
    }
    issue_grants(programme=programme, cardholders=[giver], **terms)
    given = transfer_voucher(grant_id=Grant.objects.get().pk, to=friend.number, by=giver.pk, at=NOON)
    shown = page(admin, "benefits_grant_change", given.pk)
    assert str(giver) in shown
    assert str(friend) in shown


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
