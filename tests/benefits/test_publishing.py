"""Compiling the models and publishing what they say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction

from devices.core.evaluate import evaluate, place
from devices.core.messages import SignedPolicy
from devices.core.policy import decode_policy
from devices.core.quote import Line, Lot, Person
from ecard.benefits.errors import DraftOvertaken, PolicyRefused, UnknownPolicy
from ecard.benefits.models import PriceRule, PublishedPolicy, SpendLimit
from ecard.benefits.operations import compile_policy, open_programme, publish_draft, publish_policy
from ecard.benefits.queries import policies_for_terminals, policy_by_number
from ecard.benefits.rules import ProblemCode
from ecard.changes.models import Change, Topic
from ecard.merchants.operations import close_outlet, save_meal_period, save_outlet, save_site
from tests.support.campus import NOON, Campus, make_campus
from tests.support.database import OtherThread
from tests.support.policies import approved_draft, policy_in_force

KEY_ID = 3


def sign(body: bytes) -> SignedPolicy:
    return SignedPolicy(KEY_ID, b"s" * 64, body)


def publish(*, starts_in: timedelta = timedelta()) -> PublishedPolicy:
    """The first policy as set-up does, the next ones as people do."""
    if not PublishedPolicy.objects.exists():
        return publish_policy(at=NOON, starts_at=NOON + starts_in, by=None, sign=sign)
    draft = approved_draft(at=NOON)
    return publish_draft(draft_id=draft.pk, starts_at=NOON + starts_in, by=None, at=NOON, sign=sign)


def make_rules(campus: Campus) -> None:
    programme = open_programme(name="餐补", name_en="Meal subsidy")
    programme.outlets.set([campus.outlet])
    programme.periods.set([campus.lunch])
    rule = PriceRule.objects.create(name="学生八折", percent_bp=8_000)
    rule.classes.set([campus.price_class])
    limit = SpendLimit.objects.create(name="每日", window="day", on="purse", max_minor=50_00)
    limit.groups.set([campus.group])


@pytest.mark.django_db
def test_the_compiled_policy_prices_and_funds_as_the_models_say() -> None:
    campus = make_campus()
    make_rules(campus)
    policy = decode_policy(bytes(publish().body))
    zone = NOON.tzinfo
    assert zone is not None
    tap = place(
        at_s=int(NOON.timestamp()),
        zone=zone,
        site=campus.site.pk,
        outlet=campus.outlet.pk,
        day_starts_min=0,
        policy=policy,
    )
    person = Person(
        account_ref=1,
        price_class=1,
        purse_minor=100_00,
        per_sale_minor=60_00,
        groups=(campus.group.pk,),
        lots=(Lot(9, policy.programmes[0].id, 3_00, int(NOON.timestamp()) + 60),),
    )
    outside = evaluate(policy=policy, person=person, tap=tap, basket=(Line(10_00),))
    assert [(leg.source, leg.amount_minor) for leg in outside.legs] == [("purse", 8_00)]
    at_lunch = place(
        at_s=int(NOON.timestamp()),
        zone=ZoneInfo("Asia/Shanghai"),
        site=campus.site.pk,
        outlet=campus.outlet.pk,
        day_starts_min=0,
        policy=policy,
    )
    assert at_lunch.period == campus.lunch.pk
    inside = evaluate(policy=policy, person=person, tap=at_lunch, basket=(Line(10_00),))
    assert [(leg.source, leg.amount_minor) for leg in inside.legs] == [("lot", 3_00), ("purse", 5_00)]


@pytest.mark.django_db
def test_compiling_takes_the_same_number_of_queries_for_one_rule_and_for_many(
    django_assert_num_queries: Any, django_assert_max_num_queries: Any
) -> None:
    campus = make_campus()
    make_rules(campus)
    with django_assert_max_num_queries(60) as counted:
        compile_policy(number=1, starts_at=NOON)
    for number in range(10):
        rule = PriceRule.objects.create(name=f"规则{number}")
        rule.outlets.set([campus.outlet])
    with django_assert_num_queries(len(counted)):
        compile_policy(number=1, starts_at=NOON)


@pytest.mark.django_db
def test_a_rule_out_of_use_is_left_out() -> None:
    campus = make_campus()
    make_rules(campus)
    PriceRule.objects.update(active=False)
    assert compile_policy(number=1, starts_at=NOON).prices == ()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("start", "end", "minute", "inside"),
    [
        (1_320, 1_560, 1_330, True),
        (1_320, 1_560, 100, True),
        (1_320, 1_560, 120, False),
        (840, 1_440, 1_439, True),
        (840, 1_440, 0, False),
    ],
)
def test_a_period_past_midnight_means_the_same_in_the_policy(start: int, end: int, minute: int, inside: bool) -> None:
    site = save_site(code="main", name="本部", at=NOON, zone="UTC")
    period = save_meal_period(site=site, code="night", name="夜宵", start_minute=start, end_minute=end, at=NOON)
    policy = compile_policy(number=1, starts_at=NOON)
    midnight = NOON.replace(hour=0)
    zone = NOON.tzinfo
    assert zone is not None
    tap = place(
        at_s=int(midnight.timestamp()) + minute * 60,
        zone=zone,
        site=site.pk,
        outlet=0,
        day_starts_min=0,
        policy=policy,
    )
    assert (tap.period == period.pk) is inside


@pytest.mark.django_db
def test_publishing_numbers_signs_and_tells_terminals() -> None:
    campus = make_campus()
    make_rules(campus)
    first, second = publish(), publish(starts_in=timedelta(hours=1))
    assert (first.number, second.number) == (1, 2)
    assert (first.key_id, bytes(first.signature)) == (KEY_ID, b"s" * 64)
    assert Change.objects.filter(topic=Topic.POLICY).values_list("refs", flat=True).last() == [2]
    assert policy_by_number(2).starts_at_s == int(NOON.timestamp()) + 3600
    with pytest.raises(UnknownPolicy):
        policy_by_number(3)


@pytest.mark.django_db
def test_a_policy_naming_a_closed_outlet_is_refused() -> None:
    campus = make_campus()
    make_rules(campus)
    close_outlet(outlet=campus.outlet, at=NOON)
    with pytest.raises(PolicyRefused) as refused:
        publish()
    assert [problem.code for problem in refused.value.problems] == [ProblemCode.UNKNOWN_OUTLET]
    assert not PublishedPolicy.objects.exists()


@pytest.mark.django_db
def test_a_rule_that_can_never_apply_is_refused() -> None:
    campus = make_campus()
    make_rules(campus)
    elsewhere = save_site(code="south", name="南区", at=NOON)
    rule = PriceRule.objects.get()
    rule.sites.set([elsewhere])
    rule.outlets.set([save_outlet(site=campus.site, merchant=campus.merchant, code="x", name="x", at=NOON)])
    with pytest.raises(PolicyRefused, match="never_applies"):
        publish()


@pytest.mark.django_db
def test_a_start_in_the_past_is_refused() -> None:
    with pytest.raises(PolicyRefused, match="starts_in_the_past"):
        publish(starts_in=timedelta(seconds=-1))


@pytest.mark.django_db
def test_terminals_get_the_policy_in_force_and_what_comes_next() -> None:
    assert policies_for_terminals(NOON) == ()
    assert policy_in_force(NOON) is None
    for hours in (0, 0, 3, 1, 2):
        publish(starts_in=timedelta(hours=hours))
    assert [decode_policy(each.body).number for each in policies_for_terminals(NOON)] == [2, 4, 5]
    at_four = policies_for_terminals(NOON + timedelta(hours=4))
    assert [decode_policy(each.body).number for each in at_four] == [5]
    in_force = policy_in_force(NOON + timedelta(hours=1, minutes=1))
    assert in_force is not None
    assert in_force.number == 4


def test_of_administrators_who_publish_at_once_one_does_and_the_others_are_told(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    publish()
    drafts = [approved_draft(at=NOON, name=f"draft {number}").pk for number in range(3)]

    def publish_one(draft_id: int) -> int:
        try:
            return publish_draft(draft_id=draft_id, starts_at=NOON, by=None, at=NOON, sign=sign).number
        except DraftOvertaken:
            return 0

    threads = [second_connection(partial(publish_one, draft_id)) for draft_id in drafts]
    assert sorted(thread.wait() for thread in threads) == [0, 0, 2]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE benefits_publishedpolicy SET starts_at = now()",
        "DELETE FROM benefits_publishedpolicy",
        "TRUNCATE benefits_publishedpolicy",
    ],
)
def test_a_bad_administrator_cannot_change_a_published_policy(statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_even_the_tables_owner_is_refused_without_dropping_the_guard(owner_connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="replaced by publishing another"):
        owner_connection.execute("UPDATE benefits_publishedpolicy SET key_id = 1")
