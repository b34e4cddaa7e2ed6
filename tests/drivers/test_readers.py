"""Card readers: a module on a serial line, and PC/SC, whose Python part is stood in for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.drivers.extras import MissingExtra
from devices.drivers.reader import AWAY_MS, Frames, PcscReader, ReaderError, SerialReader, read_frame
from devices.drivers.serial_line import SerialLine
from tests.support.wire import Wire

UID = bytes.fromhex("100086F444")
FRAME = b"\x02100086F44426\x03"
"""As published for the RDM6300: the number, and 26 the XOR of its bytes."""


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_000

    def wall_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> int:
        return self.ms

    def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


def test_a_published_frame_is_read(wire: Wire, line: SerialLine) -> None:
    wire.send(FRAME)
    assert next(SerialReader(line).uids()) == UID


@pytest.mark.parametrize("uid", [b"\x04\xa1\xb2\xc3", b"\x04\xa1\xb2\xc3\xd4\xe5\xf6", bytes(range(10))])
def test_numbers_of_four_to_ten_bytes_are_read(uid: bytes) -> None:
    assert Frames().feed(frame(uid)) == [uid]
    assert Frames().feed(frame(uid, end=b"\r\n")) == [uid]


def frame(uid: bytes, *, end: bytes = b"") -> bytes:
    check = 0
    for byte in uid:
        check ^= byte
    return b"\x02" + (uid + bytes([check])).hex().upper().encode() + end + b"\x03"


def test_a_card_lying_there_is_said_once_and_again_when_laid_on_again(wire: Wire, line: SerialLine) -> None:
    clock = Hands()
    uids = SerialReader(line, clock=clock).uids()
    wire.send(FRAME)
    assert next(uids) == UID
    wire.send(FRAME * 3 + frame(b"\x01\x02\x03\x04"))
    assert next(uids) == b"\x01\x02\x03\x04"
    wire.send(FRAME)
    assert next(uids) == UID
    clock.ms += AWAY_MS
    wire.send(FRAME)
    assert next(uids) == UID


def test_a_cut_frame_is_passed_over_and_the_next_one_read(wire: Wire, line: SerialLine) -> None:
    uids = SerialReader(line).uids()
    wire.send(FRAME[:6])
    wire.send(FRAME)
    assert next(uids) == UID


@given(st.integers(1, len(FRAME) - 2), st.integers(1, 255))
def test_a_garbled_byte_never_makes_another_card(at: int, flip: int) -> None:
    garbled = bytearray(FRAME)
    garbled[at] ^= flip
    assert set(Frames().feed(bytes(garbled))) <= {UID}


@given(st.binary(max_size=200))
def test_noise_makes_no_card_of_a_wrong_length(noise: bytes) -> None:
    found = Frames().feed(noise + FRAME)
    assert all(4 <= len(uid) <= 10 for uid in found)


def test_frames_that_are_none() -> None:
    for inside in (b"", b"00", b"zz" * 6, b"0102030600", b"01" * 12, "é".encode()):
        assert read_frame(inside) is None


def test_the_numbers_end_when_the_reader_is_pulled_out(wire: Wire, line: SerialLine) -> None:
    wire.pull()
    assert list(SerialReader(line).uids()) == []


# PC/SC


class SmartcardException(Exception):
    pass


class CardRequestTimeoutException(SmartcardException):
    pass


class NoCardException(SmartcardException):
    pass


class CardConnectionException(SmartcardException):
    pass


FAILURES = SimpleNamespace(
    SmartcardException=SmartcardException,
    CardRequestTimeoutException=CardRequestTimeoutException,
    NoCardException=NoCardException,
    CardConnectionException=CardConnectionException,
)
Step = tuple[list[int], int, int] | Exception


class Card:
    """What a reader finds, one step after another."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps: Iterator[Step] = iter(steps)
        self.asked: list[list[int]] = []
        self.open = 0
        self.connection = self

    def waitforcard(self) -> Card:
        self.now = next(self.steps, SmartcardException("the service ended"))
        if isinstance(self.now, CardRequestTimeoutException) or str(self.now) == "the service ended":
            assert isinstance(self.now, Exception)
            raise self.now
        return self

    def connect(self) -> None:
        if isinstance(self.now, NoCardException):
            raise self.now
        self.open += 1

    def disconnect(self) -> None:
        self.open -= 1

    def transmit(self, apdu: list[int]) -> tuple[list[int], int, int]:
        self.asked.append(apdu)
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


