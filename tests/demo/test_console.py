"""What the demo prints is whole on a console of any usual width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ecard.demo.console import Show

ROWS = (
    ("administration", "http://192.168.100.100:8000/admin/", "admin / xtfa5r6mbj"),
    ("a student's page", "http://192.168.100.100:8000/", "202600001 / 3ddxu5t87d"),
    ("supervisor's menu", "at any device", "周敏 / 925376"),
    ("South canteen · self-service scale", "http://127.0.0.1:65534/", ""),
    ("  its customer's side", "http://127.0.0.1:65534/customer", ""),
)


@pytest.mark.parametrize("width", [72, 80, 100, 200])
def test_every_address_and_every_login_is_printed_whole(width: int) -> None:
    printed = io.StringIO()
    Show(Console(file=printed, width=width, force_terminal=True, color_system=None)).addresses(ROWS)
    for _what, address, login in ROWS:
        assert address in printed.getvalue()
        assert login in printed.getvalue()
