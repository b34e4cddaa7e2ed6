"""CABINET.md: its numbers are the code's, its bytes are frames, its programs run."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from devices.cabinet import frames, messages
from devices.cabinet.cabinet_side import REMEMBERED, CabinetTimes
from devices.cabinet.frames import Frames, Received
from devices.cabinet.messages import TYPES, Error
from devices.cabinet.values import Times
from tests.cabinet.line import words
from tests.docs.blocks import ROOT, blocks
from tests.support.wire import Wire

PAGE = (ROOT / "devices" / "CABINET.md").read_text(encoding="utf-8")


def test_the_types_are_the_codes() -> None:
    told = {
        name: int(number, 16)
        for number, name in re.findall(r"^\| ([0-9A-F]{2}) \| \w+ \| (\w+) \|", PAGE, re.MULTILINE)
    }
    assert told == {kind.__name__: number for kind, number in TYPES.items()}
    assert TYPES[Error] == 0x7F


@pytest.mark.parametrize("values", [messages.Payment, messages.Refusal, messages.Goods, messages.Fault, messages.Wrong])
def test_each_table_of_values_is_the_codes(values: type[IntEnum]) -> None:
    name = {"Fault": "fault", "Wrong": "wrong"}.get(values.__name__, values.__name__.lower())
    table = PAGE.split(f"\n| {name} | | means |")[1].split("\n\n")[0]
    told = {word: int(number) for number, word in re.findall(r"^\| (\d) \| (\w+) \|", table, re.MULTILINE)}
    assert told == {each.name: each.value for each in values}


def test_the_times_are_the_codes() -> None:
    times, cabinet = Times(), CabinetTimes()
    for sentence, told_ms in (
        ("60 s without an approval", times.pay_ms),
        ("10 s without a word", times.silence_ms),
        ("60 s of DISPENSING", times.dispense_ms),
        ("120 s: reversed", times.recover_ms),
        ("After 90 s", cabinet.order_ms),
        ("asks every 2 s", times.ask_ms),
        ("repeats every 1 s", times.repeat_ms),
        ("every 2 s until Welcome", cabinet.hello_ms),
    ):
        assert sentence in re.sub(r"\s+", " ", PAGE)
        assert int(re.findall(r"\d+", sentence)[0]) * 1000 == told_ms
    assert f"the newest {REMEMBERED} orders" in re.sub(r"\s+", " ", PAGE)
    assert f"at most {frames.MAX_PAYLOAD}" in PAGE


def test_the_pages_encoder_and_ours_agree_though_they_share_nothing() -> None:
    names: dict[str, Any] = {}
    exec(blocks("devices/CABINET.md", "python")[0], names)  # noqa: S102  # the page's own example
    for kind in range(256):
        payload = bytes((kind * 7 + place * 31) % 256 for place in range(kind % 60))
        assert names["frame"](kind, kind, payload) == frames.frame(kind, kind, payload)


def test_the_pages_transcript_is_made_of_whole_frames() -> None:
    (transcript,) = blocks("devices/CABINET.md", "text")
    for line in transcript.splitlines():
        said, data = re.fullmatch(r"\w+ +(.+?)  +([0-9A-F ]+)", line).groups()  # type: ignore[union-attr]
        (received,) = Frames().feed(bytes.fromhex(data))
        assert isinstance(received, Received)
        assert said.startswith(words(received.message))


def test_the_pages_program_opens_a_terminal_beside_a_cabinet(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(blocks("devices/CABINET.md", "python")[1], names)  # noqa: S102  # the page's own example
    wire = Wire()
    opened = names["beside_the_cabinet"](tmp_path / "terminal", server_url="http://127.0.0.1:9", port=wire.path)
    terminal, device, link = opened
    assert device.scanned("nothing was ordered") is None
    assert wire.received().startswith(b"\x7e\x01\x81")
    link.stop()
    terminal.close()
    wire.pull()
