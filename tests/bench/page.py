"""How soon the code is on the screen: the installed page, opened with no network at all, in Chromium.

`page.code_open_ms` is the page's own mark `code-visible`, from the start of the navigation to the frame that shows the
first code: service worker, IndexedDB, a WebCrypto signature, drawing. Each opening is a new page of the same phone.
The baseline is the first paint of a page with one word in it, out of a service worker's cache as well, in turn with it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median

from playwright.sync_api import BrowserContext, sync_playwright

from tests.bench.figures import Figure
from tests.support import chromium
from tests.support.stack import Stack, running_stack

NAME = "page"
RUNS = 3
OPENINGS = 10
PEOPLE = 20
INSTALLED_MS = 60_000

CODE_VISIBLE, FIRST_PAINT = "code-visible", "first-paint"
WAIT_FOR_MARK = """(name) => new Promise((done) => {
  const look = () => {
    const [mark] = performance.getEntriesByName(name);
    if (mark) done(mark.startTime);
    else requestAnimationFrame(look);
  };
  look();
})"""
BLANK = b"<!doctype html><title>blank</title><p>blank<script>navigator.serviceWorker.register('/sw.js')</script>"
WORKER = b"""
addEventListener("install", (event) => event.waitUntil(caches.open("1").then((cache) => cache.add("/"))));
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => event.respondWith(caches.match("/")));
"""


def run(*, scale: float = 1.0) -> list[Figure]:
    """Medians of RUNS medians."""
    openings = max(3, int(OPENINGS * scale))
    with running_stack(people=PEOPLE) as stack, _blank_site() as blank, _phone() as phone:
        _install(phone, stack, blank)
        phone.set_offline(True)
        runs = [_one_run(phone, stack.addresses.web, blank, openings) for _run in range(RUNS)]
    value, baseline = (median(each[place] for each in runs) for place in (0, 1))
    return [Figure(name="page.code_open_ms", value=value, unit="ms", baseline=baseline)]


def _one_run(phone: BrowserContext, code: str, blank: str, openings: int) -> tuple[float, float]:
    pairs = [(_open_ms(phone, code, CODE_VISIBLE), _open_ms(phone, blank, FIRST_PAINT)) for _each in range(openings)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _open_ms(phone: BrowserContext, url: str, mark: str) -> float:
    page = phone.new_page()
    page.goto(f"{url}/")
    took = float(page.evaluate(WAIT_FOR_MARK, mark))
    page.close()
    return took


def _install(phone: BrowserContext, stack: Stack, blank: str) -> None:
    page = phone.new_page()
    page.goto(f"{stack.addresses.web}/sign-in/")
    page.fill("[name=number]", stack.addresses.logins["student"])
    page.fill("[name=password]", stack.passwords["student"])
    page.click("main button.button[type=submit]")
    page.wait_for_selector("html[data-offline='ready']", timeout=INSTALLED_MS)
    page.goto(f"{blank}/")
    page.wait_for_function("() => navigator.serviceWorker.controller !== null", timeout=INSTALLED_MS)
    page.close()


@contextmanager
def _phone() -> Iterator[BrowserContext]:
    executable = str(chromium.find_or_install())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.SAFE_FLAGS), headless=True)
        yield browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
        browser.close()


@contextmanager
def _blank_site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BlankSite)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class BlankSite(BaseHTTPRequestHandler):
    """One page, and the worker that keeps it."""

    def do_GET(self) -> None:
        """Either of the two."""
        is_worker = self.path == "/sw.js"
        body = WORKER if is_worker else BLANK
        self.send_response_only(200)
        self.send_header("Content-Type", "text/javascript" if is_worker else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