def test_a_card_on_a_pcsc_reader_is_asked_for_its_number() -> None:
    card = Card([([4, 1, 2, 3], 0x90, 0)] * 3)
    clock = Hands()
    assert list(PcscReader(card, failures=FAILURES, clock=clock, sleep=clock.sleep).uids()) == [b"\x04\x01\x02\x03"]
    assert card.asked == [[0xFF, 0xCA, 0, 0, 0]] * 3
    assert card.open == 0


def test_what_goes_wrong_with_one_card_does_not_end_the_reader() -> None:
    clock = Hands()
    card = Card(
        [
            CardRequestTimeoutException(),
            NoCardException(),
            CardConnectionException(),
            ([], 0x6A, 0x81),
            ([1, 2], 0x90, 0),
            ([4, 1, 2, 3], 0x90, 0),
            *[NoCardException() for _ in range(4)],
            ([4, 1, 2, 3], 0x90, 0),
        ]
    )
    reader = PcscReader(card, failures=FAILURES, clock=clock, sleep=clock.sleep)
    assert list(reader.uids()) == [b"\x04\x01\x02\x03"] * 2
    assert card.open == 0


def test_a_closed_pcsc_reader_ends() -> None:
    card = Card([([4, 1, 2, 3], 0x90, 0)] * 100)
    reader = PcscReader(card, failures=FAILURES, sleep=lambda _s: None)
    for _uid in reader.uids():
        reader.close()
    assert next(card.steps) == ([4, 1, 2, 3], 0x90, 0)


@pytest.fixture
def pyscard(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], list[str]]], dict[str, Any]]:
    """A stand-in for the package, which needs a compiler and the system's library to install."""

    def place(readers: Callable[[], list[str]]) -> dict[str, Any]:
        asked: dict[str, Any] = {}

        def request(**options: Any) -> Card:
            asked.update(options)
            return Card([([4, 1, 2, 3], 0x90, 0)])

        modules = {
            "smartcard": {},
            "smartcard.System": {"readers": readers},
            "smartcard.Exceptions": vars(FAILURES),
            "smartcard.CardType": {"AnyCardType": lambda: "any"},
            "smartcard.CardRequest": {"CardRequest": request},
        }
        for name, content in modules.items():
            module = ModuleType(name)
            module.__dict__.update(content)
            monkeypatch.setitem(sys.modules, name, module)
        return asked

    return place


def test_the_reader_named_is_the_one_used(pyscard: Any) -> None:
    asked = pyscard(lambda: ["ACS ACR122U 00", "Feitian R502 01"])
    assert next(PcscReader.open("R502").uids()) == b"\x04\x01\x02\x03"
    assert asked["readers"] == ["Feitian R502 01"]


def test_no_reader_and_no_service_are_told_apart(pyscard: Any) -> None:
    pyscard(list)
    with pytest.raises(ReaderError, match="no card reader"):
        PcscReader.open()

    def failing() -> list[str]:
        raise SmartcardException("pcscd is not running")

    pyscard(failing)
    with pytest.raises(ReaderError, match="pcscd is not running"):
        PcscReader.open()


def test_without_pyscard_the_command_that_brings_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard.System", None)
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(MissingExtra, match=r'pip install "ecard-devices\[pcsc\]"'):
        PcscReader.open()
