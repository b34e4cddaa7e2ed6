"""The demo's folder: one demo in it, secrets drawn once, ports that are free."""

from __future__ import annotations

import base64
import os
import socket
import stat
from itertools import islice
from pathlib import Path

import pytest

from ecard.demo import place
from ecard.demo.names import names
from ecard.demo.options import parse


def test_secrets_are_drawn_once_and_only_this_user_may_read_them(tmp_path: Path) -> None:
    first = place.read_or_make_secrets(tmp_path)
    assert place.read_or_make_secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o600
    assert len(base64.b64decode(first["ECARD_KEY_ENCRYPTION_KEY"])) == 32
    assert len({place.password_of(login, first) for login in place.LOGINS}) == len(place.LOGINS)
    assert place.read_or_make_secrets(tmp_path / "other") != first


def test_a_folder_is_held_by_one_demo_at_a_time(tmp_path: Path) -> None:
    held = place.hold(tmp_path)
    with pytest.raises(place.AlreadyRunning):
        place.hold(tmp_path)
    os.close(held)
    os.close(place.hold(tmp_path))


def test_a_busy_port_is_replaced_and_told() -> None:
    with socket.socket() as busy:
        busy.bind((place.LOOPBACK, 0))
        busy.listen()
        usual = int(busy.getsockname()[1])
        ports = place.choose_ports(terminals=2, host=place.LOOPBACK, web_port=usual)
    assert ports.web != usual
    assert (usual, ports.web) in ports.replaced
    every = [ports.web, *ports.terminals, *ports.relays, *ports.controls]
    assert len(set(every)) == len(every) == 7


def test_a_busy_port_of_the_site_network_is_replaced_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as busy:
        busy.bind((place.LOOPBACK, 0))
        usual = int(busy.getsockname()[1])
        monkeypatch.setattr(place, "LAN_PORT", usual)
        ports = place.choose_ports(terminals=1, host=place.LOOPBACK)
    assert ports.lans[0] != usual
    assert (usual, ports.lans[0]) in ports.replaced


def test_names_are_plausible_and_the_same_everywhere() -> None:
    drawn = list(islice(names(), 500))
    assert drawn == list(islice(names(), 500))
    assert {len(name) for name in drawn} <= {2, 3, 4}
    assert all("一" <= character <= "鿿" for name in drawn for character in name)


@pytest.mark.parametrize("arguments", [["--taps", "-1"], ["--taps", "x"], ["--people", "5"], ["--what"]])
def test_a_command_line_that_makes_no_sense_is_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)
    assert "usage" in capsys.readouterr().err
