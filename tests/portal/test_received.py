"""What came in, by name: top-ups, credits, subsidies and vouchers, and what was taken back with its run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecard.benefits import runs
from ecard.benefits.models import Grant, Programme, RunKind
from ecard.benefits.operations import open_programme, open_sponsor
from ecard.benefits.runs.people import upload_from_text
from ecard.benefits.vouchers import transfer_voucher
from ecard.payments.operations import top_up
from ecard.portal.received import PER_PAGE
from tests.benefits import paying
from tests.portal.conftest import World

NOW = timezone.now() - timedelta(hours=1)
"""One moment for everything: what happens at once keeps its order and stays apart by its marks."""
TERMS = {"at": NOW, "expires_at": NOW + timedelta(days=10)}


def received(client: Client, before: str = "") -> list[tuple[str, str, str]]:
    """Name, amount and notes of each entry of a page, as one line of notes."""
    entries = client.get("/received/", {"before": before}).context["page"].entries
    return [(each.name, each.amount, " | ".join(each.notes)) for each in entries]


def vouchers(name: str = "Late voucher", *, transferable: bool = False) -> Programme:
    programme = open_programme(name="夜宵券", name_en=name)
    Programme.objects.filter(pk=programme.pk).update(kind="voucher", transferable=transferable, threshold_minor=20_00)
    programme.refresh_from_db()
    return programme


def newest(client: Client, count: int = 1) -> list[tuple[str, str, str]]:
    return received(client)[:count]


def test_a_credit_is_told_by_what_it_is_for_from_whom_and_where_it_can_be_spent(
    world: World, signed_in: Client
) -> None:
    relief = open_sponsor(name="助学基金", name_en="Relief fund")
    paying.paid(paying.credit(relief, amount_minor=100_00, reason="Winter aid", at=NOW), at=NOW)
    assert newest(signed_in) == [("Winter aid", "+¥100.00", "from Relief fund | to your purse, to be spent everywhere")]
    page = signed_in.get("/received/").content.decode()
    assert timezone.localtime(NOW).strftime("%H:%M") in page
    assert "/received/" in signed_in.get("/sales/").content.decode()


def test_a_subsidy_is_told_with_its_terms_and_its_end(world: World, signed_in: Client) -> None:
    paying.paid(paying.subsidy(**TERMS), at=NOW)
    ((name, amount, notes),) = newest(signed_in)
    assert (name, amount) == ("Meal subsidy", "+¥50.00")
    assert notes.startswith("from Meal subsidy | To be spent everywhere | until ")
    signed_in.post("/i18n/setlang/", {"language": "zh-hans"})
    assert newest(signed_in)[0][0] == "餐补"


def test_vouchers_of_one_run_are_one_entry_with_their_number(world: World, signed_in: Client) -> None:
    terms = {"kind": RunKind.VOUCHER, "programme": vouchers(), "amount_minor": 15_00, "pieces": 4, **TERMS}
    paying.paid(paying.subsidy(**terms), at=NOW)
    ((name, amount, notes),) = newest(signed_in)
    assert (name, amount) == ("Late voucher", "+¥60.00")
    assert "4 of ¥15.00 each | ¥15 off from a price of ¥20" in notes


def test_what_was_taken_back_with_its_run_is_told_with_the_reason_and_what_was_spent(
    world: World, signed_in: Client
) -> None:
    run = paying.paid(paying.credit(amount_minor=100_00, reason="Winter aid", at=NOW), at=NOW)
    world.buy(150_00)
    paying.reversed_whole(run, at=NOW + timedelta(minutes=5))
    taken, given = newest(signed_in, 2)
    assert taken == ("Winter aid", "−¥50.00", "taken back by 好意: wrong amount | ¥50.00 of it had been spent")
    assert given[:2] == ("Winter aid", "+¥100.00")


def test_a_grant_taken_back_is_not_promised_any_longer(world: World, signed_in: Client) -> None:
    run = paying.paid(paying.subsidy(**TERMS), at=NOW)
    paying.reversed_whole(run, at=NOW + timedelta(minutes=5))
    assert [entry[1:] for entry in newest(signed_in, 2)] == [
        ("−¥50.00", "taken back by Meal subsidy: wrong amount"),
        ("+¥50.00", "from Meal subsidy"),
    ]


def test_a_line_is_told_once_it_is_paid_and_not_before(world: World, signed_in: Client) -> None:
    before = len(received(signed_in))
    run = paying.approved(paying.credit(at=NOW), at=NOW)
    assert len(received(signed_in)) == before
    runs.start(run_id=run.pk, at=NOW)
    assert len(received(signed_in)) == before
    runs.work_on(run_id=run.pk, at=NOW, lines=1)
    runs.work_on(run_id=run.pk, at=NOW, lines=1)
    assert len(received(signed_in)) == before + 1


def test_a_voucher_from_somebody_else_is_told_as_such(world: World, signed_in: Client) -> None:
    terms = {"kind": RunKind.VOUCHER, "programme": vouchers(transferable=True), "amount_minor": 15_00, **TERMS}
    paying.paid(paying.subsidy(**terms), at=NOW)
    theirs = Grant.objects.get(cardholder=world.other.cardholder, amount_minor=15_00)
    later = NOW + timedelta(minutes=5)
    transfer_voucher(grant_id=theirs.pk, to=world.student.number, by=theirs.cardholder_id, at=later)
    ((name, amount, notes),) = newest(signed_in)
    assert (name, amount) == ("Late voucher", "+¥15.00")
    assert notes.startswith("given to you by somebody else | ")


def test_a_voucher_from_somebody_else_that_was_taken_back_with_its_run_says_by_whom_and_why(
    world: World, signed_in: Client
) -> None:
    terms = {"kind": RunKind.VOUCHER, "programme": vouchers(transferable=True), "amount_minor": 15_00, **TERMS}
    other = world.other.cardholder
    run = paying.paid(paying.subsidy(uploaded=upload_from_text(other.number), **terms), at=NOW)
    theirs = Grant.objects.get(run=run)
    later = NOW + timedelta(minutes=1)
    transfer_voucher(grant_id=theirs.pk, to=world.student.number, by=other.pk, at=later)
    paying.reversed_whole(run, at=NOW + timedelta(minutes=5))
    ((name, amount, notes),) = newest(signed_in)
    assert (name, amount) == ("Late voucher", "+¥15.00")
    assert notes == "given to you by somebody else | taken back by Late voucher: wrong amount"
    signed_in.post("/i18n/setlang/", {"language": "zh-hans"})
    assert newest(signed_in)[0][2].endswith("收回：wrong amount")


def test_an_entry_whose_time_is_over_says_when_it_ended(world: World, signed_in: Client) -> None:
    paying.paid(paying.subsidy(at=NOW, expires_at=NOW + timedelta(minutes=1)), at=NOW)
    assert newest(signed_in)[0][2].startswith("from Meal subsidy | ended ")


def test_another_persons_money_is_nowhere_on_the_page(world: World, signed_in: Client) -> None:
    before = received(signed_in)
    paying.paid(paying.credit(uploaded=world.other.number, at=NOW), at=NOW)
    top_up(cardholder=world.other.cardholder, amount_minor=44_00, by=None, at=NOW, key="theirs")
    assert received(signed_in) == before
    assert Client().get("/received/").status_code == 302


def fill(world: World) -> None:
    """More than two pages, everything at the same moment."""
    for number in range(PER_PAGE + 5):
        top_up(cardholder=world.student.cardholder, amount_minor=100 + number, by=None, at=NOW, key=f"desk {number}")
    for number in range(PER_PAGE):
        paying.paid(paying.credit(amount_minor=10_00 + number, reason=f"Aid {number}", at=NOW), at=NOW)
    paying.reversed_whole(paying.paid(paying.subsidy(amount_minor=9_00, **TERMS), at=NOW), at=NOW)


def test_pages_hand_on_to_each_other_without_a_gap_or_a_repeat(world: World, signed_in: Client) -> None:
    first = received(signed_in)
    fill(world)
    seen: list[tuple[str, str, str]] = []
    before = ""
    while True:
        page = signed_in.get("/received/", {"before": before}).context["page"]
        assert len(page.entries) <= PER_PAGE
        seen += [(each.name, each.amount, " | ".join(each.notes)) for each in page.entries]
        before = page.next_before
        if not before:
            break
    assert len(seen) == len(set(seen)) == len(first) + 2 * PER_PAGE + 5 + 2


def test_a_page_costs_the_same_however_much_came_in_and_never_looks_at_sales(world: World, signed_in: Client) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            assert signed_in.get("/received/").status_code == 200
        return [each["sql"] for each in captured]

    paying.paid(paying.subsidy(**TERMS), at=NOW)
    world.buy(1_00)
    few = asked()
    fill(world)
    many = asked()
    assert len(many) == len(few)
    assert not [sql for sql in many if "settlement_" in sql or "ledger_transfer" in sql]


@pytest.mark.parametrize("text", ["-", "1-x", "9" * 18 + "-1", "0-0", "1-" + "9" * 18])
def test_a_cursor_that_names_nothing_does_no_harm(signed_in: Client, text: str) -> None:
    assert signed_in.get("/received/", {"before": text}).status_code == 200
