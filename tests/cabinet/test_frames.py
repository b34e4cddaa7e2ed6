"""Frames on a line that cuts, repeats and garbles: what comes whole is read, what does not is never believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.cabinet.frames import START, Frames, Received, Unread, encode, frame
from devices.cabinet.messages import (
    TYPES,
    Ask,
    Cancel,
    Dispense,
    Error,
    Fault,
    Goods,
    Hello,
    Message,
    Order,
    PayloadError,
    Payment,
    Refusal,
    Report,
    Settled,
    Slot,
    Status,
    Welcome,
    Wrong,
    pack,
)
from devices.core.checksum import crc16

NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=32)
TEXTS = st.text(max_size=30)
AMOUNTS = st.integers(1, 100_000_000)
SLOTS = st.builds(Slot, st.integers(0, 65_535), st.integers(0, (1 << 31) - 1), st.integers(1, 99))
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Hello, NAMES, TEXTS),
    st.builds(Order, NAMES, AMOUNTS, st.lists(SLOTS, min_size=1, max_size=16).map(tuple)),
    st.builds(Cancel, NAMES),
    st.builds(Report, NAMES, st.sampled_from(Goods), st.sampled_from(Fault)),
    st.builds(Welcome, st.integers(0, (1 << 32) - 1), st.booleans(), TEXTS),
    st.builds(Status, NAMES, st.sampled_from(Payment), st.sampled_from(Refusal), AMOUNTS, TEXTS),
    st.builds(Dispense, NAMES),
    st.builds(Ask, NAMES),
    st.builds(Settled, NAMES, st.booleans()),
    st.builds(Error, st.sampled_from(Wrong)),
)
SEQUENCES = st.integers(0, 255)
ORDER = Order("20261121-0007", 350, (Slot(7, 0x7E7D, 1),))


def _read(data: bytes) -> list[Message]:
    return [each.message for each in Frames().feed(data) if isinstance(each, Received)]


@given(st.lists(st.tuples(MESSAGES, SEQUENCES), max_size=5), st.integers(1, 40))
def test_every_message_comes_back_as_it_was_however_the_line_cuts_it_up(
    sent: list[tuple[Message, int]], piece: int
) -> None:
    data = b"".join(encode(message, sequence=sequence) for message, sequence in sent)
    frames = Frames()
    found = [each for start in range(0, len(data), piece) for each in frames.feed(data[start : start + piece])]
    assert found == [Received(sequence, message) for message, sequence in sent]
    assert frames.damaged == 0


@given(MESSAGES, SEQUENCES)
def test_the_start_byte_is_nowhere_else(message: Message, sequence: int) -> None:
    assert encode(message, sequence=sequence).count(START) == 1


@given(st.binary(max_size=300), MESSAGES)
def test_a_message_is_read_after_any_garbage(garbage: bytes, message: Message) -> None:
    assert _read(garbage + encode(message, sequence=1))[-1:] == [message]


@given(MESSAGES, MESSAGES, st.data())
def test_a_frame_cut_anywhere_is_dropped_and_the_next_is_read(
    cut: Message, after: Message, data: st.DataObject
) -> None:
    whole = encode(cut, sequence=1)
    kept = whole[: data.draw(st.integers(0, len(whole) - 1))]
    assert _read(kept + encode(after, sequence=2)) == [after]


@given(MESSAGES, st.data())
def test_a_byte_lost_inside_a_frame_does_not_make_another_message(message: Message, data: st.DataObject) -> None:
    whole = encode(message, sequence=1)
    lost = data.draw(st.integers(1, len(whole) - 1))
    again = encode(Ask("next"), sequence=2)
    assert [each for each in _read(whole[:lost] + whole[lost + 1 :] + again) if each != message] == [Ask("next")]


def test_a_frame_with_any_one_or_two_bits_flipped_is_never_accepted() -> None:
    whole = encode(Dispense("A1"), sequence=9)
    bits = range(8 * len(whole))
    for first in bits:
        for second in bits:
            damaged = bytearray(whole)
            damaged[first // 8] ^= 1 << first % 8
            if second != first:
                damaged[second // 8] ^= 1 << second % 8
            assert Frames().feed(bytes(damaged)) == []


def test_only_the_two_bytes_that_need_it_are_escaped() -> None:
    whole = encode(Ask("A1"), sequence=1)
    assert _read(whole.replace(b"A", b"\x7d\x61")) == []
    assert _read(whole.replace(b"A", b"\x7d\x7d\x61")) == []


def test_a_repeated_frame_is_read_as_often_as_it_came() -> None:
    assert _read(encode(ORDER, sequence=1) * 3) == [ORDER] * 3


def test_the_checksum_is_the_one_the_page_names() -> None:
    assert crc16(b"123456789") == 0x29B1


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        (frame(0x02, 5, pack(ORDER), version=2), Wrong.VERSION),
        (frame(0x33, 5, b""), Wrong.TYPE),
        (frame(0x02, 5, pack(ORDER)[:-1]), Wrong.PAYLOAD),
        (frame(0x02, 5, pack(ORDER) + b"\0"), Wrong.PAYLOAD),
        (frame(0x03, 5, b"\x02\xff\xfe"), Wrong.PAYLOAD),
        (frame(0x03, 5, b"\x00"), Wrong.PAYLOAD),
        (frame(0x04, 5, b"\x01A\x63\x00"), Wrong.PAYLOAD),
        (frame(0x03, 5, b""), Wrong.PAYLOAD),
    ],
    ids=["version", "type", "short", "long", "no utf-8", "no name", "no such state", "empty"],
)
def test_a_whole_frame_that_makes_no_sense_is_named(sent: bytes, wrong: Wrong) -> None:
    assert Frames().feed(sent) == [Unread(5, wrong)]


@pytest.mark.parametrize(
    "sent",
    [frame(0x7F, 5, b"\x01", version=2), frame(0x7F, 5, b""), frame(0x7F, 5, b"\x63")],
    ids=["version", "empty", "no such word"],
)
def test_two_sides_of_other_versions_do_not_answer_each_others_errors_without_end(sent: bytes) -> None:
    assert Frames().feed(sent) == []


@pytest.mark.parametrize(
    "message",
    [
        Order("A", 0, (Slot(1, 1),)),
        Order("A", 100, ()),
        Order("A", 100, (Slot(1, 1),) * 17),
        Order("A", 100, (Slot(1, 1, 0),)),
        Order("A" * 33, 100, (Slot(1, 1),)),
        Order("A B", 100, (Slot(1, 1),)),
        Order("A", 1 << 32, (Slot(1, 1),)),
        Status("A", Payment.WAITING, Refusal.NONE, 1, "牛" * 100),
    ],
    ids=["nothing", "no slots", "slots", "quantity", "name", "space", "amount", "text"],
)
def test_what_does_not_fit_is_not_sent(message: Message) -> None:
    with pytest.raises(PayloadError):
        encode(message, sequence=1)


def test_every_type_has_a_number_of_its_own() -> None:
    assert len(set(TYPES.values())) == len(TYPES)
