"""From a draft to a policy and back: what is approved is what is published, once, by two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import ProgrammingError, connection, transaction
from django.utils.translation import override

from devices.core.evaluate import evaluate
from devices.core.messages import SignedPolicy
from devices.core.policy import decode_policy, in_force
from devices.core.quote import Line, Person, Tap
from ecard.approvals import operations as approvals
from ecard.approvals.errors import NotApproved, NotYetEffective, OtherContent, SamePerson
from ecard.approvals.models import Approval, Kind, State
from ecard.approvals.operations import declare_single_administrator
from ecard.benefits import drafts, operations
from ecard.benefits.drafts import Stage, stage_of, stages_of
from ecard.benefits.errors import AlreadyPublished, CannotGoBack, DraftEnded, DraftOvertaken, PolicyRefused
from ecard.benefits.models import DraftState, PolicyDraft, PriceRule, PublishedPolicy
from ecard.benefits.queries import policies_for_terminals, policy_by_number
from ecard.changes.models import Change, Topic
from ecard.merchants.operations import close_outlet
from ecard.settlement.rehearsal.draft_telling import warnings
from tests.support.campus import NOON, Campus, make_campus
from tests.support.policies import administrator, approved_draft, policy_in_force

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(minutes=1)
Execute = Callable[..., object]


def sign(body: bytes) -> SignedPolicy:
    return SignedPolicy(3, b"s" * 64, body)


def publish(draft: PolicyDraft, *, minutes: int = 0, starts_in: timedelta = timedelta()) -> PublishedPolicy:
    at = NOON + timedelta(minutes=minutes)
    return operations.publish_draft(draft_id=draft.pk, starts_at=at + starts_in, by=None, at=at, sign=sign)


def price(percent_bp: int) -> None:
    PriceRule.objects.update_or_create(name="价", defaults={"percent_bp": percent_bp})


def published_at(percent_bp: int, *, minutes: int = 0, starts_in: timedelta = timedelta()) -> PublishedPolicy:
    price(percent_bp)
    at = NOON + timedelta(minutes=minutes)
    return publish(approved_draft(at=at), minutes=minutes, starts_in=starts_in)


@pytest.fixture
def campus() -> Campus:
    return make_campus()


@pytest.fixture
def author() -> User:
    return administrator("author")


def test_what_is_published_is_byte_for_byte_what_was_approved(campus: Campus) -> None:
    price(8_000)
    draft = approved_draft(at=NOON)
    price(9_000)
    made = publish(draft)
    signed = decode_policy(bytes(made.body))
    assert drafts.content_of(signed) == bytes(draft.body)
    assert [rule.percent_bp for rule in signed.prices] == [8_000]
    assert (signed.number, signed.starts_at_s) == (1, int(NOON.timestamp()))
    assert Change.objects.filter(topic=Topic.POLICY).values_list("refs", flat=True).last() == [1]
    assert Approval.objects.get().state == State.USED
    draft.refresh_from_db()
    assert (draft.state, draft.published, stage_of(draft)) == (DraftState.PUBLISHED, made, Stage.PUBLISHED)


def test_a_bad_author_cannot_approve_their_own_draft(campus: Campus, author: User) -> None:
    draft = operations.make_draft(name="mine", by=author, at=NOON)
    asked = operations.ask_for_draft(draft_id=draft.pk, summary="mine", by=author, at=NOON)
    with pytest.raises(SamePerson):
        approvals.approve(approval_id=asked.pk, by=author, at=NOON, reauthenticated=True)
    with pytest.raises(NotApproved):
        publish(draft)
    assert not PublishedPolicy.objects.exists()


def test_a_draft_nobody_approved_or_that_was_refused_is_not_published(campus: Campus, author: User) -> None:
    draft = operations.make_draft(name="mine", by=author, at=NOON)
    with pytest.raises(NotApproved):
        publish(draft)
    asked = operations.ask_for_draft(draft_id=draft.pk, summary="mine", by=author, at=NOON)
    assert stage_of(draft) is Stage.ASKED
    approvals.refuse(approval_id=asked.pk, by=administrator("second"), at=NOON, reason="too dear")
    assert stage_of(draft) is Stage.REFUSED
    with pytest.raises(NotApproved):
        publish(draft)


def test_an_approval_of_other_content_publishes_nothing(campus: Campus, author: User) -> None:
    """As if somebody had written the draft's row anew behind the application's back."""
    draft = operations.make_draft(name="mine", by=author, at=NOON)
    asked = approvals.ask(
        kind=Kind.POLICY, subject_id=draft.pk, digest=b"x" * 32, summary="another", by=author, at=NOON
    )
    approvals.approve(approval_id=asked.pk, by=administrator("second"), at=NOON, reauthenticated=False)
    with pytest.raises(OtherContent):
        publish(draft)
    assert not PublishedPolicy.objects.exists()


def test_a_draft_is_published_once(campus: Campus) -> None:
    draft = approved_draft(at=NOON)
    publish(draft)
    with pytest.raises(DraftEnded):
        publish(draft)
    assert PublishedPolicy.objects.count() == 1


def test_a_draft_overtaken_by_another_policy_is_neither_asked_for_nor_published(campus: Campus, author: User) -> None:
    overtaken, late = approved_draft(at=NOON, name="a"), operations.make_draft(name="b", by=author, at=NOON)
    assert not drafts.overtaken(overtaken)
    published_at(9_000)
    assert drafts.overtaken(overtaken)
    with pytest.raises(DraftOvertaken):
        publish(overtaken)
    with pytest.raises(DraftOvertaken):
        operations.ask_for_draft(draft_id=late.pk, summary="b", by=author, at=NOON)
    assert Approval.objects.filter(state=State.APPROVED).count() == 1


def test_a_draft_says_when_the_rules_were_edited_after_it(campus: Campus, author: User) -> None:
    price(8_000)
    draft = operations.make_draft(name="mine", by=author, at=NOON)
    assert not drafts.rules_changed(draft)
    price(8_100)
    assert drafts.rules_changed(draft)
    price(8_000)
    assert not drafts.rules_changed(draft)


def test_an_edit_saved_while_a_draft_is_being_made_is_in_it_whole_or_not_at_all(campus: Campus, author: User) -> None:
    """Between the statement that reads the rules and the one that reads whom they are for."""
    rule = PriceRule.objects.create(name="价", percent_bp=8_000)
    rule.groups.set([campus.group])
    saves = _saving_once(rule, percent_bp=13_000)
    with connection.execute_wrapper(saves):
        draft = operations.make_draft(name="mine", by=author, at=NOON)
    (drafted,) = drafts.policy_of(draft).prices
    assert (drafted.percent_bp, drafted.who.groups) == (13_000, ())


def test_rules_that_are_saved_again_and_again_make_no_draft(campus: Campus, author: User) -> None:
    rule = PriceRule.objects.create(name="价")
    compiled: list[int] = []

    def saving(execute: Execute, sql: str, params: object, many: bool, context: object) -> object:
        if "benefits_pricerule_groups" in sql:
            compiled.append(1)
            PriceRule.objects.filter(pk=rule.pk).update(percent_bp=8_000 + len(compiled))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(saving), pytest.raises(PolicyRefused, match="being_edited"):
        operations.make_draft(name="mine", by=author, at=NOON)
    assert not PolicyDraft.objects.exists()


def _saving_once(rule: PriceRule, *, percent_bp: int) -> Callable[..., object]:
    """As another administrator who saves this price for everybody, just before the groups of rules are read."""
    done: list[int] = []

    def saving(execute: Execute, sql: str, params: object, many: bool, context: object) -> object:
        if "benefits_pricerule_groups" in sql and not done:
            done.append(1)
            rule.groups.clear()
            PriceRule.objects.filter(pk=rule.pk).update(percent_bp=percent_bp)
        return execute(sql, params, many, context)

    return saving


def test_what_forbids_a_policy_forbids_asking_and_publishing_it(campus: Campus, author: User) -> None:
    rule = PriceRule.objects.create(name="价")
    rule.outlets.set([campus.outlet])
    draft = approved_draft(at=NOON)
    close_outlet(outlet=campus.outlet, at=NOON)
    with pytest.raises(PolicyRefused, match="unknown_outlet"):
        publish(draft)
    assert Approval.objects.get().state == State.APPROVED
    again = operations.make_draft(name="again", by=author, at=NOON)
    with pytest.raises(PolicyRefused, match="unknown_outlet"):
        operations.ask_for_draft(draft_id=again.pk, summary="x", by=author, at=NOON)


def test_a_withdrawn_draft_takes_its_request_along(campus: Campus, author: User) -> None:
    draft = operations.make_draft(name="mine", by=author, at=NOON)
    operations.ask_for_draft(draft_id=draft.pk, summary="mine", by=author, at=NOON)
    operations.withdraw_draft(draft_id=draft.pk, by=author, at=NOON)
    draft.refresh_from_db()
    assert (draft.state, Approval.objects.get().state) == (DraftState.WITHDRAWN, State.WITHDRAWN)
    with pytest.raises(DraftEnded):
        operations.withdraw_draft(draft_id=draft.pk, by=author, at=NOON)


def test_set_up_publishes_the_first_policy_and_no_other() -> None:
    make_campus()
    operations.publish_policy(at=NOON, starts_at=NOON, by=None, sign=sign)
    with pytest.raises(AlreadyPublished):
        operations.publish_policy(at=NOON, starts_at=NOON, by=None, sign=sign)


def test_a_single_administrator_publishes_only_after_the_delay(campus: Campus, author: User) -> None:
    declare_single_administrator(
        owner_email="owner@example.org", delay_minutes=30, by=author, at=NOON, reauthenticated=True
    )
    draft = operations.make_draft(name="mine", by=author, at=NOON)
    asked = operations.ask_for_draft(draft_id=draft.pk, summary="mine", by=author, at=NOON)
    approvals.approve(approval_id=asked.pk, by=author, at=NOON, reauthenticated=True)
    with pytest.raises(NotYetEffective):
        publish(draft, minutes=29)
    assert publish(draft, minutes=30).number == 1


def test_going_back_gives_the_same_decisions_as_before(campus: Campus) -> None:
    published_at(8_000)
    before = decided(campus, 1)
    published_at(9_500, minutes=1)
    assert decided(campus, 2) != before
    back = operations.roll_back(number=2, reason="lunch was too dear", by=None, at=NOON + timedelta(hours=1), sign=sign)
    assert (back.number, decided(campus, 3)) == (3, before)
    in_force = policy_in_force(NOON + timedelta(hours=1, seconds=1))
    assert in_force is not None
    assert in_force.number == 3
    history = PolicyDraft.objects.get(published=back)
    assert (history.returns_to_id, history.basis_id, history.reason) == (1, 2, "lunch was too dear")
    assert PriceRule.objects.get().percent_bp == 9_500


def test_going_back_also_cancels_a_policy_that_has_not_started(campus: Campus) -> None:
    published_at(8_000)
    published_at(9_500, minutes=1, starts_in=timedelta(hours=5))
    operations.roll_back(number=2, reason="a mistake", by=None, at=SOON, sign=sign)
    in_force = policy_in_force(NOON + timedelta(hours=6))
    assert in_force is not None
    assert [rule.percent_bp for rule in in_force.prices] == [8_000]


def test_going_back_to_a_policy_that_is_still_to_come_does_not_bring_its_start_forward(campus: Campus) -> None:
    published_at(8_000)
    published_at(9_000, minutes=1, starts_in=timedelta(hours=2))
    published_at(9_500, minutes=2, starts_in=timedelta(hours=4))
    operations.roll_back(number=3, reason="a mistake", by=None, at=SOON + timedelta(minutes=2), sign=sign)
    governing = [policy_in_force(NOON + timedelta(hours=hours)) for hours in (1, 3, 5)]
    assert [policy.prices[0].percent_bp if policy else 0 for policy in governing] == [8_000, 9_000, 9_000]


def test_terminals_that_were_told_change_over_at_the_start_second_and_not_before(campus: Campus) -> None:
    published_at(8_000)
    published_at(9_500, minutes=1, starts_in=timedelta(hours=2))
    told = tuple(decode_policy(each.body) for each in policies_for_terminals(SOON))
    starts_s = int((SOON + timedelta(hours=2)).timestamp())
    decides = {at_s: in_force(told, at_s=at_s) for at_s in (starts_s - 1, starts_s)}
    assert [policy.number if policy else 0 for policy in decides.values()] == [1, 2]


def test_a_draft_made_after_a_policy_still_to_come_says_that_it_may_bring_that_forward(
    campus: Campus, author: User
) -> None:
    """What changes is told against that policy, which nobody decides by yet."""
    coming = published_at(9_000, starts_in=timedelta(days=36_500))
    draft = operations.make_draft(name="an urgent limit", by=author, at=SOON)
    assert drafts.brought_forward(draft, at=SOON) == coming
    with override("en"):
        (said,) = warnings(draft)
    assert said.startswith("It was made after policy 1, which starts only on ")
    assert drafts.brought_forward(draft, at=coming.starts_at) is None
    PolicyDraft.objects.filter(pk=draft.pk).update(state=DraftState.WITHDRAWN, ended_at=SOON)
    draft.refresh_from_db()
    assert drafts.brought_forward(draft, at=SOON) is None


def test_only_the_newest_policy_within_days_and_for_a_reason_is_undone_by_one_person(campus: Campus) -> None:
    published_at(8_000)
    with pytest.raises(CannotGoBack):
        operations.roll_back(number=1, reason="there is nothing before it", by=None, at=SOON, sign=sign)
    published_at(9_000, minutes=1)
    for number, reason, later in ((1, "older", 0), (2, "  ", 0), (2, "too late", 8), (9, "not there", 0)):
        with pytest.raises(CannotGoBack):
            operations.roll_back(number=number, reason=reason, by=None, at=SOON + timedelta(days=later), sign=sign)
    assert PublishedPolicy.objects.count() == 2


def test_an_older_policy_comes_back_through_a_draft_of_its_own(campus: Campus, author: User) -> None:
    published_at(8_000)
    published_at(9_000, minutes=1)
    draft = operations.draft_from(number=1, name="as before", by=author, at=SOON)
    with pytest.raises(NotApproved):
        publish(draft, minutes=2)
    assert [rule.percent_bp for rule in drafts.policy_of(draft).prices] == [8_000]


def test_the_stages_of_many_drafts_are_read_in_one_statement(
    campus: Campus, author: User, django_assert_num_queries: object
) -> None:
    made = [operations.make_draft(name=str(number), by=author, at=NOON) for number in range(3)]
    operations.ask_for_draft(draft_id=made[1].pk, summary="1", by=author, at=NOON)
    operations.withdraw_draft(draft_id=made[2].pk, by=author, at=NOON)
    listed = list(PolicyDraft.objects.order_by("pk"))
    assert callable(django_assert_num_queries)
    with django_assert_num_queries(1):
        found = stages_of(listed)
    assert list(found.values()) == [Stage.DRAFT, Stage.ASKED, Stage.WITHDRAWN]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE benefits_policydraft SET body = 'x'",
        "UPDATE benefits_policydraft SET digest = 'x'",
        "UPDATE benefits_policydraft SET basis_id = NULL",
        "DELETE FROM benefits_policydraft",
    ],
)
def test_a_bad_administrator_cannot_rewrite_a_draft(statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def decided(campus: Campus, number: int) -> list[tuple[str, int]]:
    tap = Tap(int(NOON.timestamp()), campus.site.pk, campus.outlet.pk, "2026-11-20", 4, 720, campus.lunch.pk)
    person = Person(account_ref=1, price_class=1, purse_minor=100_00, per_sale_minor=60_00)
    quote = evaluate(policy=policy_by_number(number), person=person, tap=tap, basket=(Line(10_00),))
    return [(leg.source, leg.amount_minor) for leg in quote.legs]
