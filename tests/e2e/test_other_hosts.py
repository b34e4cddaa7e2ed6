"""Another host of the code: a page that signs nothing pays with no network just the same."""

from __future__ import annotations

from tests.e2e.books import Books
from tests.e2e.counter import Counter
from tests.e2e.journeys import is_refused_again, pay_in_the_dark, posted_once
from tests.e2e.phone import Phone


def test_a_plain_host_with_pre_signed_codes_pays_with_no_network_just_the_same(
    staff: Phone, south: Counter, books: Books
) -> None:
    before = books.sales_of(staff.number)
    staff.sign_in(then="/hosts/plain/")
    staff.picture()  # the list of codes has come
    picture, shown = pay_in_the_dark(staff, south, keys="8.00", name="plain-host")
    assert shown.sum == "¥6.40"  # staff pay 80 %
    assert "Staff 80 %" in shown.why
    is_refused_again(picture, south, keys="8.00", name="plain-host")
    south.switch_line("pass")
    south.has_sent_all()
    posted_once(books, staff.number, before=before, amounts_minor=(6_40,))
