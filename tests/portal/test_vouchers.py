"""Vouchers on the cardholder's own pages: their terms in words, and giving one away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.core.funds import MAX_LOTS
from ecard.benefits.models import Grant, Programme
from ecard.benefits.operations import issue_grants, open_programme, transfer_voucher
from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.operations import post
from ecard.ledger.values import NewTransfer
from ecard.portal import views
from tests.portal.conftest import World


@pytest.fixture
def voucher(world: World) -> Grant:
    """A transferable voucher of the student's."""
    return make_voucher(world, name="Late voucher", transferable=True)


def make_voucher(world: World, *, name: str, transferable: bool, place: int = 0) -> Grant:
    at = timezone.now() - timedelta(hours=1)
    programme = open_programme(name="夜宵券", name_en=name)
    Programme.objects.filter(pk=programme.pk).update(kind="voucher", transferable=transferable, threshold_minor=20_00)
    issue_grants(
        programme=programme,
        cardholders=[(world.student, world.other)[place].cardholder],
        amount_minor=15_00,
        period_key="2026-11",
        expires_at=at + timedelta(days=9),
        at=at,
    )
    return Grant.objects.get(programme=programme)


def test_a_voucher_is_shown_with_its_terms_in_a_sentence(voucher: Grant, signed_in: Client) -> None:
    shown = signed_in.get("/benefits/").content.decode()
    for words in ("Late voucher", "¥15.00", "¥15 off from a price of ¥20, to be spent everywhere", "used once, whole"):
        assert words in shown
    assert "Meal subsidy" in shown
    signed_in.post("/i18n/setlang/", {"language": "zh-hans"})
    assert "满 ¥20 减 ¥15，各处通用" in signed_in.get("/benefits/").content.decode()
    assert "/benefits/" in signed_in.get("/sales/").content.decode()


def test_what_is_spent_to_the_end_does_not_hide_what_is_not(world: World, signed_in: Client) -> None:
    at = timezone.now() - timedelta(hours=1)
    programme = open_programme(name="每日餐补", name_en="Daily subsidy")
    for day in range(MAX_LOTS):
        issue_grants(
            programme=programme,
            cardholders=[world.student.cardholder],
            amount_minor=1_00,
            period_key=f"day {day}",
            expires_at=at + timedelta(days=2),
            at=at,
        )
    lots = Grant.objects.filter(programme=programme).values_list("account_id", flat=True)
    spend = [
        NewTransfer(
            lot, world.selling.campus.merchant.account_id, 1_00, TransferKind.CORRECTION, CauseKind.CORRECTION, 1
        )
        for lot in lots
    ]
    post(transfers=spend, at=at)
    make_voucher(world, name="Late voucher", transferable=True)
    shown = signed_in.get("/benefits/").content.decode()
    assert "Late voucher" in shown
    assert "Daily subsidy" not in shown


def test_a_voucher_given_by_number_leaves_the_page(world: World, voucher: Grant, signed_in: Client) -> None:
    address = f"/benefits/{voucher.pk}/give/"
    assert address in signed_in.get("/benefits/").content.decode()
    answer = signed_in.post(address, {"number": world.other.number}, follow=True)
    assert "The voucher is given." in answer.content.decode()
    assert "Late voucher" not in answer.content.decode()
    given = Grant.objects.get(programme=voucher.programme, ended_at__isnull=True)
    assert given.cardholder == world.other.cardholder


def test_giving_again_because_the_answer_was_lost_gives_nothing_more_and_says_so(
    world: World, voucher: Grant, signed_in: Client
) -> None:
    address = f"/benefits/{voucher.pk}/give/"
    signed_in.post(address, {"number": world.other.number})
    again = signed_in.post(address, {"number": world.other.number}, follow=True)
    assert "not on your card any more" in again.content.decode()
    assert Grant.objects.filter(programme=voucher.programme).count() == 2


@pytest.mark.parametrize("claimed", ["given", "gone"])
def test_the_page_says_given_or_gone_to_nobody_who_gave_nothing(
    voucher: Grant, signed_in: Client, claimed: str
) -> None:
    shown = signed_in.get(f"/benefits/?{claimed}").content.decode()
    assert "The voucher is given." not in shown
    assert "not on your card any more" not in shown


def test_giving_by_two_presses_at_once_gives_once_and_says_so(
    world: World, voucher: Grant, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(**asked: Any) -> Grant:
        transfer_voucher(**asked)
        return transfer_voucher(**asked)

    monkeypatch.setattr(views, "transfer_voucher", overtaken)
    answer = signed_in.post(f"/benefits/{voucher.pk}/give/", {"number": world.other.number}, follow=True)
    assert "not on your card any more" in answer.content.decode()
    assert Grant.objects.filter(programme=voucher.programme).count() == 2


@pytest.mark.parametrize("number", ["", "S9999", "<b>"])
def test_a_number_that_is_nobodys_is_told_at_the_field(voucher: Grant, signed_in: Client, number: str) -> None:
    answer = signed_in.post(f"/benefits/{voucher.pk}/give/", {"number": number})
    assert 'role="alert"' in answer.content.decode()
    assert Grant.objects.filter(ended_at__isnull=True, pk=voucher.pk).exists()


def test_giving_somebody_elses_voucher_by_its_address(world: World, signed_in: Client) -> None:
    theirs = make_voucher(world, name="Theirs", transferable=True, place=1)
    address = f"/benefits/{theirs.pk}/give/"
    assert signed_in.get(address).status_code == 404
    assert signed_in.post(address, {"number": world.student.number}).status_code == 404
    assert "Theirs" not in signed_in.get("/benefits/").content.decode()
    assert Grant.objects.get(pk=theirs.pk).ended_at is None


def test_giving_a_voucher_that_is_for_oneself_alone(world: World, signed_in: Client) -> None:
    own = make_voucher(world, name="Own", transferable=False)
    assert signed_in.post(f"/benefits/{own.pk}/give/", {"number": world.other.number}).status_code == 404
    assert f"/benefits/{own.pk}/give/" not in signed_in.get("/benefits/").content.decode()


@pytest.mark.parametrize("number", [0, 2**62, 10**30])
def test_a_voucher_that_never_was_is_not_found(signed_in: Client, number: int) -> None:
    assert signed_in.get(f"/benefits/{number}/give/").status_code == 404


def test_the_page_takes_the_same_number_of_queries_for_one_voucher_and_for_many(
    world: World, voucher: Grant, signed_in: Client
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            assert signed_in.get("/benefits/").status_code == 200
        return len(counted)

    first = queries()
    for number in range(5):
        make_voucher(world, name=f"More {number}", transferable=True)
    assert queries() == first


def test_nobody_sees_vouchers_without_signing_in(voucher: Grant) -> None:
    for address in ("/benefits/", f"/benefits/{voucher.pk}/give/"):
        assert Client().get(address).status_code == 302
