"""What several tests walk through together."""

from __future__ import annotations

from tests.e2e.books import BookedSale, Books
from tests.e2e.counter import Counter, Shown
from tests.e2e.phone import Phone
from tests.e2e.watching import keep, until


def pay_in_the_dark(phone: Phone, counter: Counter, *, keys: str, name: str) -> tuple[bytes, Shown]:
    """Neither side has a network; the screenshot of the code pays. Gives the picture and what was shown."""
    counter.switch_line("drop")
    counter.type_amount(keys)
    phone.lose_the_network()
    phone.picture()
    keep(phone.page, f"{name}-phone-offline")
    picture = phone.picture()
    counter.choose_picture(picture)
    counter.customer.shows("approved")
    keep(counter.customer.page, f"{name}-customer-approved")
    shown = counter.cashier.shows("approved")
    keep(counter.page, f"{name}-cashier-approved")
    return picture, shown


def is_refused_again(picture: bytes, counter: Counter, *, keys: str, name: str) -> None:
    """The same picture once more is refused as used, and the amount stands for the next person."""
    counter.answer_has_gone()
    counter.type_amount(keys)
    counter.paste(picture)
    counter.customer.shows("declined", "已经用过")
    shown = counter.cashier.shows("declined", "already used")
    keep(counter.customer.page, f"{name}-customer-already-used")
    keep(counter.page, f"{name}-cashier-already-used")
    assert "Next code in" in shown.wait
    counter.amount_is(shown.sum)


def posted_once(
    books: Books, number: str, *, before: list[BookedSale], amounts_minor: tuple[int, ...], exceptions: int = 0
) -> BookedSale:
    """Wait for the sales that were not there before: just these, and what stands of them has moved once.

    Finance has heard of so many matters. Gives the last sale.
    """
    until(lambda: len(books.sales_of(number)) >= len(before) + len(amounts_minor), what="the sales are posted")
    new = books.sales_of(number)[len(before) :]
    assert tuple(sale.amount_minor for sale in new) == amounts_minor
    assert [sale.moved_minor for sale in new] == [0 if sale.reversed else sale.amount_minor for sale in new]
    assert books.balance()
    assert books.exceptions() == exceptions
    return new[-1]
