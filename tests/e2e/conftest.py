"""One running campus for all tests here, a browser's pages before it, and the books to hold them against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, ViewportSize

from tests.e2e.books import Books, open_books
from tests.e2e.counter import CASHIER_VIEWPORT, CUSTOMER_VIEWPORT, ENGLISH, REMEMBER, Counter, View
from tests.e2e.device import Unit
from tests.e2e.office import VIEWPORT as OFFICE_VIEWPORT
from tests.e2e.office import Office
from tests.e2e.phone import VIEWPORT, Phone
from tests.e2e.stories import Desk, put_all_rules_out_of_use
from tests.support.stack import Stack, running_stack

NORTH, SOUTH, WINDOW = 0, 1, 2
"""Terminals of the demo: north has a subsidy and a fixed price to begin with, south neither; the window sells products.
"""
LUNCHES_BEFORE = 24


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with running_stack() as running:
        yield running


@pytest.fixture(scope="session")
def bare_stack() -> Iterator[Stack]:
    """A campus without rules, whose people have had lunch."""
    with running_stack(bare=True, taps=LUNCHES_BEFORE) as running:
        yield running


@pytest.fixture
def books(stack: Stack) -> Iterator[Books]:
    with open_books(stack.database_url) as opened:
        yield opened


@pytest.fixture
def phone_of(stack: Stack, browser: Browser) -> Iterator[Callable[[str], Phone]]:
    """`phone_of("student")`: the phone of one of the demo's logins, not signed in yet."""
    with ExitStack() as contexts:

        def open_phone(role: str) -> Phone:
            context = browser.new_context(
                base_url=stack.addresses.web, viewport=VIEWPORT, device_scale_factor=2, locale="en"
            )
            contexts.callback(context.close)
            return Phone(context, context.new_page(), stack.addresses.logins[role], stack.passwords[role])

        yield open_phone


@pytest.fixture
def student(phone_of: Callable[[str], Phone]) -> Phone:
    return phone_of("student")


@pytest.fixture
def staff(phone_of: Callable[[str], Phone]) -> Phone:
    return phone_of("staff")


@pytest.fixture
def visitor(phone_of: Callable[[str], Phone]) -> Phone:
    return phone_of("visitor")


@pytest.fixture
def pupil(phone_of: Callable[[str], Phone]) -> Phone:
    return phone_of("pupil")


@pytest.fixture
def counter_at(stack: Stack, browser: Browser) -> Iterator[Callable[[int], Counter]]:
    """`counter_at(NORTH)`: both pages of a terminal whose line is whole and whose journal is empty."""
    with ExitStack() as contexts:

        def open_view(number: int, path: str, viewport: ViewportSize, *, english: bool) -> View:
            context = browser.new_context(base_url=stack.addresses.terminals[number].url, viewport=viewport)
            contexts.callback(context.close)
            page = context.new_page()
            page.add_init_script(REMEMBER)
            if english:
                page.add_init_script(ENGLISH)
            page.goto(path)
            return View(page)

        def open_counter(number: int) -> Counter:
            counter = Counter(
                cashier=open_view(number, "/", CASHIER_VIEWPORT, english=True),
                customer=open_view(number, "/customer", CUSTOMER_VIEWPORT, english=False),
            )
            counter.switch_line("pass")
            counter.has_sent_all()
            return counter

        yield open_counter


@pytest.fixture
def device_of(stack: Stack, browser: Browser) -> Iterator[Callable[[str], Unit]]:
    """`device_of("gate")`: the page of the first device of a kind, with its journal empty."""
    with ExitStack() as contexts:

        def open_unit(kind: str) -> Unit:
            url = next(each.url for each in stack.addresses.terminals if each.kind == kind)
            context = browser.new_context(base_url=url, viewport=CASHIER_VIEWPORT)
            contexts.callback(context.close)
            page = context.new_page()
            page.add_init_script(REMEMBER)
            page.add_init_script(ENGLISH)
            page.goto("/")
            unit = Unit(View(page))
            unit.has_sent_all()
            return unit

        yield open_unit


@pytest.fixture
def north(counter_at: Callable[[int], Counter]) -> Counter:
    return counter_at(NORTH)


@pytest.fixture
def south(counter_at: Callable[[int], Counter]) -> Counter:
    return counter_at(SOUTH)


@pytest.fixture
def window(counter_at: Callable[[int], Counter]) -> Counter:
    return counter_at(WINDOW)


@pytest.fixture
def manager(stack: Stack, browser: Browser) -> Iterator[Desk]:
    """The canteen manager, signed in, before rules of which none is in use."""
    put_all_rules_out_of_use(stack.database_url)
    with at_desk(stack, browser, role="manager") as desk:
        yield desk


@pytest.fixture
def second(stack: Stack, browser: Browser) -> Iterator[Desk]:
    """Somebody else, in another browser, who approves."""
    with at_desk(stack, browser, role="admin") as desk:
        yield desk


@contextmanager
def at_desk(stack: Stack, browser: Browser, *, role: str) -> Iterator[Desk]:
    with browser.new_context(base_url=stack.addresses.web, viewport=OFFICE_VIEWPORT, locale="en") as context:
        page = context.new_page()
        Office(page).sign_in(stack.addresses.logins[role], stack.passwords[role])
        yield Desk(page)


@pytest.fixture
def office(stack: Stack, browser: Browser) -> Iterator[Office]:
    """Administration, signed in."""
    with browser.new_context(base_url=stack.addresses.web, viewport=OFFICE_VIEWPORT, locale="en") as context:
        opened = Office(context.new_page())
        opened.sign_in(stack.addresses.logins["admin"], stack.passwords["admin"])
        yield opened
