"""The code in a real browser: with no network, with storage cleared, with a poor browser, with a wrong clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from devices.core.accept import Genuine
from devices.core.code import DEVICE_BOUND, PRE_SIGNED
from ecard.payments.operations import top_up
from tests.portal.conftest import PASSWORD, PHONE, World
from tests.portal.phone import SHOWN, accepted, note, page_now_s, sign_in
from tests.portal.pixels import scan, scan_new
from tests.support.chromium import SAFE_FLAGS, find_or_install

LAN_HOST = "lan.test"
HALF_A_ROUND_TRIP_S = 5
"""So far off is a clock that was set by the longest round trip that is believed."""
NO_ED25519 = """
const generate = SubtleCrypto.prototype.generateKey;
SubtleCrypto.prototype.generateKey = function (algorithm, ...rest) {
  if ((algorithm.name ?? algorithm) === "Ed25519") return Promise.reject(new DOMException("", "NotSupportedError"));
  return generate.call(this, algorithm, ...rest);
};
"""
NO_STORAGE = "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); };"
KEPT_LANGUAGE = """async (language) => {
  const kept = await (await caches.open("ecard-choice")).match("/-/language");
  return Boolean(kept) && (await kept.text()) === language;
}"""
CLEAR_INDEXED_DB = """() => new Promise((resolve) => {
  const gone = indexedDB.deleteDatabase("ecard");
  gone.onsuccess = gone.onerror = resolve;
})"""


@dataclass(frozen=True, slots=True)
class Host:
    """A page that shows the code: where, of which kind, and how often it draws a new one."""

    path: str
    kind: int
    renewed_ms: int


HOSTS = [
    pytest.param(Host("/", DEVICE_BOUND, 5_000), id="the portal"),
    pytest.param(Host("/hosts/plain/", PRE_SIGNED, 60_000), id="a plain host"),
]


@pytest.mark.parametrize("host", HOSTS)
def test_the_code_opens_and_renews_with_no_network(
    host: Host, context: BrowserContext, page: Page, live_world: World
) -> None:
    page.clock.install(time=datetime.now(UTC))
    sign_in(page, live_world.student, then=host.path)
    scan_new(page)
    context.set_offline(True)
    page.reload()
    first = scan_new(page)
    taken = accepted(first, now_s=page_now_s(page))
    assert isinstance(taken, Genuine)
    assert taken.code.kind == host.kind
    assert taken.grant.account_ref == live_world.student.cardholder.account_ref
    page.clock.fast_forward(host.renewed_ms)
    second = scan_new(page, unlike=first)
    assert isinstance(accepted(second, now_s=page_now_s(page)), Genuine)


def test_the_code_redraws_by_itself_and_every_moment_is_later(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    moments = []
    text = None
    for _drawing in range(3):
        text = scan_new(page, unlike=text)
        taken = accepted(text)
        assert isinstance(taken, Genuine)
        moments.append(taken.code.shown_at_s)
    assert moments == sorted(set(moments))
    assert page.evaluate("performance.getEntriesByName('code-visible').length") == 1


def test_any_address_leads_to_the_code_when_there_is_no_network(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    context.set_offline(True)
    page.goto("/sales/")
    scan_new(page)


def test_balance_is_shown_offline_with_its_age(context: BrowserContext, page: Page, live_world: World) -> None:
    page.clock.install(time=datetime.now(UTC))
    sign_in(page, live_world.student)
    expect(page.locator("#balance")).to_have_text("¥100.00")
    expect(page.locator("#benefits")).to_contain_text("Meal subsidy")
    context.set_offline(True)
    page.reload()
    # The page must have read its storage before time is made to run: a wait for storage ends by the same clock.
    expect(page.locator("#balance")).to_have_text("¥100.00")
    page.clock.fast_forward(3 * 60_000 + 5_000)
    expect(page.locator("#balance")).to_have_text("¥100.00")
    expect(page.locator("#age")).to_have_text("Offline: last known 3 minutes ago")


def test_a_top_up_renews_the_code_at_once(page: Page, live_world: World) -> None:
    page.clock.install(time=datetime.now(UTC))
    sign_in(page, live_world.student)
    first = scan_new(page)
    before = accepted(first)
    top_up(cardholder=live_world.student.cardholder, amount_minor=50_00, by=None, at=timezone.now(), key="desk 1")
    with page.expect_response("**/credentials"):
        page.clock.fast_forward(61_000)
    expect(page.locator("#balance")).to_have_text("¥150.00")
    page.clock.fast_forward(5_000)
    after = accepted(scan_new(page, unlike=first), now_s=page_now_s(page) - 66)
    assert isinstance(before, Genuine)
    assert isinstance(after, Genuine)
    assert before.grant.offline_minor == 100_00
    assert after.grant.offline_minor == 150_00


def test_cleared_storage_is_brought_back_and_told(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    page.evaluate(CLEAR_INDEXED_DB)
    page.reload()
    assert isinstance(accepted(scan_new(page)), Genuine)
    assert "has been restored" in note(page, "restored")


def test_cleared_storage_without_a_session_says_so_and_one_sign_in_restores_it(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    page.evaluate(CLEAR_INDEXED_DB)
    context.clear_cookies(name="sessionid")
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/sign-in/\?why=evicted"))
    expect(page.locator("[role=status]")).to_contain_text("Sign in once; that brings everything back.")
    sign_in(page, live_world.student)
    assert isinstance(accepted(scan_new(page)), Genuine)


def test_cleared_storage_with_no_network_says_so(context: BrowserContext, page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    page.evaluate(CLEAR_INDEXED_DB)
    context.set_offline(True)
    page.reload()
    assert "Go online and sign in once" in note(page, "evicted")
    assert scan(page) is None
    expect(page.locator("#summary")).to_be_hidden()


def test_a_session_that_ended_leaves_the_code_and_says_how_long(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    context.clear_cookies(name="sessionid")
    page.reload()
    assert "If this phone was not reported lost, its code still works; days left: 8" in note(page, "signed_out")
    assert isinstance(accepted(scan_new(page)), Genuine)


def test_credentials_that_run_low_and_out_are_told(context: BrowserContext, page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    context.set_offline(True)
    page.clock.install(time=datetime.now(UTC) + timedelta(days=6))
    page.reload()
    assert "2" in note(page, "low")
    scan_new(page)
    page.clock.fast_forward(3 * 24 * 3600 * 1000)
    assert "have run out" in note(page, "expired_offline")
    assert scan(page) is None


def test_a_browser_without_ed25519_signs_by_the_fallback_and_says_so(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    page.add_init_script(NO_ED25519)
    sign_in(page, live_world.student)
    context.set_offline(True)
    page.reload()
    assert isinstance(accepted(scan_new(page)), Genuine)
    expect(page.locator("#remarks")).to_contain_text("cannot lock keys away")


def test_keys_cannot_be_taken_out_of_a_browser_that_locks_them(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    kept = page.evaluate("""() => new Promise((resolve) => {
      indexedDB.open("ecard").onsuccess = (event) => {
        const days = event.target.result.transaction("days").objectStore("days").getAll();
        days.onsuccess = () => resolve(days.result.map((day) => [day.kind, day.private.extractable]));
      };
    })""")
    assert kept == [["webcrypto", False]] * 8


def test_denied_storage_still_shows_a_code_and_says_so(page: Page, live_world: World) -> None:
    page.add_init_script(NO_STORAGE)
    sign_in(page, live_world.student)
    assert isinstance(accepted(scan_new(page)), Genuine)
    assert "only while the page is open" in note(page, "storage_denied")


@pytest.mark.parametrize(("off_s", "name"), [(90, "clock_fast"), (-90, "clock_slow")])
def test_a_clock_that_is_off_is_told_and_the_code_allows_for_it(
    off_s: int, name: str, context: BrowserContext, page: Page, live_world: World
) -> None:
    page.clock.install(time=datetime.now(UTC) + timedelta(seconds=off_s))
    sign_in(page, live_world.student)
    context.set_offline(True)
    page.reload()
    told = re.search(r"clock is (\d+) s", note(page, name))
    assert told is not None
    assert abs(int(told[1]) - abs(off_s)) <= HALF_A_ROUND_TRIP_S
    assert isinstance(accepted(scan_new(page)), Genuine)


def test_the_next_person_on_the_device_never_sees_the_last_ones_code(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    sign_in(page, live_world.other)
    taken = accepted(scan_new(page))
    assert isinstance(taken, Genuine)
    assert taken.grant.account_ref == live_world.other.cardholder.account_ref


def test_a_reported_phone_gets_no_new_codes_and_the_reporter_does(
    browser: Browser, site: str, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    stolen = scan_new(page)
    with browser.new_context(base_url=site, viewport=PHONE, locale="en") as other:
        successor = other.new_page()
        sign_in(successor, live_world.student)
        successor.goto("/settings/lost-phone/")
        successor.fill("[name=password]", PASSWORD)
        successor.click("button.danger")
        stopped_at = timezone.now()
        successor.click("main a.button")
        new = accepted(scan_new(successor, unlike=stolen))
        assert isinstance(new, Genuine)
        assert new.grant.issued_at_s >= int(stopped_at.timestamp()) - 5
    page.reload()
    note(page, "signed_out")


def test_the_language_of_the_pages_is_the_codes_offline_too(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    page.goto("/settings/")
    page.click("button[lang=zh-hans]")
    page.wait_for_selector("html[lang=zh-hans]")
    page.wait_for_function(KEPT_LANGUAGE, arg="zh-hans")
    context.set_offline(True)
    page.goto("/")
    scan_new(page)
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.locator("#light")).to_have_text("放大并点亮")


def test_what_somebody_reads_stays_open_when_the_balance_is_brought_up_to_date(page: Page, live_world: World) -> None:
    live_world.buy(9_00)
    page.clock.install(time=datetime.now(UTC))
    sign_in(page, live_world.student)
    page.locator("#sales summary").press("Enter")
    top_up(cardholder=live_world.student.cardholder, amount_minor=50_00, by=None, at=timezone.now(), key="desk 2")
    page.clock.fast_forward(61_000)
    expect(page.locator("#balance")).to_have_text("¥141.00")
    expect(page.locator("#sales .reasons")).to_be_visible()
    expect(page.locator("#sales summary")).to_be_focused()


def test_a_sale_that_arrives_leaves_open_what_somebody_reads(page: Page, live_world: World) -> None:
    live_world.buy(9_00)
    page.clock.install(time=datetime.now(UTC))
    sign_in(page, live_world.student)
    page.locator("#sales summary").press("Enter")
    live_world.buy(4_00)
    page.clock.fast_forward(61_000)
    expect(page.locator("#sales > li")).to_have_count(2)
    expect(page.locator("#sales [open] .money")).to_have_text("¥9.00")


def test_lit_for_scanners_the_code_is_larger_and_escape_leads_back(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    scan_new(page)
    small = page.locator("#code").bounding_box()
    page.click("#light")
    large = page.locator("#code").bounding_box()
    assert small is not None
    assert large is not None
    assert large["width"] > small["width"]
    assert isinstance(accepted(scan_new(page)), Genuine)
    page.keyboard.press("Escape")
    expect(page.locator("#light")).to_have_attribute("aria-pressed", "false")


def test_modules_are_whole_device_pixels_on_white_in_the_dark_theme(page: Page, live_world: World) -> None:
    page.emulate_media(color_scheme="dark")
    sign_in(page, live_world.student)
    scan_new(page)
    side, shown, around = page.evaluate("""() => {
      const canvas = document.getElementById("code");
      const around = getComputedStyle(document.getElementById("frame")).backgroundColor;
      return [canvas.width, canvas.getBoundingClientRect().width * devicePixelRatio, around];
    }""")
    assert side % 65 == 0
    assert shown == side
    assert around == "rgb(255, 255, 255)"


def test_the_pages_break_no_rule_of_their_own_content_policy(page: Page, live_world: World) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    sign_in(page, live_world.student)
    for path in ("/", "/sales/", "/settings/", "/help/", "/hosts/plain/"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
    assert said == []


def test_the_browser_finds_nothing_that_stands_in_the_way_of_installing(
    context: BrowserContext, page: Page, live_world: World
) -> None:
    sign_in(page, live_world.student)
    inspector = context.new_cdp_session(page)
    errors = inspector.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {error["errorId"] for error in errors} <= {"in-incognito"}


def test_the_offer_to_install_appears_when_the_browser_makes_it(page: Page, live_world: World) -> None:
    sign_in(page, live_world.student)
    expect(page.locator("#install")).to_be_hidden()
    page.evaluate("""() => {
      const offer = new Event("beforeinstallprompt");
      offer.prompt = () => { window.asked = true; return Promise.resolve(); };
      dispatchEvent(offer);
    }""")
    page.click("#install")
    assert page.evaluate("window.asked") is True
    expect(page.locator("#install")).to_be_hidden()


@override_settings(ALLOWED_HOSTS=[LAN_HOST])
def test_over_http_on_a_lan_the_code_works_while_the_page_is_open_and_says_so(
    browser: Browser, site: str, live_world: World
) -> None:
    lan = browser.browser_type.launch(
        executable_path=str(find_or_install()), args=[*SAFE_FLAGS, f"--host-resolver-rules=MAP {LAN_HOST} 127.0.0.1"]
    )
    try:
        page = lan.new_page(base_url=site.replace("127.0.0.1", LAN_HOST), viewport=PHONE, locale="en")
        sign_in(page, live_world.student, ready=SHOWN)
        assert page.evaluate("isSecureContext") is False
        first = scan_new(page)
        assert isinstance(accepted(first), Genuine)
        assert isinstance(accepted(scan_new(page, unlike=first)), Genuine)
        assert "cannot be installed" in note(page, "not_secure")
    finally:
        lan.close()
