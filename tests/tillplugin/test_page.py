"""TILL.md: its numbers and its words are the code's."""

from __future__ import annotations

import re

from devices.core.money import MAX_AMOUNT_MINOR
from devices.till.app import MAX_WAIT_S, STATUS
from devices.till.desk import LAPSE_MS
from devices.till.sales import MAX_ORDER, State
from tests.docs.blocks import ROOT
from tests.tillplugin.conftest import Register

PAGE = (ROOT / "devices" / "TILL.md").read_text(encoding="utf-8")
TOLD = {word: int(status) for word, status in re.findall(r"^\| `(\w+)` \| (\d{3}) \|", PAGE, re.MULTILINE)}


def test_the_limits_are_the_codes() -> None:
    for told in (
        f"1 to {MAX_AMOUNT_MINOR:,} minor units",
        f"1 to {MAX_ORDER} printable ASCII",
        f"cancelled {LAPSE_MS // 1000} s after",
        f"(at most {MAX_WAIT_S:.0f})",
    ):
        assert told in PAGE


def test_every_state_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|\d]", PAGE, re.MULTILINE)) >= set(State)


def test_every_error_is_in_the_table_with_its_status(register: Register) -> None:
    asked = register.http.post("/sales", content=b"{}", headers={"Content-Type": "text/plain"})
    browser = register.http.get("/", headers={"Origin": register.url})
    token = register.http.get("/", headers={"Authorization": ""})
    refused = {answer.json()["error"]: answer.status_code for answer in (asked, browser, token)}
    assert {kind.code: status for kind, status in STATUS.items()} | refused == TOLD
