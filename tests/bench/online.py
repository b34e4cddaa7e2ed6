"""Asking the server about a sale, and how soon a posted sale is known at another terminal.

`online.authorise`: questions come at RATE_PER_S whether or not the earlier ones are answered (open loop), each about
another person, with a device-bound code that was just shown, over connections that are kept open, as terminals do; a
time counts from the moment the question was due. The server is the deployed one with two workers. The baseline is the
same rate of the smallest signed request, which fetches the keys.

`online.posted_reaches_others_s`: a sale at one real terminal until the snapshot of another real one has it, with the
server, Redis and Celery's worker and clock as they are deployed. The baseline is the tap alone.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

import httpx
import msgspec

from devices.core.code import Grant, show, sign_credential
from devices.core.messages import Authorise, authorised_key_id, request_header
from devices.core.quote import Line
from devices.core.signing import SigningKey
from devices.master.screen import Phase
from devices.terminal import Terminal
from tests.bench import path, stage
from tests.bench.figures import Figure

NAME = "online"
RATE_PER_S = 100
SECONDS = 20
WARM_S = 3
CONNECTIONS = 40
PEOPLE = 5_000
TERMINALS = 100
PRICE_MINOR = 30_00
SALES = 15
TIMEOUT_S = 30.0
AUTHORISE, KEYS = "/api/terminal/v1/authorise", "/api/terminal/v1/keys"


def run(*, scale: float = 1.0) -> list[Figure]:
    """Both figures, each on a campus of its own."""
    return [*_authorise(seconds=max(3, int(SECONDS * scale))), _reaches_others(sales=max(4, int(SALES * scale)))]


class Request(NamedTuple):
    """A signed request, made before the clock runs."""

    method: str
    target: str
    body: bytes
    authorization: str


def _authorise(*, seconds: int) -> list[Figure]:
    with stage.full_campus(people=PEOPLE, merchants=TERMINALS) as campus, path.server(campus.urls.app_url) as url:
        draw = stage.draw(1)
        count = seconds * RATE_PER_S
        warm = _questions(campus, draw.sample(campus.people, WARM_S * RATE_PER_S), seq=2)
        _open_loop(url, warm, check=_approved)
        _open_loop(url, _key_requests(campus, WARM_S * RATE_PER_S), check=_answered)
        keys_s = _open_loop(url, _key_requests(campus, count), check=_answered)
        _lapse_all()
        asked_s = _open_loop(url, _questions(campus, draw.sample(campus.people, count), seq=100), check=_approved)
    return [
        Figure(
            name=f"online.authorise.{name}_ms",
            value=of(asked_s) * 1_000,
            unit="ms",
            baseline=of(keys_s) * 1_000,
        )
        for name, of in (("median", median), ("p99", _p99))
    ]


def _p99(times: Sequence[float]) -> float:
    return quantiles(times, n=100)[98]


def _questions(campus: stage.Stage, people: Sequence[stage.Person], *, seq: int) -> list[Request]:
    """One a person, spread over the terminals."""
    from ecard.codes.models import KeyRole
    from ecard.codes.operations import active_key

    key, draw, now_s = active_key(KeyRole.CODE), stage.draw(seq), int(time.time())
    asked = []
    for number, person in enumerate(people):
        place = campus.places[number % len(campus.places)]
        question = Authorise(
            epoch=7,
            seq=seq + number // len(campus.places),
            at_ms=now_s * 1_000,
            policy=1,
            evidence=_code(person, key, draw, now_s),
            basket=(Line(PRICE_MINOR),),
        )
        asked.append(_signed(place, "POST", AUTHORISE, msgspec.json.encode(question)))
    return asked


def _code(person: stage.Person, key: Any, draw: random.Random, now_s: int) -> str:
    phone = SigningKey(draw.randbytes(32))
    credential = sign_credential(
        institution=path.INSTITUTION,
        key_id=key.key_id,
        not_before_s=now_s - now_s % 86_400,
        valid_min=24 * 60,
        code_id=draw.randbytes(8),
        grant=Grant(person.account_ref, now_s - 3_600, 60_00, 200_00, 20, 1),
        phone_public=phone.public,
        issuer=key.signer,
        sealing_key=key.sealing_key,
    )
    return show(credential, institution=path.INSTITUTION, shown_at_s=now_s, phone=phone)


def _key_requests(campus: stage.Stage, count: int) -> list[Request]:
    return [_signed(campus.places[number % len(campus.places)], "GET", KEYS, b"") for number in range(count)]


def _signed(place: stage.Place, method: str, target: str, body: bytes) -> Request:
    device = SigningKey(stage.device_seed(place.terminal_id))
    at_ms = int(time.time() * 1_000)
    header = request_header(
        terminal=place.terminal_id, method=method, target=target, body=body, at_ms=at_ms, device=device
    )
    return Request(method, target, body, header)


def _open_loop(url: str, requests: Sequence[Request], *, check: Callable[[httpx.Response], None]) -> list[float]:
    """Send each when it is due, RATE_PER_S of them; gives the seconds from then until its answer."""
    clients = threading.local()
    began_s = time.monotonic() + 0.1

    def send(number: int, request: Request) -> float:
        client: httpx.Client | None = getattr(clients, "client", None)
        if client is None:
            client = clients.client = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False)
        headers = {"Authorization": request.authorization, "Content-Type": "application/octet-stream"}
        answer = client.request(request.method, request.target, content=request.body, headers=headers)
        took_s = time.monotonic() - began_s - number / RATE_PER_S
        check(answer)
        return took_s

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        sent = []
        for number, request in enumerate(requests):
            time.sleep(max(0.0, began_s + number / RATE_PER_S - time.monotonic()))
            sent.append(pool.submit(send, number, request))
        return [each.result() for each in sent]


def _approved(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text
    authorised_key_id(answer.content)
    assert b'"lapses_at_ms"' in answer.content, "a question of the bench was declined"


def _answered(answer: httpx.Response) -> None:
    assert answer.status_code == 200, answer.text


def _lapse_all() -> None:
    from datetime import timedelta

    from django.utils import timezone

    from ecard.settlement.operations import lapse_authorised

    while lapse_authorised(at=timezone.now() + timedelta(hours=1)):
        pass


def _reaches_others(*, sales: int) -> Figure:
    with ExitStack() as stack:
        engine = stack.enter_context(stage.engine())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ecard-bench-")))
        urls = engine.create_database("bench")
        stage.set_up(urls.app_url)
        from tests.support import database

        database.migrate_as_owner(urls)
        world = _world(sales)
        stack.enter_context(_celery(folder, urls.app_url))
        url = stack.enter_context(path.server(urls.app_url))
        first, second = (stack.enter_context(_terminal(world, folder, url, name)) for name in ("T1", "T2"))
        taps_s, took_s = zip(*[_sell(world, first, second, number) for number in range(sales)], strict=True)
    return Figure(name="online.posted_reaches_others_s", value=median(took_s), unit="s", baseline=median(taps_s))


def _world(sales: int) -> Any:
    from django.utils import timezone

    from tests.support.settling import make_world

    return make_world(at=timezone.now(), people=sales)


@contextmanager
def _celery(folder: Path, database_url: str) -> Iterator[None]:
    """Redis, and Celery's worker with its clock, as `make demo` starts them."""
    from ecard.embedded import EmbeddedRedis

    redis = EmbeddedRedis(folder / "redis", end_with_parent=True)
    redis.start()
    before = os.environ.get("ECARD_REDIS_URL")
    os.environ["ECARD_REDIS_URL"] = redis.url
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": stage.SETTINGS, "DATABASE_URL": database_url}
    command = [sys.executable, "-m", "celery", "-A", "ecard", "worker", "--beat", "--concurrency", "2"]
    command += ["--schedule", str(folder / "beat"), "--loglevel", "ERROR"]
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(TIMEOUT_S)
        redis.stop()
        os.environ.pop("ECARD_REDIS_URL")
        if before is not None:
            os.environ["ECARD_REDIS_URL"] = before


