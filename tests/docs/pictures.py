"""`python -m tests.docs.pictures`: start a campus of its own, live through a lunch, and take every picture anew.

The pictures are the real screens of the real programs; they go to ecard/adr/pictures, few colours and small. Look at
each of them before committing it.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright
from rich.console import Console

from ecard.demo import place
from ecard.demo.console import Show
from tests.e2e.counter import ENGLISH, REMEMBER, View
from tests.e2e.device import Unit
from tests.e2e.stories import Desk
from tests.support.chromium import SAFE_FLAGS, find_or_install

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "ecard" / "adr" / "pictures"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1280, "height": 800}
COLOURS = 128
START_TIMEOUT_S = 600
POSTED_TIMEOUT_S = 60
MOST_SALES = 6
HEARD_MS = 16_000
"""By then the terminals have told monitoring that nothing is unsent."""
REDRAW_MS = 6_000
"""After this the phone shows another moment; the same one at two counters would go to suspense."""
EXAMPLE_ADDRESS = "http://192.168.1.20:8000/"
"""In the picture of `make demo LAN=1`; the machine's own would be nobody's business."""


@dataclass(frozen=True)
class Campus:
    """A demo that is up."""

    web: str
    gallery: str
    terminals: list[dict[str, str]]
    logins: dict[str, str]
    secrets: dict[str, str]

    def password(self, role: str) -> str:
        return place.password_of(role, self.secrets)

    def of_kind(self, kind: str) -> list[dict[str, str]]:
        return [each for each in self.terminals if each["kind"] == kind]


@contextmanager
def campus(state: Path, *, people: int, taps: int) -> Iterator[Campus]:
    """Start a demo in `state`, or use the one that is up there."""
    addresses = state / place.ADDRESSES
    started = None
    if not addresses.exists():
        command = [sys.executable, "-m", "ecard.demo", "--people", str(people), "--taps", str(taps), "--any-ports"]
        started = subprocess.Popen([*command, "--state", str(state)], cwd=ROOT)
    try:
        until_s = time.monotonic() + START_TIMEOUT_S
        while not addresses.exists():
            if started is not None and started.poll() is not None:
                raise SystemExit("the demo did not start")
            if time.monotonic() > until_s:
                raise SystemExit("the demo took too long to start")
            time.sleep(0.5)
        told = json.loads(addresses.read_text())
        yield Campus(told["web"], told["gallery"], told["terminals"], told["logins"], place.read_or_make_secrets(state))
    finally:
        if started is not None:
            started.terminate()
            started.wait(timeout=60)


class Camera:
    """Takes the pictures; `only` names those that are wanted, empty for all."""

    def __init__(self, folder: Path, only: set[str]) -> None:
        self._folder, self._only = folder, only

    def take(self, page: Page | Locator, name: str) -> None:
        """Keep what is on the screen as `name`.png."""
        if self._only and name not in self._only:
            return
        if isinstance(page, Page):
            page.mouse.move(2, 2)
        png = page.screenshot(animations="disabled")
        whole = Image.open(io.BytesIO(png)).convert("RGB")
        path = self._folder / f"{name}.png"
        whole.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {path.stat().st_size:,} bytes")


def live(camera: Camera, browser: Browser, demo: Campus) -> None:
    """One lunch, with a picture of each screen on the way."""
    phone = _phone(browser, demo)
    pupil = _phone(browser, demo, role="pupil")
    tills = demo.of_kind("canteen")
    north, south, window = (_terminal(browser, each["url"]) for each in tills)
    for each in tills:
        _line(browser, each, "drop")
    phone.context.set_offline(True)
    expect(phone.locator("#age")).to_contain_text("Offline", timeout=20_000)
    _ready(north)
    camera.take(phone, "code")
    picture = phone.screenshot()
    _scan(south, picture, amount="12.50")
    south.cashier.wait_for_selector("[data-phase=approved]")
    _ready(south)
    south.cashier.wait_for_timeout(REDRAW_MS)
    _scan(south, picture, amount="8.00")
    south.cashier.wait_for_selector("[data-phase=declined]")
    camera.take(south.cashier, "cashier-declined")
    camera.take(south.customer, "customer-declined")
    _sell_until_the_purse_pays_a_part(north, phone)
    camera.take(north.customer, "customer-approved")
    camera.take(north.cashier, "cashier-approved")
    _basket(camera, window, pupil)
    for each in tills:
        _line(browser, each, "pass")
    for till in (north, south, window):
        _uploaded(till)
    phone.context.set_offline(False)
    _sale_page(phone, "Your purse", "Benefits")
    camera.take(phone, "sale")
    phone.wait_for_timeout(HEARD_MS)
    _devices(camera, browser, demo)
    _administration(camera, browser, demo)
    _rules(camera, browser, demo)


@dataclass(frozen=True)
class Till:
    """Both views of a terminal."""

    cashier: Page
    customer: Page


def _devices(camera: Camera, browser: Browser, demo: Campus) -> None:
    """A plate by weight, milk from the cabinet and the way through a gate, paid by cards; and all of them at once."""
    scale, cabinet, gate = (_unit(browser, demo.of_kind(kind)[0]["url"]) for kind in ("weighing", "cabinet", "gate"))
    scale.page.locator("[data-dish=meat]").press("Enter")
    scale.has("sum", "¥4.75")
    scale.lay_card(demo.logins["staff"])
    scale.approves("Paid")
    camera.take(scale.page, "device-scale")
    cabinet.asks("Choose a product on the cabinet")
    cabinet.page.click("[data-slot='1']")
    cabinet.has("order", "please pay")
    cabinet.lay_card(demo.logins["pupil"])
    cabinet.approves("Paid")
    cabinet.has("tray", "milk")
    camera.take(cabinet.page, "device-cabinet")
    gate.lay_card(demo.logins["student"])
    gate.approves("Please go in")
    camera.take(gate.page, "device-gate")
    page = browser.new_context(viewport=DESK).new_page()
    page.add_init_script(ENGLISH)
    page.goto(demo.gallery)
    expect(page.locator("main")).to_contain_text("Milk cabinet", timeout=20_000)
    page.wait_for_timeout(HEARD_MS)
    camera.take(page, "gallery")


def _unit(browser: Browser, url: str) -> Unit:
    page = browser.new_context(viewport=DESK).new_page()
    page.add_init_script(REMEMBER)
    page.add_init_script(ENGLISH)
    page.goto(url)
    unit = Unit(View(page))
    unit.has_sent_all()
    return unit


def _phone(browser: Browser, demo: Campus, *, role: str = "student") -> Page:
    page = browser.new_context(
        viewport=PHONE, device_scale_factor=2, locale="en", base_url=demo.web, timezone_id="Asia/Shanghai"
    ).new_page()
    page.goto("/sign-in/")
    page.fill("[name=number]", demo.logins[role])
    page.fill("[name=password]", demo.password(role))
    page.click("main button.button[type=submit]")
    page.wait_for_selector("html[data-offline='ready']")
    page.wait_for_selector("#frame[data-state=ready], #code:not([hidden])")
    return page


def _terminal(browser: Browser, url: str) -> Till:
    context = browser.new_context(viewport=DESK, base_url=url, timezone_id="Asia/Shanghai")
    context.add_init_script("localStorage.setItem('language', 'en')")
    till = Till(context.new_page(), context.new_page())
    till.cashier.goto("/")
    till.customer.goto("/customer")
    till.cashier.wait_for_selector("[data-phase=ready]")
    return till


def _line(browser: Browser, terminal: dict[str, str], mode: str) -> None:
    """Cut or mend a terminal's line at its relay; the terminal is not told."""
    context = browser.new_context()
    answer = context.request.post(f"{terminal['line']}/mode", data={"mode": mode})
    assert answer.ok, answer.text()
    context.close()


