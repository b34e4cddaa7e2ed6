"""Decoded text → durable "approved" on a whole terminal, beside the least that any such terminal must do."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from nacl.bindings import crypto_sign_open

from devices.core import accept, code
from devices.core.accept import Trust
from devices.core.signing import CODE_DOMAIN, MOMENT_DOMAIN
from tests.bench.figures import Figure
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import INSTITUTION, FakeClock, FakeServer, Phone

NAME = "terminal"
RUNS = 3
TAPS = 1_500
WARM_UP = 100
RECORD_BYTES = 1_500
"""About what a sealed sale record takes."""


def run(*, scale: float = 1.0) -> list[Figure]:
    """Median of RUNS runs; each tap is followed by its baseline, so both meet the same machine."""
    taps = max(50, int(TAPS * scale))
    runs = [_one_run(taps) for _ in range(RUNS)]

    def figure(name: str, pick: Callable[[list[float]], float], column: int, base: int) -> Figure:
        value = median(pick(each[column]) for each in runs)
        return Figure(name=name, value=value, unit="ms", baseline=median(pick(each[base]) for each in runs))

    return [
        figure("terminal.decision.median_ms", median, 0, 1),
        figure("terminal.decision.p99_ms", p99, 0, 1),
        figure("terminal.code_check.median_ms", median, 2, 3),
    ]


def _one_run(taps: int) -> tuple[list[float], list[float], list[float], list[float]]:
    with tempfile.TemporaryDirectory(prefix="ecard-bench-") as name:
        folder, clock = Path(name), FakeClock()
        server = FakeServer(clock)
        count = taps + WARM_UP
        world.add_people(server, *[world.row(account_ref) for account_ref in range(1, count + 1)])
        bench = Bench(folder / "terminal", clock, server)
        bench.open()
        bench.enrol()
        bench.control.set_mode("fixed", fixed_minor=12_50)
        texts = [Phone(account_ref).show(clock.now_s) for account_ref in range(1, count + 1)]
        trust = Trust(INSTITUTION, world.key_list(), {world.KEY_ID: world.SEALING_KEY})
        log = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        decided, bare, checked, verified = [], [], [], []
        for text in texts:
            decided.append(took_ms(lambda text=text: _approve(bench, text)))  # type: ignore[misc]
            messages = signed(text)
            bare.append(took_ms(lambda messages=messages: least(messages, log)))  # type: ignore[misc]
            checked.append(took_ms(lambda text=text: accept.read(text, trust=trust, now_s=clock.now_s)))  # type: ignore[misc]
            verified.append(took_ms(lambda messages=messages: _verify(messages)))  # type: ignore[misc]
        os.close(log)
        bench.terminal.close()
    return decided[WARM_UP:], bare[WARM_UP:], checked[WARM_UP:], verified[WARM_UP:]


def _approve(bench: Bench, text: str) -> None:
    if not bench.control.scan(text).approved:
        raise RuntimeError("a benchmark tap was declined")


def signed(text: str) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    """Both signed messages of a code with their keys, ready to verify."""
    read = code.parse(text, institution=INSTITUTION)
    moment = read.code_id + read.shown_at_s.to_bytes(4, "big") + read.challenge.to_bytes(4, "big")
    issued = CODE_DOMAIN + read.prefix.encode() + read.body
    return (
        (read.signature + issued, world.ISSUER.public),
        (read.moment_signature + MOMENT_DOMAIN + moment, read.phone_public),
    )


def _verify(messages: tuple[tuple[bytes, bytes], tuple[bytes, bytes]]) -> None:
    for message, public in messages:
        crypto_sign_open(message, public)


def least(messages: tuple[tuple[bytes, bytes], tuple[bytes, bytes]], log: int) -> None:
    _verify(messages)
    os.write(log, bytes(RECORD_BYTES))
    os.fsync(log)


def took_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]
