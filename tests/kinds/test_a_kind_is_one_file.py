"""A new kind of device is one file, as devices/README.md shows it: the page's own code runs here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from devices.kinds.base import Device, Kind
from tests.kinds.conftest import MakeKind

README = Path(__file__).resolve().parents[2] / "devices" / "README.md"


def shown() -> str:
    """The block of Python under the heading."""
    _before, found, after = README.read_text(encoding="utf-8").partition("## A new kind is one file")
    assert found
    block = re.search(r"```python\n(.*?)```", after, re.DOTALL)
    assert block is not None
    return block[1]


def test_the_kind_in_the_readme_runs_under_the_one_loop(make_kind: MakeKind) -> None:
    named: dict[str, Any] = {"__name__": "washer"}
    exec(compile(shown(), "devices/README.md", "exec"), named)  # noqa: S102  (the project's own page)
    bench = make_kind()
    started: list[int] = []
    washer: Kind = named["Washer"](free=lambda: 3, start=started.append)
    device = Device(bench.control, washer)
    outcome = device.scanned(bench.show(1))
    assert outcome is not None
    assert outcome.result.amount_minor == 4_00
    assert started == [3]
    newest = bench.terminal._journal.newest_sale
    assert newest is not None
    assert newest.record.facts is not None
    assert newest.record.facts.slot == 3


def test_a_kind_that_is_not_ready_is_asked_nothing_more(make_kind: MakeKind) -> None:
    named: dict[str, Any] = {"__name__": "washer"}
    exec(compile(shown(), "devices/README.md", "exec"), named)  # noqa: S102  (the project's own page)
    bench = make_kind()
    device = Device(bench.control, named["Washer"](free=lambda: 0, start=lambda _slot: None))
    assert device.scanned(bench.show(1)) is None
    result = bench.control.screen().result
    assert result is not None
    assert result.sentence.en == "Every machine is in use"
