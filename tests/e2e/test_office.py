"""An office: a late-shift voucher that takes 15 off dinner from 20; staff pay 80 %, visitors 130 %."""

from __future__ import annotations

import pytest

from tests.e2e.books import Books
from tests.e2e.counter import Counter
from tests.e2e.journeys import posted_once
from tests.e2e.phone import Phone
from tests.e2e.stories import (
    Desk,
    carry_policy_into_the_dark,
    come_back_from_the_dark,
    is_explained,
    make_it_meal_time,
    pay,
)
from tests.e2e.watching import keep
from tests.support.stack import Stack

DRAFT = "Dinner of the late shift"
LATE_SHIFT = 4


@pytest.fixture(scope="session")
def stack(bare_stack: Stack) -> Stack:
    return bare_stack


def test_a_late_shift_voucher_and_prices_by_class_are_set_up_rehearsed_approved_and_charged_offline(
    manager: Desk, second: Desk, staff: Phone, visitor: Phone, south: Counter, books: Books, stack: Stack
) -> None:
    before = {phone.number: books.sales_of(phone.number) for phone in (staff, visitor)}
    make_it_meal_time(stack.database_url, "dinner", minutes_left=120)
    draft, run = _set_up(manager, staff=staff)
    second.approve("Late-shift dinner voucher")
    second.pay_out(run, name="office")
    second.approve(DRAFT)
    policy = second.publish(draft, name="office")

    for phone in (staff, visitor):
        phone.sign_in()
        phone.picture()
    carry_policy_into_the_dark(policy, books=books, counters=(south,))
    for phone in (staff, visitor):
        phone.lose_the_network()
    _charge(staff, visitor, south)

    come_back_from_the_dark(south)
    posted_once(books, visitor.number, before=before[visitor.number], amounts_minor=(26_00,))
    again = posted_once(books, staff.number, before=before[staff.number], amounts_minor=(14_40, 24_00, 24_00))
    small, dinner = books.sales_of(staff.number)[-3:-1]
    assert [each.grant_minor for each in (small, dinner, again)] == [0, 15_00, 0]
    assert [each.purse_minor for each in (small, dinner, again)] == [14_40, 9_00, 24_00]
    for phone in (staff, visitor):
        phone.find_the_network()
    is_explained(
        staff,
        dinner.id,
        zh=("按“教职工价”计价 ¥24.00", "用券“加班晚餐券”抵扣 ¥15.00", "钱包支付 ¥9.00"),
        en=(
            "Priced at ¥24.00 by “Staff price”",
            "Voucher “Late-shift dinner voucher” paid ¥15.00",
            "The purse paid ¥9.00",
        ),
        name="office-dinner",
    )
    is_explained(
        staff, small.id, zh=("券“加班晚餐券”",), en=("Voucher “Late-shift dinner voucher”",), name="office-below"
    )


def _set_up(manager: Desk, *, staff: Phone) -> tuple[str, str]:
    """Both stories and the vouchers, as far as the manager may; gives the draft's and the run's address."""
    manager.set_up(
        "Voucher: so much off",
        texts={"Only people on the list": "Late shift", "Takes off, ¥": "15", "From a price of, ¥": "20"},
        chosen=("Staff", "Dinner"),
        says=("¥15", "¥20", "晚餐", "Dinner"),
        name="office-voucher",
    )
    manager.set_up(
        "Prices by class",
        texts={"Staff: share of the list price, %": "80", "Visitors: share of the list price, %": "130"},
        says=("访客的价格为标价的 130 %", "for Staff the price is 80 % of the list price"),
        name="office-prices",
    )
    run = manager.make_run("Late-shift dinner voucher", period="2026-W47", people=LATE_SHIFT, name="office")
    manager.ask_approval(run)
    draft = manager.make_draft(DRAFT, changes=("Late-shift dinner voucher", "80 % of the list price"))
    manager.rehearse(
        draft,
        replayed=10,
        person=staff.number,
        then="The purse paid",
        now="by “Staff price”",
        name="office",
    )
    manager.ask_approval(draft)
    manager.may_not_approve(draft)
    return draft, run


def _charge(staff: Phone, visitor: Phone, south: Counter) -> None:
    """Below 20 the voucher is kept; from 20 on it takes 15 off, once."""
    for typed, paid, said in (
        ("18.00", "¥14.40", "The purse paid ¥14.40"),
        ("30.00", "¥24.00", "Voucher “Late-shift dinner voucher” paid ¥15.00"),
        ("30.00", "¥24.00", "The purse paid ¥24.00"),
    ):
        pay(staff, south, keys=typed)
        shown = south.cashier.shows("approved", f"Paid {paid}")
        assert said in shown.why
        keep(south.customer.page, f"office-{said.rsplit('¥', maxsplit=1)[-1]}-customer")
    pay(visitor, south, keys="20.00")
    south.cashier.shows("approved", "Paid ¥26.00")
