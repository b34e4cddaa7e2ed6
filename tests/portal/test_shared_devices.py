"""One browser, more than one person: whoever signs in or out, nobody sees or pays with what is another's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from devices.core.accept import Genuine
from ecard.cardholders.operations import rename
from ecard.portal import sessions
from tests.portal.conftest import PASSWORD, PHONE, Student, World
from tests.portal.phone import READY, SHOWN, accepted, sign_in
from tests.portal.pixels import scan_new

OLD_BROWSER = '"cache"'
"""What a browser that does not know how to clear storage makes of the header: nothing that matters here."""
NOTHING_LEFT = """async () => {
  const known = await indexedDB.databases();
  const opened = known.some((each) => each.name === "ecard") && (await new Promise((resolve) => {
    indexedDB.open("ecard").onsuccess = (event) => resolve(event.target.result);
  }));
  const count = opened ? await new Promise((resolve) => {
    const days = opened.transaction("days").objectStore("days").count();
    days.onsuccess = () => resolve(days.result);
  }) : 0;
  if (opened) opened.close();
  const workers = await navigator.serviceWorker.getRegistrations();
  return count + (await caches.keys()).length + workers.length === 0;
}"""


@pytest.fixture(autouse=True)
def _two_names(live_world: World) -> None:
    """By which a page that still is the last one's is told from the next."""
    rename(cardholder=live_world.other.cardholder, name="欧阳娜", at=timezone.now())


def sign_out_elsewhere(context: BrowserContext) -> None:
    """As another tab of the same browser does."""
    token = next(each["value"] for each in context.cookies() if each["name"] == "csrftoken")
    answer = context.request.post("/sign-out/", headers={"X-CSRFToken": token})
    assert answer.ok


def shown_is(page: Page, student: Student) -> None:
    expect(page.locator("#holder")).to_have_text(student.cardholder.name)
    page.wait_for_selector(SHOWN)
    taken = accepted(scan_new(page))
    assert isinstance(taken, Genuine)
    assert taken.grant.account_ref == student.cardholder.account_ref


@pytest.mark.parametrize("header", [sessions.FORGET, OLD_BROWSER], ids=["a browser of today", "an older browser"])
def test_signing_out_leaves_nothing_on_the_device(
    page: Page, live_world: World, monkeypatch: pytest.MonkeyPatch, header: str
) -> None:
    monkeypatch.setattr(sessions, "FORGET", header)
    sign_in(page, live_world.student)
    page.goto("/settings/")
    page.click("form[action='/sign-out/'] button")
    page.wait_for_url("**/sign-in/")
    page.wait_for_function(NOTHING_LEFT)


def test_signing_out_before_the_pages_script_has_arrived_leaves_nothing(
    browser: Browser, site: str, live_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "FORGET", OLD_BROWSER)
    with browser.new_context(base_url=site, viewport=PHONE, locale="en", service_workers="block") as context:
        page = context.new_page()
        sign_in(page, live_world.student, ready=SHOWN)
        page.route("**/page.js", lambda route: route.abort(), times=1)
        page.goto("/settings/", wait_until="commit")
        page.click("form[action='/sign-out/'] button")
        page.wait_for_url("**/sign-in/")
        page.wait_for_function(NOTHING_LEFT)


def test_a_tab_left_open_shows_nothing_once_its_owner_signed_out_in_another(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    scan_new(page)
    sign_out_elsewhere(context)
    page.wait_for_url("**/sign-in/**")
    page.wait_for_function(NOTHING_LEFT)


def test_a_tab_left_open_never_pays_for_the_next_person_with_the_last_ones_code(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    shown_is(page, live_world.student)
    sign_in(context.new_page(), live_world.other)
    shown_is(page, live_world.other)


def test_somebody_who_signed_in_at_another_page_gets_their_own_code(
    context: BrowserContext, page: Page, site: str, live_world: World
) -> None:
    sign_in(page, live_world.student)
    elsewhere = Client()
    elsewhere.force_login(live_world.other.user)
    context.add_cookies([{"name": "sessionid", "value": elsewhere.cookies["sessionid"].value, "url": site}])
    page.reload()
    shown_is(page, live_world.other)


def test_a_login_without_a_card_is_told_so_where_a_code_was_shown_before(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    User.objects.create_user("clerk", password=PASSWORD)
    page.goto("/sign-in/")
    page.fill("[name=number]", "clerk")
    page.fill("[name=password]", PASSWORD)
    page.click("main button.button[type=submit]")
    expect(page.locator("[data-note=refused]")).to_contain_text("does not belong to a cardholder")
    expect(page.locator("#summary")).to_be_hidden()


def test_whoever_lands_elsewhere_after_signing_in_is_not_told_of_a_loss(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student, then="/sales/", ready="#sales-title")
    page.click(".tabs a[href='/']")
    page.wait_for_selector(READY)
    scan_new(page)
    assert page.locator("[data-note=restored], [data-note=evicted]").count() == 0


def test_a_phone_reported_lost_starts_anew_without_being_told_of_a_loss(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    page.goto("/settings/lost-phone/")
    page.fill("[name=password]", PASSWORD)
    page.click("button.danger")
    page.wait_for_url("**/done/")
    page.click(".tabs a[href='/']")
    page.wait_for_selector(READY)
    shown_is(page, live_world.student)
    assert page.locator("[data-note=restored], [data-note=evicted]").count() == 0
