"""The parts of the benchmark, each run in a process of its own."""

from __future__ import annotations

import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from tests.bench.figures import Figure

PARTS = (
    "terminal",
    "kinds",
    "scan",
    "tap",
    "posting",
    "path",
    "issue",
    "lists",
    "snapshot",
    "page",
    "subsidy",
    "policy",
    "ready",
    "rehearse",
    "online",
    "lan",
    "journal",
)
"""Each is a module here with NAME and `run(*, scale: float) -> list[Figure]`."""


def measure(name: str, *, scale: float) -> list[Figure]:
    """Run a part where nothing that another left behind (a set-up Django, memory, threads) is in its figures."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_run, name, scale=scale).result()


def _run(name: str, *, scale: float) -> list[Figure]:
    found: list[Figure] = importlib.import_module(f"tests.bench.{name}").run(scale=scale)
    return found
