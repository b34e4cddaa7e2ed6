"""devices/README.md: its examples run against the SDK, and the folder stands on what its lock names."""

from __future__ import annotations

import ast
import io
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import devices.terminal
from tests.devices import world
from tests.docs.blocks import ROOT, blocks

PAGE = "devices/README.md"


def test_the_pages_terminal_enrols_sells_and_reverses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = world.FakeClock()
    server = world.FakeServer(clock)
    world.add_people(server, world.row(1))
    monkeypatch.setattr(devices.terminal, "HttpTransport", lambda _url, **_times: server)
    monkeypatch.setattr(devices.terminal, "SystemClock", lambda: clock)
    monkeypatch.setattr(devices.terminal.Terminal, "start", _sync_once)
    drawn: list[Any] = []
    pole = io.StringIO()
    made: dict[str, Any] = {
        "data_dir": tmp_path / "terminal",
        "typed_code": world.ENROLMENT_CODE,
        "scanned_text": world.Phone(1).show(clock.now_s),
        "draw": lambda *what: drawn.append(what),
        "pole": pole,
        "wedge": io.StringIO("https://example.org/menu\r\n"),
    }
    for number, block in enumerate(blocks(PAGE, "python")):
        exec(compile(block, f"{PAGE} block {number}", "exec"), made)  # noqa: S102  (the page's own examples)
    terminal = made["terminal"]
    assert made["outcome"].approved
    assert drawn[-1][2].why == "reversed"
    assert "8.00" in pole.getvalue()
    terminal.sync.nudge()
    _sync_once(terminal)
    assert terminal.control.screen().unsent == 0
    terminal.close()


def test_the_sdk_imports_nothing_but_what_its_lock_names() -> None:
    locked = set(re.findall(r"^([\w.-]+)==", (ROOT / "requirements/sdk.txt").read_text(), re.MULTILINE))
    distributions = packages_distributions()
    for path in (ROOT / "devices").rglob("*.py"):
        for name in _imported(ast.parse(path.read_text(encoding="utf-8"))):
            if name in sys.stdlib_module_names or name == "devices":
                continue
            assert {each.lower() for each in distributions[name]} & locked, f"{path.name} imports {name}"


def test_every_file_the_page_names_exists() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    named = re.findall(r"`(tests/[\w/]+\.py|requirements/\w+\.txt)`", text)
    assert linked
    assert [each for each in linked if not (ROOT / "devices" / each).exists()] == []
    assert [each for each in named if not (ROOT / each).exists()] == []


def _sync_once(terminal: devices.terminal.Terminal) -> None:
    for _ in range(8):
        if terminal.sync.step():
            break


def _imported(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found