@contextmanager
def _terminal(world: Any, folder: Path, url: str, name: str) -> Iterator[Terminal]:
    from ecard.terminals import operations

    row = operations.register(name=name, outlet=world.campus.outlet, at=world.at)
    terminal = Terminal.open(folder / name, server_url=url)
    terminal.start()
    try:
        terminal.enrol(operations.invite(terminal=row, by=None, at=world.at).code)
        _wait(lambda: terminal.control.screen().phase is Phase.READY, "the terminal is not ready")
        yield terminal
    finally:
        terminal.close()


def _sell(world: Any, first: Terminal, second: Terminal, number: int) -> tuple[float, float]:
    """Sell to somebody at the first terminal; gives the seconds of the tap, and until the second one knows."""
    from django.utils import timezone

    time.sleep(1 + number % 7 * 0.3)  # so that sales meet every moment of the other's rhythm
    person = world.person(number).account_ref
    had = second._store.find(person)[1]
    assert had is not None
    first.control.set_amount(PRICE_MINOR)
    code = world.code(number, at=timezone.now())
    began = time.monotonic()
    assert first.control.scan(code).approved
    tapped = time.monotonic()

    def knows() -> bool:
        row = second._store.find(person)[1]
        return row is not None and row.purse_minor < had.purse_minor

    _wait(knows, "the sale does not arrive")
    return tapped - began, time.monotonic() - began


def _wait(until: Callable[[], bool], or_else: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not until():
        assert time.monotonic() < deadline, or_else
        time.sleep(0.005)
