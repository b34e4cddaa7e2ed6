"""Lunch with no network: the phone has none, the terminal has none, and the ledger has the sale once."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.books import Books
from tests.e2e.counter import Counter
from tests.e2e.journeys import is_refused_again, pay_in_the_dark, posted_once
from tests.e2e.office import Office
from tests.e2e.phone import Phone
from tests.e2e.watching import TIMEOUT_S, keep

TIMEOUT_MS = TIMEOUT_S * 1000


def test_lunch_with_no_network_reaches_the_ledger_once_and_is_explained(
    student: Phone, north: Counter, office: Office, books: Books
) -> None:
    before = books.sales_of(student.number)
    keep(north.page, "lunch-cashier-ready")
    keep(north.customer.page, "lunch-customer-ready")
    student.page.goto("/sign-in/")
    keep(student.page, "lunch-phone-sign-in")
    student.sign_in()
    student.picture()
    keep(student.page, "lunch-phone-online")

    north.switch_line("drop")
    north.is_offline()
    picture, shown = pay_in_the_dark(student, north, keys="12.50", name="lunch")
    assert shown.sum == "¥12.50"
    assert "*" in shown.who
    assert "left to spend" in shown.left
    assert "Student meal subsidy" in shown.why
    north.has_unsent(1)
    is_refused_again(picture, north, keys="12.50", name="lunch")
    assert books.sales_of(student.number) == before

    north.switch_line("pass")
    north.has_sent_all()
    sale = posted_once(books, student.number, before=before, amounts_minor=(12_50,))
    assert sale.grant_minor == 12_50
    _is_explained_on_the_phone(student, sale_id=sale.id)
    _is_explained_in_the_office(office, sale_id=sale.id, number=student.number)


def _is_explained_on_the_phone(phone: Phone, *, sale_id: int) -> None:
    phone.find_the_network()
    row = phone.page.locator("#sales li", has_text="¥12.50").first
    expect(row).to_be_visible(timeout=TIMEOUT_MS)
    row.locator("summary").click()
    expect(row).to_contain_text("“Student meal subsidy” paid ¥")
    row.scroll_into_view_if_needed()
    keep(phone.page, "lunch-phone-with-the-sale")
    phone.page.goto("/sales/")
    keep(phone.page, "lunch-phone-sales")
    phone.page.click("a.row:has-text('¥12.50')")
    phone.page.wait_for_url(f"**/sales/{sale_id}/")
    reasons = phone.page.locator("ol.reasons li")
    expect(reasons.filter(has_text="List price ¥12.50")).to_have_count(1)
    expect(reasons.filter(has_text="“Student meal subsidy” paid ¥")).not_to_have_count(0)
    keep(phone.page, "lunch-phone-sale")


def _is_explained_in_the_office(office: Office, *, sale_id: int, number: str) -> None:
    office.open_sale(sale_id)
    page = office.page
    for said in (number, "¥12.50", "List price ¥12.50", "“Student meal subsidy” paid ¥"):
        expect(page.get_by_text(said).first).to_be_visible()
    keep(page, "lunch-office-sale", whole=True)
