"""Where the demo lives on this machine: its folder, its secrets, its ports and addresses. No Django here."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecard.demo.fleet import FLEET
from ecard.embedded import any_port, free_port
from ecard.settings.env import read_environment_file, write_environment_file

WEB_PORT = 8000
GALLERY_PORT = 7000
TERMINAL_PORT = 7001
RELAY_PORT = 7101
CONTROL_PORT = 7201
LAN_PORT = 7301
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"  # noqa: S104  (only with --lan, and then it is what was asked for)
ROOT_VARIABLE = "ECARD_ROOT_PASSPHRASE"
UNLIKE_EACH_OTHER = "abcdefghjkmnpqrstuvwxyz23456789"
PASSWORD_LENGTH = 10
LOGINS = ("admin", "manager", "student", "staff", "visitor", "pupil")
SUPERVISORS = ("周敏", "何强")
"""Who opens the supervisor's menu in the demo; two, since some things take both."""
PIN_DIGITS = 6
ADDRESSES = "addresses.json"
CARDS = "cards.json"


class AlreadyRunning(Exception):
    """Another demo holds this folder."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens; `replaced` tells of each port that was busy, as (usual, now)."""

    web: int
    terminals: tuple[int, ...]
    relays: tuple[int, ...]
    controls: tuple[int, ...]
    lans: tuple[int, ...]
    gallery: int
    replaced: tuple[tuple[int, int], ...]


def hold(state: Path) -> int:
    """Take the folder for this process; the descriptor keeps it until we end. Raises AlreadyRunning."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning(str(state)) from None
    return descriptor


def choose_ports(*, terminals: int, host: str, web_port: int = WEB_PORT, usual_ones: bool = True) -> Ports:
    """The usual ports, or the next free ones; without `usual_ones` any that are free.

    The web server's is tried on `host`, all others on loopback.
    """
    taken: list[int] = []
    replaced: list[tuple[int, int]] = []

    def take(usual: int, *, on: str = LOOPBACK, datagrams: bool = False) -> int:
        reserved = frozenset(taken)
        if usual_ones:
            port = free_port(usual, host=on, reserved=reserved, datagrams=datagrams)
        else:
            port = any_port(host=on, reserved=reserved, datagrams=datagrams)
        taken.append(port)
        if usual_ones and port != usual:
            replaced.append((usual, port))
        return port

    web = take(web_port, on=host)
    gallery = take(GALLERY_PORT)
    lines = [
        tuple(take(usual + number) for usual in (TERMINAL_PORT, RELAY_PORT, CONTROL_PORT))
        for number in range(terminals)
    ]
    terminal_ports, relay_ports, control_ports = zip(*lines, strict=True)
    lan_ports = tuple(take(LAN_PORT + number, datagrams=True) for number in range(terminals))
    return Ports(web, terminal_ports, relay_ports, control_ports, lan_ports, gallery, tuple(replaced))


def read_or_make_secrets(state: Path) -> dict[str, str]:
    """What is drawn once and kept, readable by this user alone: keys, and the demo logins' passwords."""
    path = state / "secrets"
    kept = read_environment_file(path)
    fresh = {
        "ECARD_SECRET_KEY": secrets.token_urlsafe(48),
        "ECARD_KEY_ENCRYPTION_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        ROOT_VARIABLE: secrets.token_urlsafe(24),
        **{_password_name(login): _password() for login in LOGINS},
        **{_pin_name(number): _pin() for number in range(len(SUPERVISORS))},
    }
    if not fresh.keys() <= kept.keys():
        kept = fresh | kept
        write_environment_file(path, kept)
    return kept


def password_of(login: str, kept: Mapping[str, str]) -> str:
    """The password of one of LOGINS."""
    return kept[_password_name(login)]


def pins(kept: Mapping[str, str]) -> dict[str, str]:
    """The PIN of each of SUPERVISORS, by name."""
    return {name: kept[_pin_name(number)] for number, name in enumerate(SUPERVISORS)}


def server_environment(
    kept: Mapping[str, str], *, database_url: str, owner_url: str, redis_url: str, public_url: str, hosts: list[str]
) -> dict[str, str]:
    """The variables of the server's processes."""
    return {
        "DJANGO_SETTINGS_MODULE": "ecard.settings.demo",
        "DATABASE_URL": database_url,
        "DATABASE_OWNER_URL": owner_url,
        "ECARD_SECRET_KEY": kept["ECARD_SECRET_KEY"],
        "ECARD_KEY_ENCRYPTION_KEY": kept["ECARD_KEY_ENCRYPTION_KEY"],
        "ECARD_REDIS_URL": redis_url,
        "ECARD_PUBLIC_URL": public_url,
        "ECARD_ALLOWED_HOSTS": ",".join(hosts),
    }


def write_addresses(state: Path, *, web_url: str, ports: Ports, logins: Mapping[str, str]) -> None:
    """Tell programs where everything is; the file is there while the demo is up and ready. `logins` by role."""
    terminals = [
        {"kind": each.kind, "url": f"http://{LOOPBACK}:{port}", "line": f"http://{LOOPBACK}:{control}"}
        for each, port, control in zip(FLEET, ports.terminals, ports.controls, strict=True)
    ]
    gallery = f"http://{LOOPBACK}:{ports.gallery}"
    told = {"web": web_url, "gallery": gallery, "terminals": terminals, "logins": dict(logins)}
    fresh = state / f"{ADDRESSES}.new"
    fresh.write_text(json.dumps(told, indent=1) + "\n")
    fresh.rename(state / ADDRESSES)


def write_devices(state: Path, *, ports: Ports) -> Path:
    """Tell the gallery which devices there are."""
    listed = [
        {"kind": each.kind, "zh": each.zh, "en": each.en, "url": f"http://{LOOPBACK}:{port}"}
        for each, port in zip(FLEET, ports.terminals, strict=True)
    ]
    path = state / "devices.json"
    path.write_text(json.dumps(listed, ensure_ascii=False, indent=1) + "\n")
    return path


def lan_address() -> str:
    """This machine's address on its network, or loopback where it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET: routed like any other address, used by nobody
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])


def _password_name(login: str) -> str:
    return f"DEMO_PASSWORD_{login.upper()}"


def _pin_name(number: int) -> str:
    return f"DEMO_PIN_{number + 1}"


def _pin() -> str:
    return "".join(secrets.choice("0123456789") for _ in range(PIN_DIGITS))


def _password() -> str:
    return "".join(secrets.choice(UNLIKE_EACH_OTHER) for _ in range(PASSWORD_LENGTH))
