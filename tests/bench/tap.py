"""A whole tap as a person at the counter lives through it: from the code in the camera's picture to "approved".

The terminal is the real one in a process of its own (`tests.bench.till`), its page runs in Chromium, and the page's
own loop takes the frames: canvas, JPEG, HTTP, zxing, both signatures, rules, durable journal, event, paint. Only the
camera is played: a canvas of 1280 × 720 streams 30 frames a second into getUserMedia, so that the moment at which a
code enters the picture is known. Each code is one person's, drawn as PNG for the second in which it is shown.

The baseline is the same screen with a payment code that must be authorised online: the terminal makes one HTTP round
trip for each new code before it decides. The request goes through the simulated line (`firmware_sim.relay`) with
150 ms each way, over a connection that is kept open, and one request in twenty is never answered; after 1 s the
terminal asks again. That favours the baseline: no TCP or TLS handshake, no work at the far end, an impatient retry.
"""

from __future__ import annotations

import base64
import itertools
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles

import httpx
import msgspec
from playwright.sync_api import Page, sync_playwright

from devices.master.screen import Screen
from ecard.demo.phone import draw
from ecard.embedded import any_port
from tests.bench.figures import Figure
from tests.bench.till import crowd_name
from tests.devices.world import Phone
from tests.support import chromium

NAME = "tap"
RUNS = 3
TAPS = 20
QUEUE = 25
DELAY_MS = 150
LOST_ONE_IN = 20
START_TIMEOUT_S = 60.0
BETWEEN_MS = (150, 450)

CAMERA = """
const lens = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
const pen = lens.getContext("2d");
let held = null;
let entered = null;
function expose() {
  pen.fillStyle = "#6b665f";
  pen.fillRect(0, 0, lens.width, lens.height);
  pen.fillStyle = `hsl(0 0% ${30 + (performance.now() / 50) % 20}%)`;
  pen.fillRect(40, 40, 60, 60); // something always moves, or the stream would stand still
  if (held) {
    pen.drawImage(held, 440, 160, 400, 400);
    entered ??= performance.now();
  }
}
setInterval(expose, 1000 / 30);
navigator.mediaDevices.getUserMedia = async () => lens.captureStream(30);
window.takeAway = () => { held = null; };
window.present = async (base64, name) => {
  const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
  const seen = new Promise((done) => {
    const look = new MutationObserver(() => {
      if (document.body.dataset.phase !== "approved" || document.getElementById("who").textContent !== name) return;
      look.disconnect();
      // The frame after the one in which it is painted: by then it can be seen.
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
    });
    look.observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
  });
  entered = null;
  held = picture;
  return (await seen) - entered;
};
"""


def run(*, scale: float = 1.0) -> list[Figure]:
    """`people_per_min` is a queue without a human in it: the next code is held up as soon as one is approved."""
    taps, queue = max(5, int(TAPS * scale)), max(5, int(QUEUE * scale))
    people = RUNS * (taps + queue) + 1
    with ExitStack() as stack:
        page = stack.enter_context(_open_page())
        offline = _measure(page, stack.enter_context(_till(people=people)), taps=taps, queue=queue)
        line = stack.enter_context(_slow_line())
        online = _measure(page, stack.enter_context(_till(people=people, ask=line)), taps=taps, queue=queue)
    return [
        Figure(name="tap.whole.median_ms", value=offline.median_ms, unit="ms", baseline=online.median_ms),
        Figure(name="tap.whole.p95_ms", value=offline.p95_ms, unit="ms", baseline=online.p95_ms),
        Figure(name="tap.people_per_min", value=offline.per_min, unit="1/min", baseline=online.per_min),
    ]


class Taken(msgspec.Struct, frozen=True):
    """Medians over the runs."""

    median_ms: float
    p95_ms: float
    per_min: float


def _measure(page: Page, url: str, *, taps: int, queue: int) -> Taken:
    page.goto(url)
    page.click("#camera")
    page.wait_for_function("document.getElementById('video').videoWidth > 0")
    crowd = itertools.count(1)
    _tap(page, url, next(crowd))  # the first one also warms everything up
    medians, worst, rates = [], [], []
    for run in range(RUNS):
        pauses = random.Random(run)
        took = []
        for _each in range(taps):
            page.evaluate("takeAway()")
            page.wait_for_timeout(pauses.uniform(*BETWEEN_MS))  # taps come at any moment of the page's loop
            took.append(_tap(page, url, next(crowd)))
        medians.append(median(took))
        worst.append(quantiles(took, n=20)[-1])
        began = time.perf_counter()
        for _each in range(queue):
            _tap(page, url, next(crowd))
        rates.append(60 * queue / (time.perf_counter() - began))
    page.goto("about:blank")
    return Taken(median(medians), median(worst), median(rates))


def _tap(page: Page, url: str, account_ref: int) -> float:
    """Milliseconds from the first frame with the code to the approval seen."""
    screen = msgspec.json.decode(httpx.get(f"{url}/state", trust_env=False).content, type=Screen)
    picture = draw(Phone(account_ref).show(screen.at_ms // 1000))
    took = page.evaluate(
        "([code, name]) => present(code, name)", [base64.b64encode(picture).decode(), crowd_name(account_ref)]
    )
    return float(took)


@contextmanager
def _open_page() -> Iterator[Page]:
    executable = str(chromium.find_or_install())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(chromium.SAFE_FLAGS), headless=True)
        page = browser.new_page(viewport={"width": 1366, "height": 860})
        page.add_init_script(CAMERA)
        yield page
        browser.close()


@contextmanager
def _till(*, people: int, ask: str = "") -> Iterator[str]:
    """The address of a terminal that knows the crowd."""
    port = any_port()
    with tempfile.TemporaryDirectory(prefix="ecard-bench-") as folder:
        command = [sys.executable, "-m", "tests.bench.till", "--data", str(Path(folder) / "till"), "--port", str(port)]
        command += ["--people", str(people), "--ask", ask]
        with _process(command, f"http://127.0.0.1:{port}/state"):
            yield f"http://127.0.0.1:{port}"


@contextmanager
def _slow_line() -> Iterator[str]:
    """The address of somebody far away, by a line that takes its time and loses some."""
    relay, control = any_port(), any_port()
    server = ThreadingHTTPServer(("127.0.0.1", 0), FarAway)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    command = [sys.executable, "-m", "firmware_sim.relay", "--listen", str(relay), "--control", str(control)]
    command += ["--to", f"127.0.0.1:{server.server_address[1]}"]
    try:
        with _process(command, f"http://127.0.0.1:{control}/"):
            slow = {"mode": "delay", "delay_ms": DELAY_MS}
            httpx.post(f"http://127.0.0.1:{control}/mode", json=slow, trust_env=False).raise_for_status()
            yield f"http://127.0.0.1:{relay}/authorise"
    finally:
        FarAway.gone.set()
        server.shutdown()
        server.server_close()


class FarAway(BaseHTTPRequestHandler):
    """Says yes to everything; one request in LOST_ONE_IN is never answered."""

    protocol_version = "HTTP/1.1"
    asked = itertools.count(1)
    gone = threading.Event()

    def do_GET(self) -> None:
        if next(self.asked) % LOST_ONE_IN == 0:
            self.gone.wait()
            return
        self.send_response_only(204)
        self.end_headers()


@contextmanager
def _process(command: list[str], answers_at: str) -> Iterator[None]:
    process = subprocess.Popen(command)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not _answers(answers_at):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[2]} does not answer")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
