"""devices/MAKERS.md: in an environment of its own, without Django, the page's gate works with the real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.cache import cache
from django.utils import timezone

from devices.drivers.signals import relay_command
from ecard.cardholders.operations import stop_account
from ecard.terminals.models import DeviceKind, TerminalMode
from ecard.terminals.operations import invite, register
from ecard.terminals.values import DeviceSettings
from tests.docs.blocks import ROOT, blocks
from tests.support.settling import World, make_world
from tests.support.wire import Wire

PAGE = "devices/MAKERS.md"
MOST_LINES = 30
UV = Path(sys.executable).parent / "uv"
WAIT_S = 60.0
GATE = DeviceSettings(kind=DeviceKind.GATE)
OPEN, SHUT = relay_command(channel=1, on=True), relay_command(channel=1, on=False)
OURS = ("PYTHON", "DJANGO_", "ECARD_", "DATABASE_", "VIRTUAL_ENV")
WITH_EXTRAS = {"devices.drivers.camera", "devices.till.app"}
EVERY_MODULE = """
import importlib, pkgutil, devices
for each in pkgutil.walk_packages(devices.__path__, "devices."):
    if each.name not in {absent!r}:
        importlib.import_module(each.name)
"""


def page() -> str:
    (gate,) = blocks(PAGE, "python")
    return gate


def apart() -> dict[str, str]:
    """An environment that knows nothing of this project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(each) for each in command], cwd=cwd, env=apart(), capture_output=True, text=True)
    if done.returncode:
        said = f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        pytest.fail(f"The page's environment cannot be made. Does it need the network or uv's cache?\n{said}")
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the package in it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def says(self, program: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.python), "-c", program]
        return subprocess.run(command, cwd=self.folder, env=apart(), capture_output=True, text=True)


def made(folder: Path, what: str) -> Environment:
    """With the versions of the lock, so that what make installed is at hand."""
    run(UV, "venv", "--python", sys.executable, folder, cwd=folder.parent)
    environment, locked = Environment(folder), ROOT / "requirements" / "sdk.txt"
    run(UV, "pip", "install", "--python", environment.python, "--constraint", locked, what, cwd=folder)
    return environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maker")
    source = folder / "source"
    shutil.copytree(ROOT / "devices", source / "devices", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", source)
    build: list[str | Path] = [
        UV,
        "build",
        "--wheel",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "--out-dir",
        folder / "dist",
    ]
    run(*build, source, cwd=folder)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Only what the package asks for: without any extra."""
    return made(tmp_path_factory.mktemp("plain") / "env", str(wheel))


@pytest.fixture(scope="module")
def with_serial(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """As the page installs it."""
    return made(tmp_path_factory.mktemp("serial") / "env", f"ecard-devices[serial] @ {wheel.as_uri()}")


def test_the_package_needs_nothing_of_the_servers_and_imports_without_any_extra(environment: Environment) -> None:
    for name in ("django", "ecard", "psycopg", "celery", "PIL", "zxingcpp", "escpos", "firmware_sim"):
        assert "ModuleNotFoundError" in environment.says(f"import {name}").stderr, name
    found = environment.says(EVERY_MODULE.format(absent=WITH_EXTRAS))
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("program", "extra"),
    [
        ("import devices.drivers.camera", "camera"),
        ("from devices.drivers.serial_line import SerialLine; SerialLine.open('/dev/ttyUSB0')", "serial"),
        ("from devices.drivers.printer import EscposPrinter; EscposPrinter.network('127.0.0.1')", "printer"),
        ("from devices.drivers.reader import PcscReader; PcscReader.open()", "pcsc"),
        ("from devices.till.http import TillServer; TillServer(None, token='', port=0)", "http"),
    ],
)
def test_what_needs_an_extra_says_which(environment: Environment, program: str, extra: str) -> None:
    said = environment.says(program).stderr
    assert f'pip install "ecard-devices[{extra}]"' in said.splitlines()[-1]


def test_the_gate_of_the_page_has_at_most_thirty_lines() -> None:
    assert len(page().splitlines()) <= MOST_LINES


def test_every_extra_and_file_the_page_names_exists() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (install,) = blocks(PAGE, "sh")
    rows = [line for line in text.partition("## Your hardware")[2].splitlines() if line.startswith("| ")]
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row.split("|")[-2])}
    assert named == set(extras)
    assert named | set(re.findall(r"\[(\w+)\]", install)) <= set(extras)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text) + re.findall(r"`(tests/[\w/]+\.py)`", text)
    assert linked
    missing = [each for each in linked if not (ROOT / each).exists() and not (ROOT / "devices" / each).exists()]
    assert missing == []


@dataclass
class Gate:
    """The page's program at work: its two lines, and what it prints."""

    process: subprocess.Popen[str]
    scanner: Wire
    relay: Wire

    def told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def scan(self, text: str) -> str:
        self.scanner.send(text.encode() + b"\r\n")
        return self.told()


@pytest.fixture
def world(site: str) -> Iterator[World]:
    cache.clear()
    yield make_world(at=timezone.now())
    cache.clear()


@pytest.fixture
def gate(site: str, world: World, with_serial: Environment, tmp_path: Path) -> Iterator[Gate]:
    row = register(name="North gate", outlet=world.campus.outlet, mode=TerminalMode.PASS, at=world.at, device=GATE)
    code = invite(terminal=row, by=None, at=world.at).code
    (tmp_path / "gate.py").write_text(page(), encoding="utf-8")
    scanner, relay = Wire(), Wire()
    command: list[str | Path] = [
        with_serial.python,
        tmp_path / "gate.py",
        tmp_path / "memory",
        site,
        scanner.path,
        relay.path,
    ]
    process = _started(command, tmp_path, {"PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdin is not None
        process.stdin.write(f"{code}\n")
        process.stdin.flush()
        started = Gate(process, scanner, relay)
        assert started.told() == "Enrolment code: ready"
        yield started
    finally:
        scanner.pull()
        relay.pull()
        process.kill()
        process.communicate()


def _started(command: list[str | Path], cwd: Path, more: Mapping[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    environment = apart() | dict(more)
    return subprocess.Popen(
        [str(each) for each in command], cwd=cwd, env=environment, stdin=pipe, stdout=pipe, text=True
    )


def test_the_pages_gate_opens_once_for_a_code_and_never_for_a_stopped_person(gate: Gate, world: World) -> None:
    text = world.code(0, at=timezone.now())
    assert gate.scan(text).startswith("Accepted")
    assert gate.relay.received(until=12) == OPEN + SHUT + SHUT
    assert gate.scan(text).startswith("This code was already used")
    assert gate.scan("https://example.org/menu").startswith("This is not a payment code")
    world.code(1, at=timezone.now())  # fetched before the stop: their phone goes on showing codes
    stop_account(cardholder=world.person(1), by=None, reason="t", at=timezone.now())
    deadline_s = time.monotonic() + WAIT_S
    while (said := gate.scan(world.code(1, at=timezone.now()))).startswith("Accepted"):
        assert gate.relay.received(until=12) == OPEN + SHUT + SHUT
        assert time.monotonic() < deadline_s, "the stop never came"
    assert said.startswith("This account is stopped")
    assert gate.relay.received(within_s=0.3) == b"", "the gate opened for somebody who was refused"
