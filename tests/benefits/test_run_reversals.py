"""A run taken back: what is there returns, what was spent is listed, and nothing falls below zero."""

from __future__ import annotations

import importlib
from datetime import timedelta

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ecard.approvals.operations import approve
from ecard.benefits import runs
from ecard.benefits.models import Grant, Programme, ProgrammeKind, Run, RunKind, RunLine, RunState
from ecard.benefits.operations import EXPIRY_GRACE, expire_grants, open_programme, transfer_voucher
from ecard.benefits.queries import lots_of
from ecard.benefits.runs import reversing
from ecard.benefits.runs.errors import WrongState
from ecard.changes.models import Change, Topic
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import lock_accounts, open_account, place_hold, post
from ecard.ledger.queries import balance_of
from ecard.ledger.values import AccountState, NewTransfer
from tests.benefits.paying import EXPIRES, approved, credit, lots, paid, purses, reversed_whole, staff, subsidy
from tests.support.books import assert_books_balance
from tests.support.campus import NOON, Campus, make_campus

pytestmark = pytest.mark.django_db


def spend(account_id: int, amount_minor: int) -> None:
    merchant = open_account(kind=AccountKind.MERCHANT, label="canteen", floor_minor=None)
    kind = TransferKind.SALE_GRANT
    post(transfers=[NewTransfer(account_id, merchant, amount_minor, kind, CauseKind.SALE, 1)], at=NOON)


def said(run_id: int) -> list[tuple[int | None, int | None]]:
    lines = RunLine.objects.filter(run_id=run_id).order_by("pk")
    return list(lines.values_list("returned_minor", "spent_minor"))


def test_what_is_unspent_returns_to_the_sponsor_and_what_is_spent_is_listed() -> None:
    campus = make_campus()
    run = paid(subsidy())
    spend(Grant.objects.get(cardholder=campus.people[0]).account_id, 30_00)
    spend(Grant.objects.get(cardholder=campus.people[1]).account_id, 50_00)
    done = reversed_whole(run)
    assert (done.state, done.returned_minor, done.spent_minor) == (RunState.REVERSED, 70_00, 80_00)
    assert said(run.pk) == [(20_00, 30_00), (0, 50_00), (50_00, 0)]
    assert lots(campus.people) == [0, 0, 0]
    assert balance_of(run.sponsor_id) == -80_00
    assert lots_of([person.account_ref for person in campus.people], at=NOON) == {}
    assert_books_balance()


def test_a_credit_is_taken_back_as_far_as_the_purse_goes_and_never_into_debt() -> None:
    campus = make_campus()
    run = paid(credit(uploaded="S0001\nS0002\nS0003"))
    spend(campus.people[0].purse_id, 15_00)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_account SET floor_minor = -5000 WHERE id = %s", [campus.people[1].purse_id])
    spend(campus.people[1].purse_id, 45_00)
    done = reversed_whole(run)
    assert said(run.pk) == [(5_00, 15_00), (0, 20_00), (20_00, 0)]
    assert purses(campus.people) == [0, -25_00, 0]
    assert (done.returned_minor, done.spent_minor) == (25_00, 35_00)
    assert_books_balance()


def test_money_that_is_held_for_a_sale_stays_and_counts_as_spent() -> None:
    campus = make_campus()
    run = paid(subsidy())
    lot = Grant.objects.get(cardholder=campus.people[0])
    place_hold(account_id=lot.account_id, amount_minor=12_00, key="k", at=NOON, expires_at=NOON + timedelta(hours=1))
    reversed_whole(run)
    assert said(run.pk)[0] == (38_00, 12_00)
    lot.refresh_from_db()
    assert lot.ended_at is None
    assert_books_balance()


def given_away(*hands: int) -> tuple[Campus, Run, list[Grant]]:
    """Two vouchers for everybody; the first person's first one goes from hand to hand, to these people."""
    campus = make_campus()
    programme = open_programme(name="夜宵券")
    Programme.objects.filter(pk=programme.pk).update(kind=ProgrammeKind.VOUCHER, transferable=True)
    run = paid(subsidy(kind=RunKind.VOUCHER, programme=Programme.objects.get(pk=programme.pk), pieces=2))
    chain = [Grant.objects.filter(cardholder=campus.people[0]).earliest("pk")]
    for hand in hands:
        to = campus.people[hand].number
        chain.append(transfer_voucher(grant_id=chain[-1].pk, to=to, by=chain[-1].cardholder_id, at=NOON))
    return campus, run, chain


def test_a_voucher_that_was_given_away_is_taken_back_from_whoever_has_it_unused() -> None:
    campus, run, (_first, _second, third) = given_away(1, 2)
    done = reversed_whole(run)
    assert (done.returned_minor, done.spent_minor) == (300_00, 0)
    assert said(run.pk) == [(100_00, 0)] * 3
    assert (lots(campus.people), balance_of(run.sponsor_id)) == ([0, 0, 0], 0)
    third.refresh_from_db()
    assert third.ended_at == NOON
    assert lots_of([person.account_ref for person in campus.people], at=NOON) == {}
    assert campus.people[2].account_ref in Change.objects.filter(topic=Topic.CARDHOLDER).latest("pk").refs
    assert_books_balance()