def _ready(till: Till) -> None:
    till.cashier.wait_for_selector("[data-phase=ready]")
    expect(till.cashier.locator("#network")).to_have_attribute("data-state", "warn", timeout=60_000)


def _sell_until_the_purse_pays_a_part(till: Till, phone: Page) -> None:
    """At the fixed price, from the phone's pixels: the first sale for which the subsidy is not enough."""
    for _sale in range(MOST_SALES):
        phone.wait_for_timeout(REDRAW_MS)
        _scan(till, phone.screenshot())
        till.cashier.wait_for_selector("[data-phase=approved]")
        if "purse" in till.customer.locator("#sentences").inner_text():
            return


def _scan(till: Till, picture: bytes, *, amount: str = "") -> None:
    if amount:
        till.cashier.click("[data-key=clear]")
        for key in amount:
            till.cashier.click(f"[data-key='{key}']")
    till.cashier.set_input_files("#picture", {"name": "phone.png", "mimeType": "image/png", "buffer": picture})


def _uploaded(till: Till) -> None:
    expect(till.cashier.locator("#unsent")).to_have_attribute("data-state", "yes", timeout=60_000)


def _basket(camera: Camera, till: Till, phone: Page) -> None:
    """A pupil's basket: declined for its cola, and sold without."""
    _ready(till)
    phone.context.set_offline(True)
    phone.reload()
    till.cashier.click("#clear-basket")
    for category, product in (("Breakfast", "Pork bun"), ("Drinks", "Soya milk"), ("Fizzy drinks", "Cola")):
        till.cashier.locator("#categories").get_by_role("button", name=category, exact=True).click()
        till.cashier.locator("#products .product", has_text=product).click()
        expect(till.cashier.locator("#lines li", has_text=product)).to_be_visible()
    _scan(till, phone.locator("#code").screenshot())
    till.cashier.wait_for_selector("[data-phase=declined]")
    camera.take(till.cashier, "basket-cola")
    till.cashier.locator("#lines li", has_text="Cola").get_by_role("button").first.click()
    expect(till.cashier.locator("#lines li")).to_have_count(2)
    _scan(till, phone.locator("#code").screenshot())
    till.cashier.wait_for_selector("[data-phase=approved]")
    camera.take(till.customer, "basket-sold")


