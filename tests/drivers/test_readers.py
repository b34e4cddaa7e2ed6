"""Card readers: a module on a serial line, and PC/SC, whose Python part is stood in for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.drivers.extras import MissingExtra
from devices.drivers.reader import AWAY_MS, Frames, Laid, PcscReader, ReaderError, SerialReader, read_frame
from devices.drivers.serial_line import SerialLine
from tests.support.wire import Wire

UID = bytes.fromhex("100086F444")
FRAME = b"\x02100086F44426\x03"
"""As published for the RDM6300: the number, and 26 the XOR of its bytes."""
OTHER = b"\x01\x02\x03\x04"


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
    wire.send(FRAME * 3 + frame(OTHER))
    assert next(uids) == OTHER
    clock.ms += AWAY_MS
    wire.send(FRAME)
    assert next(uids) == UID


def test_two_cards_in_one_wallet_are_said_once_each_though_they_are_seen_by_turns() -> None:
    clock = Hands()
    laid = Laid(clock)
    assert laid.anew(UID)
    assert laid.anew(OTHER)
    for _ in range(20):
        clock.ms += AWAY_MS // 2
        assert not laid.anew(UID)
        assert not laid.anew(OTHER)
    clock.ms += AWAY_MS
    assert laid.anew(OTHER)


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


class NoCardException(SmartcardException):
    pass


class CardConnectionException(SmartcardException):
    pass


class BaseSCardException(Exception):
    """Pyscard's other family: what comes where there is no service is of this one."""


NUMBER = b"\x04\x01\x02\x03"
Step = tuple[list[int], int, int] | str
LIES: Step = ([*NUMBER], 0x90, 0)
NONE: Step = "no card"


class Pcscd:
    """A stand-in for the service: some readers, and at each what is found there, one look after another."""

    def __init__(self, **readers: list[Step]) -> None:
        self.found: dict[str, Iterator[Step]] = {name: iter(steps) for name, steps in readers.items()}
        self.asked: list[list[int]] = []
        self.open = 0
        self.runs = True

    def readers(self) -> list[Slot]:
        if not self.runs:
            raise BaseSCardException("Failure to establish context")
        return [Slot(self, name) for name in self.found]


class Slot:
    """One reader, as pyscard's `Reader` and its connection."""

    def __init__(self, service: Pcscd, name: str) -> None:
        self.service, self.name = service, name

    def __str__(self) -> str:
        return self.name

    def createConnection(self) -> Slot:  # noqa: N802  # pyscard's name
        step = next(self.service.found[self.name], None)
        match step:
            case None | "pulled out":
                del self.service.found[self.name]
            case "service stopped":
                self.service.runs = False
        if step in (None, "pulled out", "service stopped"):
            raise CardConnectionException(str(step))
        self.step = step
        return self

    def connect(self) -> None:
        if self.step == NONE:
            raise NoCardException
        self.service.open += 1

    def disconnect(self) -> None:
        self.service.open -= 1
        if self.step == "taken away":
            raise CardConnectionException("Failed to disconnect")

    def transmit(self, apdu: list[int]) -> tuple[list[int], int, int]:
        self.service.asked.append(apdu)
        if isinstance(self.step, tuple):
            return self.step
        raise CardConnectionException("Failed to transmit")


Place = Callable[[Pcscd], Pcscd]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    """Put the stand-in where pyscard would be, which needs a compiler and the system's library to install."""

    def put(service: Pcscd) -> Pcscd:
        modules: dict[str, dict[str, Any]] = {
            "smartcard": {},
            "smartcard.System": {"readers": service.readers},
            "smartcard.Exceptions": {"SmartcardException": SmartcardException},
            "smartcard.pcsc": {},
            "smartcard.pcsc.PCSCExceptions": {"BaseSCardException": BaseSCardException},
        }
        for name, content in modules.items():
            module = ModuleType(name)
            module.__dict__.update(content)
            monkeypatch.setitem(sys.modules, name, module)
        return service

    return put


def opened(name: str = "") -> PcscReader:
    clock = Hands()
    return PcscReader.open(name, clock=clock, sleep=clock.sleep)


def test_a_card_on_a_pcsc_reader_is_asked_for_its_number(place: Place) -> None:
    service = place(Pcscd(R502=[LIES] * 3))
    assert list(opened().uids()) == [NUMBER]
    assert service.asked == [[0xFF, 0xCA, 0, 0, 0]] * 3
    assert service.open == 0


def test_what_goes_wrong_with_one_card_does_not_end_the_reader(place: Place) -> None:
    steps: list[Step] = [NONE, "mute", ([], 0x6A, 0x81), ([1, 2], 0x90, 0), LIES, *[NONE] * 4, LIES]
    service = place(Pcscd(R502=steps))
    assert list(opened().uids()) == [NUMBER] * 2
    assert service.open == 0


def test_a_card_taken_away_while_it_is_read_is_not_said_and_the_next_time_it_is(place: Place) -> None:
    service = place(Pcscd(R502=["taken away", NONE, LIES]))
    assert list(opened().uids()) == [NUMBER]
    assert service.open == 0


def test_a_reader_pulled_out_ends_the_numbers_and_says_what_to_do(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place(Pcscd(R502=[LIES, "pulled out"], other=[LIES] * 9))
    reader = opened("R502")
    assert list(reader.uids()) == [NUMBER]
    assert reader.ended == "R502 was pulled out: plug it in, and start the reading again"
    assert reader.ended in caplog.text


def test_a_service_that_stops_ends_the_numbers_and_says_what_to_do(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place(Pcscd(R502=[LIES, "service stopped"]))
    reader = opened()
    assert list(reader.uids()) == [NUMBER]
    assert "start it (pcscd)" in reader.ended
    assert reader.ended in caplog.text


def test_a_reader_with_no_card_is_not_asked_without_rest(place: Place) -> None:
    place(Pcscd(R502=[NONE] * 10))
    clock = Hands()
    assert list(PcscReader.open(clock=clock, sleep=clock.sleep).uids()) == []
    assert clock.ms >= 1_000 + 10 * 200


def test_a_closed_pcsc_reader_ends(place: Place) -> None:
    service = place(Pcscd(R502=[LIES] * 100))
    reader = opened()
    for _uid in reader.uids():
        reader.close()
    assert len(list(service.found["R502"])) == 99
    assert reader.ended == ""


def test_of_two_readers_the_one_named_is_used(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place(Pcscd(ACR122U=[([9, 9, 9, 9], 0x90, 0)] * 3, R502=[LIES] * 3))
    reader = opened("R502")
    assert caplog.text == ""
    assert list(reader.uids()) == [NUMBER]


def test_of_two_readers_that_fit_the_first_is_used_and_that_is_said(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place(Pcscd(ACR122U=[LIES], R502=[]))
    assert opened().name == "ACR122U"
    assert "ACR122U, R502" in caplog.text
    assert "name the one you mean" in caplog.text


def test_no_reader_another_reader_and_no_service_are_told_apart(place: Place) -> None:
    place(Pcscd())
    with pytest.raises(ReaderError, match="plug it in"):
        PcscReader.open()
    place(Pcscd(ACR122U=[]))
    with pytest.raises(ReaderError, match="'R502' is connected, only ACR122U"):
        PcscReader.open("R502")
    place(Pcscd()).runs = False
    with pytest.raises(ReaderError, match="start it"):
        PcscReader.open()


def test_without_pyscard_the_command_that_brings_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard.System", None)
    monkeypatch.setitem(sys.modules, "smartcard", None)
    with pytest.raises(MissingExtra, match=r'pip install "ecard-devices\[pcsc\]"'):
        PcscReader.open()