def test_a_voucher_that_was_given_away_and_used_is_listed_with_whom_the_run_gave_it() -> None:
    campus, run, (_first, second) = given_away(1)
    spend(second.account_id, 50_00)
    done = reversed_whole(run)
    assert (done.returned_minor, done.spent_minor) == (250_00, 50_00)
    assert said(run.pk) == [(50_00, 50_00), (100_00, 0), (100_00, 0)]
    assert lots(campus.people) == [0, 0, 0]
    assert_books_balance()


def test_vouchers_given_away_before_grants_said_where_they_came_from_are_led_to_the_first_hand() -> None:
    _campus, _run, (first, *given) = given_away(1, 2, 0)
    assert {each.origin_id for each in given} == {first.pk}
    Grant.objects.update(origin=None)
    Grant.objects.filter(pk=first.pk).update(period_key=f"autumn~{first.pk - 1}", run=None)
    migration = importlib.import_module("ecard.benefits.migrations.0015_vouchers_given_before")
    with connection.cursor() as cursor:
        cursor.execute(migration.ORIGINS)
    assert dict(Grant.objects.exclude(origin=None).values_list("pk", "origin")) == {each.pk: first.pk for each in given}


def test_giving_a_voucher_away_in_the_moment_in_which_its_run_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gift is made after the reversal looked for the voucher and before it has its account."""
    campus, run, (first,) = given_away()
    given: list[Grant] = []

    def late(account_ids: list[int]) -> dict[int, AccountState]:
        if not given:
            to, by = campus.people[1].number, campus.people[0].pk
            given.append(transfer_voucher(grant_id=first.pk, to=to, by=by, at=NOON))
        return lock_accounts(account_ids)

    monkeypatch.setattr(reversing, "lock_accounts", late)
    done = reversed_whole(run)
    assert (done.state, done.returned_minor, done.spent_minor) == (RunState.REVERSED, 300_00, 0)
    assert balance_of(given[0].account_id) == 0
    assert_books_balance()


def test_what_expired_before_the_reversal_counts_as_returned() -> None:
    campus = make_campus()
    run = paid(subsidy())
    spend(Grant.objects.get(cardholder=campus.people[0]).account_id, 30_00)
    expire_grants(at=EXPIRES + EXPIRY_GRACE)
    done = reversed_whole(run, at=EXPIRES + EXPIRY_GRACE)
    assert said(run.pk) == [(20_00, 30_00), (50_00, 0), (50_00, 0)]
    assert balance_of(done.sponsor_id) == -30_00
    assert_books_balance()


def test_a_run_is_reversed_once_and_only_when_it_was_paid_out_whole() -> None:
    make_campus()
    waiting = approved(subsidy())
    done = reversed_whole(paid(credit(uploaded="S0001")))
    for run in (waiting, done):
        with pytest.raises(WrongState):
            runs.reverse_run(run_id=run.pk, by=staff("boss"), reason="x", at=NOON)


def test_the_right_run_follows_the_wrong_one_without_overruling_anybody_who_gave_all_back() -> None:
    campus = make_campus()
    programme = open_programme(name="餐补")
    wrong = paid(subsidy(programme=programme, amount_minor=500_00))
    spend(Grant.objects.get(cardholder=campus.people[0]).account_id, 1_00)
    reversed_whole(wrong)
    right = subsidy(programme=programme)
    assert runs.dry_run(run_id=right.pk, at=NOON).duplicates == 1
    runs.leave_out_duplicates(run_id=right.pk)
    asked = runs.ask(run_id=right.pk, by=staff("clerk"), at=NOON)
    runs.take_back_request(run_id=asked.subject_id, by=staff("clerk"), at=NOON)
    runs.dry_run(run_id=right.pk, at=NOON)
    runs.leave_out_duplicates(run_id=right.pk)
    paid_again = _approve_and_pay(right.pk)
    assert paid_again == RunState.POSTED
    assert lots(campus.people) == [0, 50_00, 50_00]
    assert_books_balance()


def _approve_and_pay(run_id: int) -> str:
    asked = runs.ask(run_id=run_id, by=staff("clerk"), at=NOON)
    approve(approval_id=asked.pk, by=staff("boss"), at=NOON, reauthenticated=False)
    run = runs.start(run_id=run_id, at=NOON)
    runs.continue_runs(clock=lambda: NOON)
    run.refresh_from_db()
    return run.state


class ReversalProperty(TestCase):
    @settings(max_examples=25)
    @given(st.lists(st.tuples(st.integers(1, 100_00), st.integers(0, 100_00)), min_size=1, max_size=6))
    def test_whatever_was_given_and_spent_the_reversal_accounts_for_every_cent(
        self, people: list[tuple[int, int]]
    ) -> None:
        campus = make_campus(people=len(people))
        rows = "\n".join(
            f"S{place:04d},{given // 100}.{given % 100:02d}" for place, (given, _spent) in enumerate(people, 1)
        )
        run = paid(credit(uploaded=rows))
        for person, (given_minor, spent_minor) in zip(campus.people, people, strict=True):
            if min(given_minor, spent_minor):
                spend(person.purse_id, min(given_minor, spent_minor))
        done = reversed_whole(run)
        assert done.returned_minor + done.spent_minor == done.total_minor
        assert said(run.pk) == [(max(0, gave - spent), min(gave, spent)) for gave, spent in people]
        assert set(purses(campus.people)) == {0}
