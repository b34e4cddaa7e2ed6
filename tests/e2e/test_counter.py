"""What happens at a counter: a wrong amount, a power cut, a student whose money came after the line went."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.books import Books
from tests.e2e.counter import Counter
from tests.e2e.device import Unit
from tests.e2e.journeys import posted_once
from tests.e2e.office import Office
from tests.e2e.phone import Phone
from tests.e2e.supervisor import Menu
from tests.e2e.watching import TIMEOUT_S, keep, until
from tests.support.stack import Stack

STAFF, STUDENT = "T00002", "202600003"
"""Who comes with a card, and has money enough for all of it."""
TRIES = 20
HOUR_S = 3_600
WEEK_S = 7 * 24 * HOUR_S


def test_a_reversed_sale_gives_the_money_back_and_the_same_code_pays_again(
    student: Phone, south: Counter, books: Books
) -> None:
    before, purse_minor = books.sales_of(student.number), books.purse_minor(student.number)
    student.sign_in()
    south.switch_line("drop")
    south.type_amount("21.50")
    picture = student.picture()
    south.paste(picture)
    south.cashier.shows("approved", "Paid ¥21.50")
    south.reverse()
    south.customer.shows("approved", "已撤销 ¥21.50")
    south.cashier.shows("approved", "The same code can pay again")
    south.type_amount("12.50")
    south.paste(picture)
    south.cashier.shows("approved", "Paid ¥12.50")
    south.has_unsent(3)

    south.switch_line("pass")
    south.has_sent_all()
    last = posted_once(books, student.number, before=before, amounts_minor=(21_50, 12_50))
    first = books.sales_of(student.number)[-2]
    assert (first.reversed, first.moved_minor) == (True, 0)
    assert (last.reversed, last.purse_minor) == (False, 12_50)
    assert books.purse_minor(student.number) == purse_minor - 12_50
    student.page.goto("/sales/")
    expect(student.page.locator("a.row", has_text="reversed")).to_contain_text("¥21.50")
    keep(student.page, "reversal-phone-sales")


def test_a_sale_survives_a_power_cut_and_is_uploaded_once(student: Phone, north: Counter, books: Books) -> None:
    before = books.sales_of(student.number)
    student.sign_in()
    north.switch_line("drop")
    north.type_amount("9.00")
    north.choose_picture(student.picture())
    north.cashier.shows("approved", "Paid ¥9.00")
    north.has_unsent(1)
    north.pull_the_plug()
    keep(north.page, "power-cut-cashier")
    north.is_back()
    # The sale, and the record by which the journal goes on after the restart.
    north.has_unsent(2)
    expect(north.page.locator("#reverse")).to_contain_text("¥9.00")
    keep(north.page, "power-back-cashier")
    assert books.sales_of(student.number) == before

    north.switch_line("pass")
    north.has_sent_all()
    posted_once(books, student.number, before=before, amounts_minor=(9_00,))


def test_a_student_who_topped_up_after_the_terminal_went_dark_pays(
    student: Phone, south: Counter, office: Office, books: Books
) -> None:
    before, purse_minor = books.sales_of(student.number), books.purse_minor(student.number)
    student.sign_in()
    all_but_ten = f"{(purse_minor - 10_00) / 100:.2f}"
    south.type_amount(all_but_ten)
    south.paste(student.picture())
    south.cashier.shows("approved", f"Paid ¥{all_but_ten}")
    posted_once(books, student.number, before=before, amounts_minor=(purse_minor - 10_00,))
    south.has_heard_the_news()

    south.switch_line("drop")
    south.type_amount("25.00")
    south.answer_has_gone()
    student.page.reload()
    expect(student.page.locator("#balance")).to_have_text("¥10.00", timeout=TIMEOUT_S * 1000)
    south.paste(student.picture())
    south.cashier.shows("declined", "Not enough money")
    keep(south.page, "top-up-cashier-declined")
    keep(south.customer.page, "top-up-customer-declined")

    office.top_up(student.number, "50.00")
    keep(office.page, "top-up-office")
    student.page.reload()
    # With the balance the codes are brought up to date, here or by the page itself in the minute before.
    expect(student.page.locator("#age")).to_contain_text("As of", timeout=TIMEOUT_S * 1000)
    expect(student.page.locator("#balance")).to_have_text("¥60.00", timeout=TIMEOUT_S * 1000)
    south.amount_is("¥25.00")
    south.answer_has_gone()
    south.paste(student.picture())
    south.cashier.shows("approved", "Paid ¥25.00")
    keep(south.customer.page, "top-up-customer-approved")

    south.switch_line("pass")
    south.has_sent_all()
    posted_once(books, student.number, before=before, amounts_minor=(purse_minor - 10_00, 25_00))
    assert books.purse_minor(student.number) == 35_00


def test_above_the_floor_the_server_is_asked_and_without_its_answer_the_terminal_decides(
    south: Counter, books: Books
) -> None:
    before, purse_minor = books.sales_of(STAFF), books.purse_minor(STAFF)
    till = Unit(south.cashier)
    paid: list[int] = []

    def pay_until(said: str) -> None:
        """A server that is busy for 300 ms is not waited for, nor asked again at once: that sale is undone."""
        for _try in range(TRIES):
            south.type_amount("38.00")
            till.lay_card(STAFF)
            till.approves("Paid ¥30.40")
            south.answer_has_gone()
            paid.append(30_40)
            if said in south.cashier.last_asked():
                return
            south.reverse()
            south.cashier.shows("approved", "Reversed")
        raise AssertionError(f"never {said!r}")

    pay_until("and answered in")
    keep(south.page, "asked-cashier")
    posted_once(books, STAFF, before=before, amounts_minor=tuple(paid))
    south.has_heard_the_news()

    south.switch_line("delay")
    pay_until("so the offline rules decided")
    south.page.click("#explain")
    expect(south.page.locator("#details-asked")).to_contain_text("no answer within", timeout=TIMEOUT_S * 1000)
    expect(south.page.locator("#steps")).to_contain_text("The purse paid ¥30.40")
    keep(south.page, "asked-in-vain-details")
    south.page.click("#details-close")
    south.switch_line("drop")
    south.is_offline()
    south.type_amount("380.00")
    till.lay_card(STAFF)
    assert till.declines().asked == ""

    south.switch_line("pass")
    south.has_sent_all()
    posted_once(books, STAFF, before=before, amounts_minor=tuple(paid))
    until(lambda: not books.open_holds(), what="no money is held any more")
    kept = [sale.amount_minor for sale in books.sales_of(STAFF)[len(before) :] if not sale.reversed]
    assert kept == [30_40, 30_40]
    assert books.purse_minor(STAFF) == purse_minor - sum(kept)


def test_two_supervisors_let_a_terminal_sell_on_after_a_week_without_a_line(
    south: Counter, office: Office, stack: Stack, books: Books
) -> None:
    before = books.sales_of(STUDENT)
    till, menu = Unit(south.cashier), Menu(south.page, stack.pins)
    first, second = stack.pins
    south.switch_line("drop")
    south.clock_moves_on(WEEK_S + HOUR_S)
    south.type_amount("5.00")
    till.lay_card(STUDENT)
    till.declines("offline too long")
    keep(south.page, "week-offline-declined")
    menu.enter(first)
    menu.extend(4, second=second)
    keep(south.page, "week-offline-extended")
    menu.leave()
    south.answer_has_gone()
    till.lay_card(STUDENT)
    till.approves("Paid ¥5.00")

    south.clock_is_put_right()
    south.switch_line("pass")
    south.clock_is_believed()
    south.has_sent_all()
    south.page.click("[data-key=clear]")  # by the clock put right, the last answer would stand there for a week
    posted_once(books, STUDENT, before=before, amounts_minor=(5_00,))
    office.page.goto("/admin/settlement/terminalnote/")
    said = f"{first}, {second} extended offline sales by 4 h"
    expect(office.page.locator("#result_list")).to_contain_text(said, timeout=TIMEOUT_S * 1000)
    keep(office.page, "week-offline-office")