def _sale_page(phone: Page, *told: str) -> None:
    """The newest sale, once it is posted: it is the one that tells this."""
    until_s = time.monotonic() + POSTED_TIMEOUT_S
    while True:
        phone.goto("/sales/")
        newest = phone.locator("main a[href*='/sales/']").first
        newest.click()
        phone.wait_for_load_state()
        shown = phone.locator("main").inner_text()
        if all(words in shown for words in told):
            return
        if time.monotonic() > until_s:
            raise SystemExit(f"the sale does not show; the newest is {shown!r}")
        phone.wait_for_timeout(1_000)


def _rules(camera: Camera, browser: Browser, demo: Campus) -> None:
    """The canteen manager's way from a template to a request for approval."""
    page = _office(browser, demo, role="manager")
    desk = Desk(page)
    page.goto("/admin/templates/")
    page.wait_for_load_state("networkidle")
    camera.take(page, "rules-gallery")
    desk.set_up(
        "Voucher: a share off",
        texts={"But at most, ¥": "10"},
        chosen=("Students",),
        says=("Students",),
        name="pictures",
    )
    draft = desk.make_draft("Half-price vouchers", changes=("Half-price voucher",))
    desk.rehearse(
        draft,
        replayed=10,
        person=demo.logins["student"],
        then="List price",
        now="Half-price voucher",
        name="pictures",
    )
    camera.take(page, "rules-side-by-side")
    page.goto("/admin/settlement/rehearsal/")
    page.locator("#result_list tbody a").first.click()
    page.wait_for_load_state("networkidle")
    camera.take(page, "rules-rehearsal")
    desk.ask_approval(draft)
    page.goto(draft)
    page.wait_for_load_state("networkidle")
    camera.take(page, "rules-draft")
    page.goto(desk.make_run("Half-price voucher", period="2026-11", name="pictures"))
    page.wait_for_load_state("networkidle")
    camera.take(page, "rules-run")


def _office(browser: Browser, demo: Campus, *, role: str) -> Page:
    page = browser.new_context(viewport=DESK, locale="en", base_url=demo.web, timezone_id="Asia/Shanghai").new_page()
    page.goto("/admin/")
    page.fill("[name=username]", demo.logins[role])
    page.fill("[name=password]", demo.password(role))
    page.click("[type=submit]")
    page.wait_for_load_state("networkidle")
    return page


def _administration(camera: Camera, browser: Browser, demo: Campus) -> None:
    page = _office(browser, demo, role="admin")
    camera.take(page, "admin-index")
    page.goto(f"/admin/settlement/sale/?q={demo.logins['student']}")
    page.locator("#result_list tbody a").first.click()
    page.wait_for_load_state("networkidle")
    camera.take(page, "admin-sale")
    page.goto("/admin/terminals/terminal/")
    page.wait_for_load_state("networkidle")
    camera.take(page, "admin-terminals")


def lan(camera: Camera, browser: Browser) -> None:
    """What `make demo LAN=1` adds to the console, drawn by the demo's own printer for an example address."""
    console = Console(file=io.StringIO(), force_terminal=True, width=72, record=True, highlight=False)
    Show(console).picture(EXAMPLE_ADDRESS, caption="On a phone in this network")
    page = browser.new_context(viewport={"width": 720, "height": 560}, device_scale_factor=1).new_page()
    style = "display:inline-block;margin:0;padding:16px;color:#eee;font:15px/1 'DejaVu Sans Mono',monospace"
    drawn = console.export_html(inline_styles=True, code_format=f'<pre id="screen" style="{style}">{{code}}</pre>')
    # Rich draws a console's white as grey.
    page.set_content(f"<body style='margin:0;background:#111'>{drawn.replace('#c0c0c0', '#ffffff')}</body>")
    camera.take(page.locator("#screen"), "lan")


def main() -> int:
    """Take all pictures, or those named by --only."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.pictures", description=__doc__)
    parser.add_argument("--state", type=Path, help="a demo that is up, or a folder for one (default: a fresh one)")
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--taps", type=int, default=200)
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    camera = Camera(given.out, set(given.only))
    with tempfile.TemporaryDirectory(prefix="ecard-pictures-") as fresh, sync_playwright() as playwright:
        options: dict[str, Any] = {"executable_path": str(find_or_install()), "args": list(SAFE_FLAGS)}
        browser = playwright.chromium.launch(**options)
        lan(camera, browser)
        with campus(given.state or Path(fresh) / "state", people=given.people, taps=given.taps) as demo:
            live(camera, browser, demo)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
