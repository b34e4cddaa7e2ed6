"""The demo's processes: what is started, with which words, and how each says that it is ready. No Django here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from ecard.demo import place
from ecard.demo.device import Device
from ecard.demo.fleet import FLEET
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


def relay(ports: Ports, devices: Sequence[Device], *, environment: Mapping[str, str]) -> Program:
    """The lines between the terminals and the server, each with its switch."""
    command = [sys.executable, "-m", "firmware_sim.relay", "--to", f"127.0.0.1:{ports.web}"]
    for listen, control in zip(ports.relays, ports.controls, strict=True):
        command += ["--listen", str(listen), "--control", str(control)]
    return Program("relay", command, environment, PROJECT, lambda: all(device.line_is_up() for device in devices))


def gallery(ports: Ports, *, listed: Path, environment: Mapping[str, str]) -> Program:
    """The page of all devices."""
    command = [sys.executable, "-m", "firmware_sim.gallery", "--port", str(ports.gallery), "--devices", str(listed)]

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{ports.gallery}/", trust_env=False, timeout=10).is_success
        except httpx.TransportError:
            return False

    return Program("gallery", command, environment, PROJECT, answers)


def terminal(number: int, ports: Ports, device: Device, *, state: Path, environment: Mapping[str, str]) -> Program:
    """A terminal. Its power button ends it; it comes back like a device that is plugged in again."""
    command = [sys.executable, "-m", "firmware_sim.terminal", "--data", str(state / f"terminal-{number + 1}")]
    command += ["--lan", f"127.0.0.1:{ports.lans[number]}"]
    for each in ports.lans[:number] + ports.lans[number + 1 :]:
        command += ["--lan-peer", f"127.0.0.1:{each}"]
    command += ["--kind", FLEET[number].kind, "--cards", str(state / place.CARDS)]
    command += ["--port", str(ports.terminals[number]), "--server", f"http://127.0.0.1:{ports.relays[number]}"]
    command += ["--line-control", f"http://127.0.0.1:{ports.controls[number]}"]
    return Program(
        f"terminal-{number + 1}", command, environment, PROJECT, device.is_up, restart_after_s=BACK_AFTER_POWER_CUT_S
    )


def _celery(what: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "ecard", what, "--loglevel", "INFO"]
