"""A school: breakfast free, lunch self-paid; pupils may not buy cola; gluten: warn."""

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
    show_code,
)
from tests.e2e.watching import keep
from tests.support.stack import Stack

DRAFT = "Breakfast for pupils"
MINUTES_LEFT = 40
INTO_LUNCH_S = (MINUTES_LEFT + 1) * 60


@pytest.fixture(scope="session")
def stack(bare_stack: Stack) -> Stack:
    return bare_stack


def test_breakfast_is_free_lunch_is_paid_cola_is_not_sold_and_gluten_is_warned_of_offline(
    manager: Desk, second: Desk, pupil: Phone, window: Counter, books: Books, stack: Stack
) -> None:
    before = books.sales_of(pupil.number)
    make_it_meal_time(stack.database_url, "breakfast", minutes_left=MINUTES_LEFT)
    draft = _set_up(manager, pupil=pupil)
    second.approve(DRAFT)
    policy = second.publish(draft, name="school")

    pupil.sign_in()
    pupil.picture()
    carry_policy_into_the_dark(policy, books=books, counters=(window,))
    pupil.lose_the_network()
    _breakfast(pupil, window)
    _lunch(pupil, window)

    window.clock_is_put_right()
    come_back_from_the_dark(window)
    window.clock_is_believed()
    pupil.find_the_network()
    lunch = posted_once(books, pupil.number, before=before, amounts_minor=(6_00, 5_00, 2_50))
    free, again = books.sales_of(pupil.number)[-3:-1]
    assert (free.purse_minor, free.others_minor) == (0, 6_00)
    assert (again.purse_minor, lunch.purse_minor) == (5_00, 2_50)
    is_explained(
        pupil,
        free.id,
        zh=("“免费早餐”", "含麸质"),
        en=("“Free breakfast”", "contains Gluten"),
        name="school-breakfast",
    )
    is_explained(pupil, lunch.id, zh=("钱包支付 ¥2.50",), en=("The purse paid ¥2.50",), name="school-lunch")


def _set_up(manager: Desk, *, pupil: Phone) -> str:
    """All three stories, as far as the manager may; gives the draft's address."""
    manager.set_up(
        "Free meal",
        texts={"Price that the sponsor pays for each, ¥": "6"},
        chosen=("Pupils", "Breakfast"),
        says=("免费早餐", "Free breakfast"),
        name="school-free-meal",
    )
    manager.set_up(
        "Not for sale to some",
        texts={},
        chosen=("Pupils", "Fizzy drinks"),
        says=("碳酸饮料", "Fizzy drinks"),
        name="school-no-cola",
    )
    manager.set_up(
        "Allergen warning",
        texts={},
        chosen=("Gluten",),
        says=("买含麸质的商品", "whatever contains Gluten"),
        name="school-gluten",
    )
    draft = manager.make_draft(DRAFT, changes=("Free breakfast", "No cola", "Gluten"))
    manager.rehearse(
        draft,
        replayed=10,
        person=pupil.number,
        then="The purse paid",
        now="Free breakfast",
        name="school",
    )
    manager.ask_approval(draft)
    manager.may_not_approve(draft)
    return draft


def _breakfast(pupil: Phone, window: Counter) -> None:
    """The basket survives the decline of cola; the meal is free once."""
    window.empty_basket()
    window.put_in_basket("Breakfast", "Pork bun")
    window.put_in_basket("Drinks", "Soya milk")
    window.put_in_basket("Fizzy drinks", "Cola")
    show_code(pupil, window)
    window.customer.shows("declined", "可乐不能卖给您")
    shown = window.cashier.shows("declined", "Cola cannot be sold to you")
    assert "No cola" in shown.words
    window.basket_is("Pork bun", "Soya milk", "Cola")
    keep(window.page, "school-cola-cashier")
    keep(window.customer.page, "school-cola-customer")
    window.take_out_of_basket("Cola")
    show_code(pupil, window)
    shown = window.cashier.shows("approved", "Nothing to pay")
    assert "Mind: Pork bun contains" in shown.warnings
    assert "Free breakfast" in shown.why
    window.customer.shows("approved")
    keep(window.page, "school-breakfast-cashier")
    keep(window.customer.page, "school-breakfast-customer")
    window.answer_has_gone()
    window.put_in_basket("Drinks", "Yoghurt")
    show_code(pupil, window)
    shown = window.cashier.shows("approved", "Paid ¥5.00")
    assert "Free breakfast" in shown.why


def _lunch(pupil: Phone, window: Counter) -> None:
    """Both clocks are in the next meal, where nothing is free."""
    window.answer_has_gone()
    window.clock_moves_on(INTO_LUNCH_S)
    window.put_in_basket("Breakfast", "Pork bun")
    pupil.clock_moves_on(INTO_LUNCH_S)
    window.paste(pupil.picture())
    shown = window.cashier.shows("approved", "Paid ¥2.50")
    assert "Mind: Pork bun contains" in shown.warnings
    keep(window.customer.page, "school-lunch-customer")
