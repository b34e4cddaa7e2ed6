"""The demo's processes: what is started, with which words, and how each says that it is ready. No Django here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from ecard.demo.device import Device
from ecard.demo.options import PROJECT
from ecard.demo.place import Ports
from ecard.demo.process import Program

BACK_AFTER_POWER_CUT_S = 2.0
WEB_THREADS = 4


def web(ports: Ports, *, host: str, environment: Mapping[str, str]) -> Program:
    """The web server, pages and API alike."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(ports.web)]
    command += ["--blocking-threads", str(WEB_THREADS), "--no-ws", "ecard.wsgi:application"]

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{ports.web}/admin/login/", trust_env=False, timeout=10).is_success
        except httpx.TransportError:
            return False

    return Program("web", command, environment, PROJECT, answers)


def worker(environment: Mapping[str, str]) -> Program:
    """Celery's worker."""
    return Program("worker", [*_celery("worker"), "--concurrency", "2"], environment, PROJECT)


def beat(environment: Mapping[str, str], *, state: Path) -> Program:
    """Celery's clock."""
    return Program("beat", [*_celery("beat"), "--schedule", str(state / "beat-schedule")], environment, PROJECT)


def relay(number: int, ports: Ports, device: Device, *, environment: Mapping[str, str]) -> Program:
    """The line between a terminal and the server."""
    command = [sys.executable, "-m", "firmware_sim.relay", "--listen", str(ports.relays[number])]
    command += ["--to", f"127.0.0.1:{ports.web}", "--control", str(ports.controls[number])]
    return Program(f"relay-{number + 1}", command, environment, PROJECT, device.line_is_up)


def terminal(number: int, ports: Ports, device: Device, *, state: Path, environment: Mapping[str, str]) -> Program:
    """A terminal. Its power button ends it; it comes back like a device that is plugged in again."""
    command = [sys.executable, "-m", "firmware_sim.terminal", "--data", str(state / f"terminal-{number + 1}")]
    command += ["--port", str(ports.terminals[number]), "--server", f"http://127.0.0.1:{ports.relays[number]}"]
    command += ["--line-control", f"http://127.0.0.1:{ports.controls[number]}"]
    return Program(
        f"terminal-{number + 1}", command, environment, PROJECT, device.is_up, restart_after_s=BACK_AFTER_POWER_CUT_S
    )


def _celery(what: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "ecard", what, "--loglevel", "INFO"]
