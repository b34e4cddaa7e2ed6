"""Runs that create money: listed, approved, paid out once, and taken back as a whole."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from ecard.approvals.errors import NotApproved, NotPermitted, OtherContent
from ecard.approvals.operations import approve, refuse
from ecard.benefits import runs
from ecard.benefits.models import Duplicate, LeftOut, Run, RunKind, RunLine, RunState
from ecard.benefits.operations import issue_grants, open_programme, open_sponsor
from ecard.benefits.runs.errors import (
    BadRun,
    BadUpload,
    DuplicatesAppeared,
    DuplicatesUndecided,
    NobodyToPay,
    NotYourName,
    TooLate,
    WrongState,
)
from ecard.benefits.runs.people import Selection, upload_from_text
from ecard.cardholders.operations import close_cardholder
from ecard.changes.models import Change, Topic
from ecard.ledger.queries import balance_of
from tests.benefits.paying import EXPIRES, approved, credit, lots, paid, purses, staff, started, subsidy
from tests.support.books import assert_books_balance
from tests.support.campus import NOON, make_campus

pytestmark = pytest.mark.django_db


def test_a_subsidy_is_listed_approved_by_a_second_person_and_paid_out() -> None:
    campus = make_campus()
    run = subsidy()
    listed = runs.dry_run(run_id=run.pk, at=NOON)
    assert (listed.state, listed.people, listed.total_minor) == (RunState.LISTED, 3, 150_00)
    assert lots(campus.people) == [0, 0, 0]
    done = paid(run)
    assert (done.state, done.done_lines) == (RunState.POSTED, 3)
    assert lots(campus.people) == [50_00] * 3
    assert balance_of(run.sponsor_id) == -150_00
    told = Change.objects.filter(topic=Topic.CARDHOLDER).order_by("-id").first()
    assert told is not None
    assert set(told.refs) == {person.account_ref for person in campus.people}
    assert_books_balance()


def test_the_sponsor_of_a_programme_stays_from_the_moment_a_run_begins_to_pay() -> None:
    make_campus()
    run = started(subsidy())
    assert run.programme is not None
    run.programme.sponsor_id = open_sponsor(name="another").pk
    with pytest.raises(IntegrityError), transaction.atomic():
        run.programme.save()


def test_a_run_whose_programme_has_another_sponsor_by_now_does_not_begin() -> None:
    make_campus()
    run = approved(subsidy())
    assert run.programme is not None
    run.programme.sponsor_id = open_sponsor(name="another").pk
    run.programme.save()
    with pytest.raises(OtherContent):
        runs.start(run_id=run.pk, at=NOON)


def test_vouchers_come_in_pieces_each_with_a_lot_of_its_own() -> None:
    campus = make_campus()
    programme = open_programme(name="券")
    programme.kind = "voucher"
    programme.save()
    run = paid(subsidy(kind=RunKind.VOUCHER, programme=programme, pieces=3, amount_minor=15_00))
    assert run.total_minor == 3 * 3 * 15_00
    assert lots(campus.people) == [45_00] * 3
    assert sorted(campus.people[0].grants.values_list("period_key", flat=True)) == ["2026-11", "2026-11#2", "2026-11#3"]
    assert_books_balance()


def test_a_credit_fills_purses_out_of_the_sponsors_account_by_an_uploaded_list() -> None:
    campus = make_campus()
    sponsor = open_sponsor(name="好意")
    run = paid(credit(sponsor, uploaded="number,amount\nS0001,12.50\nS0003"))
    assert purses(campus.people) == [12_50, 0, 20_00]
    assert balance_of(sponsor.pk) == -32_50
    assert (run.people, run.total_minor) == (2, 32_50)
    assert_books_balance()


def test_a_number_nobody_has_and_a_closed_account_are_left_out_and_said_so() -> None:
    campus = make_campus()
    close_cardholder(cardholder=campus.people[1], at=NOON)
    run = runs.dry_run(run_id=credit(uploaded="S0001\nS0002\nX999").pk, at=NOON)
    assert (run.people, run.left_out, run.total_minor) == (1, 2, 20_00)
    why = dict(RunLine.objects.filter(run=run).values_list("number", "left_out"))
    assert why == {"S0001": LeftOut.NO, "S0002": LeftOut.CLOSED, "X999": LeftOut.UNKNOWN}


def test_whoever_is_closed_between_listing_and_paying_gets_nothing_and_is_told_on_the_run() -> None:
    campus = make_campus()
    run = started(subsidy())
    close_cardholder(cardholder=campus.people[0], at=NOON)
    runs.continue_runs(clock=lambda: NOON)
    run.refresh_from_db()
    assert (run.state, run.people, run.left_out, run.total_minor) == (RunState.POSTED, 2, 1, 100_00)
    assert lots(campus.people) == [0, 50_00, 50_00]


def test_people_are_chosen_by_group() -> None:
    campus = make_campus()
    assert runs.dry_run(run_id=subsidy(selection=Selection(groups=(campus.group.pk,))).pk, at=NOON).people == 3
    nobody = subsidy(selection=Selection(groups=(campus.group.pk + 1,)))
    assert runs.dry_run(run_id=nobody.pk, at=NOON).people == 0
    with pytest.raises(NobodyToPay):
        runs.ask(run_id=nobody.pk, by=staff("clerk"), at=NOON)


def test_listing_again_lists_anew() -> None:
    make_campus()
    run = subsidy()
    for _time in range(2):
        assert runs.dry_run(run_id=run.pk, at=NOON).people == 3
    assert RunLine.objects.filter(run=run).count() == 3


def test_one_person_cannot_approve_and_pay_their_own_run() -> None:
    make_campus()
    run = subsidy()
    runs.dry_run(run_id=run.pk, at=NOON)
    asked = runs.ask(run_id=run.pk, by=staff("clerk"), at=NOON)
    with pytest.raises(Exception, match="second person"):
        approve(approval_id=asked.pk, by=staff("clerk"), at=NOON, reauthenticated=True)
    with pytest.raises(NotApproved):
        runs.start(run_id=run.pk, at=NOON)


def test_a_list_that_grew_after_its_approval_is_not_paid() -> None:
    campus = make_campus()
    run = approved(credit(uploaded="S0001"))
    RunLine.objects.create(run=run, cardholder=campus.people[1], number="S0002", amount_minor=900_00)
    with pytest.raises(OtherContent):
        runs.start(run_id=run.pk, at=NOON)
    assert purses(campus.people) == [0, 0, 0]


def test_the_terms_of_an_approved_run_cannot_be_changed_either() -> None:
    make_campus()
    run = approved(subsidy())
    Run.objects.filter(pk=run.pk).update(sponsor=open_sponsor(name="else"))
    with pytest.raises(OtherContent):
        runs.start(run_id=run.pk, at=NOON)


def test_the_servers_own_role_cannot_raise_an_amount_that_was_listed() -> None:
    make_campus()
    run = approved(subsidy())
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        RunLine.objects.filter(run=run).update(amount_minor=900_00)


def test_a_refused_run_goes_back_to_its_list_and_may_be_asked_for_again() -> None:
    make_campus()
    run = subsidy()
    runs.dry_run(run_id=run.pk, at=NOON)
    asked = runs.ask(run_id=run.pk, by=staff("clerk"), at=NOON)
    with pytest.raises(NotPermitted):
        runs.take_back_request(run_id=run.pk, by=staff("boss"), at=NOON)
    refuse(approval_id=asked.pk, by=staff("boss"), at=NOON, reason="too much")
    assert runs.take_back_request(run_id=run.pk, by=staff("clerk"), at=NOON).state == RunState.LISTED
    assert runs.ask(run_id=run.pk, by=staff("clerk"), at=NOON).pk != asked.pk


def test_a_run_is_paid_out_once_however_often_somebody_says_so() -> None:
    campus = make_campus()
    run = paid(subsidy())
    for step in (
        lambda: runs.start(run_id=run.pk, at=NOON),
        lambda: runs.dry_run(run_id=run.pk, at=NOON),
        lambda: runs.cancel(run_id=run.pk),
        lambda: runs.ask(run_id=run.pk, by=staff("clerk"), at=NOON),
    ):
        with pytest.raises(WrongState):
            step()
    assert not runs.work_on(run_id=run.pk, at=NOON)
    assert lots(campus.people) == [50_00] * 3


def test_the_same_programme_and_period_again_needs_overruling_by_ones_own_name() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补")
    paid(subsidy(programme=programme))
    again = subsidy(programme=programme, amount_minor=30_00)
    listed = runs.dry_run(run_id=again.pk, at=NOON)
    assert listed.duplicates == 3
    assert set(again.lines.values_list("duplicate", flat=True)) == {Duplicate.SAME_PERIOD}
    with pytest.raises(DuplicatesUndecided):
        runs.ask(run_id=again.pk, by=staff("clerk"), at=NOON)
    for name in ("boss", "", "Clerk"):
        with pytest.raises(NotYourName):
            runs.overrule_duplicates(run_id=again.pk, typed_name=name, by=staff("clerk"), at=NOON)
    runs.overrule_duplicates(run_id=again.pk, typed_name="clerk", by=staff("clerk"), at=NOON)
    asked = runs.ask(run_id=again.pk, by=staff("clerk"), at=NOON)
    assert "overruled by clerk" in asked.summary
    approve(approval_id=asked.pk, by=staff("boss"), at=NOON, reauthenticated=False)
    runs.start(run_id=again.pk, at=NOON)
    runs.continue_runs(clock=lambda: NOON)
    assert lots(campus.people) == [80_00] * 3
    assert_books_balance()


def test_the_same_amount_from_another_run_within_days_is_a_possible_duplicate() -> None:
    make_campus()
    paid(credit(uploaded="S0001\nS0002,7"))
    again = credit(uploaded="S0001\nS0002\nS0003")
    within, after = NOON + timedelta(days=6, hours=23), NOON + timedelta(days=7, seconds=1)
    assert runs.dry_run(run_id=again.pk, at=within).duplicates == 1
    assert runs.dry_run(run_id=again.pk, at=after).duplicates == 0


def test_duplicates_left_out_are_not_paid() -> None:
    campus = make_campus()
    paid(credit(uploaded="S0001"))
    again = credit(uploaded="S0001\nS0002")
    runs.dry_run(run_id=again.pk, at=NOON)
    left = runs.leave_out_duplicates(run_id=again.pk)
    assert (left.people, left.left_out, left.duplicates, left.total_minor) == (1, 1, 0, 20_00)
    asked = runs.ask(run_id=again.pk, by=staff("clerk"), at=NOON)
    approve(approval_id=asked.pk, by=staff("boss"), at=NOON, reauthenticated=False)
    runs.start(run_id=again.pk, at=NOON)
    runs.continue_runs(clock=lambda: NOON)
    assert purses(campus.people) == [20_00, 20_00, 0]


def test_two_runs_listed_side_by_side_do_not_both_pay() -> None:
    """Each was listed before the other was paid, so neither knew."""
    campus = make_campus()
    first, second = credit(uploaded="S0001"), credit(uploaded="S0001")
    for run in (first, second):
        runs.dry_run(run_id=run.pk, at=NOON)
    for run in (first, second):
        asked = runs.ask(run_id=run.pk, by=staff("clerk"), at=NOON)
        approve(approval_id=asked.pk, by=staff("boss"), at=NOON, reauthenticated=False)
    runs.start(run_id=first.pk, at=NOON)
    with pytest.raises(DuplicatesAppeared), transaction.atomic():
        runs.start(run_id=second.pk, at=NOON)
    runs.continue_runs(clock=lambda: NOON)
    assert purses(campus.people) == [20_00, 0, 0]


def test_what_was_issued_elsewhere_after_the_run_began_is_not_issued_again() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补")
    run = started(subsidy(programme=programme))
    issue_grants(
        programme=programme,
        cardholders=campus.people[:1],
        amount_minor=50_00,
        period_key="2026-11",
        expires_at=EXPIRES,
        at=NOON,
    )
    runs.continue_runs(clock=lambda: NOON)
    run.refresh_from_db()
    assert (run.people, run.left_out) == (2, 1)
    assert lots(campus.people) == [50_00] * 3


def test_a_run_whose_grants_would_have_expired_is_neither_asked_for_nor_paid() -> None:
    make_campus()
    run = approved(subsidy())
    with pytest.raises(TooLate):
        runs.start(run_id=run.pk, at=EXPIRES)
    late = subsidy(period_key="2026-12")
    runs.dry_run(run_id=late.pk, at=EXPIRES)
    with pytest.raises(TooLate):
        runs.ask(run_id=late.pk, by=staff("clerk"), at=EXPIRES)


@pytest.mark.parametrize(
    "terms",
    [
        {"amount_minor": 0},
        {"amount_minor": 100_000_01},
        {"pieces": 2},
        {"reason": " "},
        {"period_key": ""},
        {"period_key": "2026-11+1"},
        {"period_key": "x" * 21},
        {"expires_at": NOON},
        {"expires_at": None},
        {"kind": RunKind.VOUCHER},
        {"kind": RunKind.CREDIT},
    ],
)
def test_terms_that_no_run_can_have_are_refused(terms: dict[str, object]) -> None:
    with pytest.raises(BadRun):
        subsidy(**terms)
    assert not Run.objects.exists()


def test_a_credit_without_somebody_who_pays_is_refused() -> None:
    with pytest.raises(BadRun):
        runs.new_run(kind=RunKind.CREDIT, amount_minor=1, reason="x", by=None, at=NOON)


def test_the_database_itself_lists_a_person_once() -> None:
    campus = make_campus()
    run = subsidy()
    runs.dry_run(run_id=run.pk, at=NOON)
    with pytest.raises(IntegrityError, match="runline_once_per_run"), transaction.atomic():
        RunLine.objects.create(run=run, cardholder=campus.people[0], number="x", amount_minor=1)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("S1,12.50\nS2", "S1,1250\nS2,"),
        ("\ufeff学号;金额\nS1;3\n\n", "S1,300"),
        ("S1\t1\r\nS2\t2\r\n", "S1,100\nS2,200"),
    ],
)
def test_an_uploaded_list_is_read_with_its_amounts(text: str, kept: str) -> None:
    assert upload_from_text(text) == kept


@pytest.mark.parametrize("text", ["", "S1,abc", "S1,0", "S1,-5", "S1\nS1", "x" * 33, "S1,100000.01", "S1,1,000.00"])
def test_an_uploaded_list_that_cannot_be_read_names_its_rows(text: str) -> None:
    with pytest.raises(BadUpload) as refused:
        upload_from_text(text)
    assert "row" in refused.value.sentence


@given(
    st.dictionaries(
        st.text("ABC0123456789-", min_size=1, max_size=32), st.none() | st.integers(1, 100_000_00), min_size=1
    )
)
def test_every_list_that_can_be_written_is_read_back(people: dict[str, int | None]) -> None:
    text = "\n".join(
        number if amount is None else f"{number},{amount // 100}.{amount % 100:02d}"
        for number, amount in people.items()
    )
    kept = dict(line.rsplit(",", 1) for line in upload_from_text(text).splitlines())
    assert kept == {number: "" if amount is None else str(amount) for number, amount in people.items()}
