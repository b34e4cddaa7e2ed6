"""A university: 100 yuan a year that only the gym takes; staff pay 80 %, visitors 130 %."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.e2e.books import BookedSale, Books
from tests.e2e.counter import Counter
from tests.e2e.journeys import posted_once
from tests.e2e.phone import Phone
from tests.e2e.stories import Desk, carry_policy_into_the_dark, come_back_from_the_dark, is_explained, pay
from tests.e2e.watching import keep
from tests.support.stack import Stack

DRAFT = "Gym and prices"
GYM = "Gym 1 · Fitness"
STUDENTS = 47


class Sold(NamedTuple):
    """What the ledger has of the story."""

    at_the_gym: BookedSale
    at_the_canteen: BookedSale
    to_staff: BookedSale


@pytest.fixture(scope="session")
def stack(bare_stack: Stack) -> Stack:
    return bare_stack


def test_an_allowance_for_the_gym_and_prices_by_class_are_set_up_rehearsed_approved_and_charged_offline(
    manager: Desk,
    second: Desk,
    student: Phone,
    staff: Phone,
    visitor: Phone,
    north: Counter,
    south: Counter,
    books: Books,
) -> None:
    before = {phone.number: books.sales_of(phone.number) for phone in (student, staff, visitor)}
    manager.page.goto("/admin/templates/")
    keep(manager.page, "university-gallery")
    draft, run = _set_up(manager, visitor=visitor)
    manager.move_terminal("南苑1号机", to=GYM)
    second.approve("Gym allowance")
    second.pay_out(run, name="university")
    second.approve(DRAFT)
    policy = second.publish(draft, name="university")

    phones = (student, staff, visitor)
    for phone in phones:
        phone.sign_in()
        phone.picture()
    south.stands_at("Gym 1")
    carry_policy_into_the_dark(policy, books=books, counters=(north, south))
    for phone in phones:
        phone.lose_the_network()
    _charge(student, staff, visitor, north=north, south=south)

    come_back_from_the_dark(north, south)
    sold = _booked(books, student=student, staff=staff, visitor=visitor, before=before)
    for phone in phones:
        phone.find_the_network()
    _each_reads_why(student, staff, sold)


def _booked(books: Books, *, student: Phone, staff: Phone, visitor: Phone, before: dict[str, list[BookedSale]]) -> Sold:
    """Each paid once what was shown: at the gym the allowance, at the canteen the purse."""
    last = posted_once(books, student.number, before=before[student.number], amounts_minor=(30_00, 12_00))
    at_the_gym = books.sales_of(student.number)[-2]
    assert (at_the_gym.grant_minor, at_the_gym.purse_minor) == (30_00, 0)
    assert (last.grant_minor, last.purse_minor) == (0, 12_00)
    of_staff = posted_once(books, staff.number, before=before[staff.number], amounts_minor=(16_00,))
    posted_once(books, visitor.number, before=before[visitor.number], amounts_minor=(26_00,))
    return Sold(at_the_gym, last, of_staff)


def _each_reads_why(student: Phone, staff: Phone, sold: Sold) -> None:
    is_explained(
        student,
        sold.at_the_gym.id,
        zh=("标价 ¥30.00", "“健身补贴”支付 ¥30.00"),
        en=("List price ¥30.00", "“Gym allowance” paid ¥30.00"),
        name="university",
    )
    is_explained(
        student,
        sold.at_the_canteen.id,
        zh=("“健身补贴”不适用于此处", "钱包支付 ¥12.00"),
        en=("“Gym allowance” cannot be spent here", "The purse paid ¥12.00"),
        name="university-canteen",
    )
    is_explained(
        staff,
        sold.to_staff.id,
        zh=("按“教职工价”计价 ¥16.00",),
        en=("Priced at ¥16.00 by “Staff price”",),
        name="university-staff",
    )


def _set_up(manager: Desk, *, visitor: Phone) -> tuple[str, str]:
    """Both stories and the money, as far as the manager may; gives the draft's and the run's address."""
    manager.set_up(
        "Allowance for one place",
        texts={"Amount each, ¥": "100", "Issued on": "2030-09-01"},
        chosen=("Students", GYM),
        says=(
            "2030-09-01 发给学生 ¥100，只能在体育馆1号窗·健身使用",
            "Students get ¥100, to be spent only at Gym 1 · Fitness",
        ),
        name="university-gym",
    )
    manager.set_up(
        "Prices by class",
        texts={"Staff: share of the list price, %": "80", "Visitors: share of the list price, %": "130"},
        says=("访客的价格为标价的 130 %", "for Staff the price is 80 % of the list price"),
        name="university-prices",
    )
    run = manager.make_run("Gym allowance", period="2026", people=STUDENTS, name="university")
    manager.ask_approval(run)
    draft = manager.make_draft(DRAFT, changes=("80 % of the list price", "to be spent only at Gym 1"))
    manager.rehearse(
        draft,
        replayed=10,
        person=visitor.number,
        then="The purse paid",
        now="by “Visitors price”",
        name="university",
    )
    manager.ask_approval(draft)
    manager.may_not_approve(draft)
    return draft, run


def _charge(student: Phone, staff: Phone, visitor: Phone, *, north: Counter, south: Counter) -> None:
    """At the gym the allowance pays, at the canteen it does not; each class its price."""
    pay(student, south, keys="30.00")
    shown = south.cashier.shows("approved", "Paid ¥30.00")
    assert "Gym allowance" in shown.why
    keep(south.customer.page, "university-gym-customer")
    for phone, paid in ((staff, "¥16.00"), (visitor, "¥26.00")):
        pay(phone, south, keys="20.00")
        south.cashier.shows("approved", f"Paid {paid}")
    pay(student, north, keys="12.00")
    shown = north.cashier.shows("approved", "Paid ¥12.00")
    assert "The purse paid ¥12.00" in shown.why
