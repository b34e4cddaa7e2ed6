"""Records keep their bytes, chain to the last, and refuse what no terminal of ours would write."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.evaluate import evaluate
from devices.core.journal import (
    GENESIS,
    MAX_LINE_BYTES,
    MAX_SEQUENCE,
    EpochRecord,
    Record,
    RecordError,
    ReversalRecord,
    SaleRecord,
    chain,
    chain_all,
    decode_record,
    encode_record,
)
from tests.core.codes import bound
from tests.core.people import POLICY, TAP, basket, lot, person

WHO = person(lots=(lot(31, 5_00),))
SALE = SaleRecord(
    seq=2,
    at_ms=1_795_147_200_123,
    account_ref=(1 << 63) - 1,
    evidence=bound(),
    shown_minor=12_80,
    person=WHO,
    tap=TAP,
    basket=basket(12_80),
    quote=evaluate(policy=POLICY, person=WHO, tap=TAP, basket=basket(12_80)),
    snapshot=(3, 99),
    snapshot_made_s=1_795_147_000,
    cashier="窗口\n二",
)
EPOCH = EpochRecord(1, 1_795_147_200_000, (1 << 63) - 1, 5, 17, GENESIS.hex(), "1.0.0")
REVERSAL = ReversalRecord(3, 1_795_147_230_000, 5, 2)


@pytest.mark.parametrize("record", [EPOCH, SALE, REVERSAL], ids=["epoch", "sale", "reversal"])
def test_a_record_is_one_line_and_reads_back(record: Record) -> None:
    line = encode_record(record)
    assert b"\n" not in line
    assert decode_record(line) == record


def test_a_sale_carries_all_that_evaluation_received_so_it_can_be_explained_again() -> None:
    read = decode_record(encode_record(SALE))
    assert isinstance(read, SaleRecord)
    again = evaluate(policy=POLICY, person=read.person, tap=read.tap, basket=read.basket)
    assert again == read.quote == SALE.quote


def test_a_later_releases_unknown_fields_are_read_past() -> None:
    line = json.dumps({**json.loads(encode_record(REVERSAL)), "weather": ["rain"]}).encode()
    assert decode_record(line) == REVERSAL


def inside(part: str, **fields: object) -> bytes:
    """The sale with fields of one of its parts changed."""
    return changed(SALE, **{part: {**json.loads(encode_record(SALE))[part], **fields}})


def changed(record: Record, **fields: object) -> bytes:
    return json.dumps({**json.loads(encode_record(record)), **fields}, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"kind":"sale"}',
        b'{"kind":"gift","seq":1}',
        b'{"kind":"sale\xff"}',
        encode_record(SALE)[:-1],
        encode_record(SALE) + b"x",
        b'{"kind":"epoch","x":' + b"[" * (MAX_LINE_BYTES - 40),
        b'{"kind":"epoch","x":' + b"[" * 8_000 + b"]" * 8_000 + b"}",
        encode_record(SALE) + b" " * MAX_LINE_BYTES,
        changed(SALE, seq=0),
        changed(SALE, seq=MAX_SEQUENCE + 1),
        changed(SALE, seq="2"),
        changed(SALE, account_ref=1 << 63),
        changed(SALE, account_ref=0),
        changed(SALE, at_ms=10**30),
        changed(SALE, at_ms=-1),
        changed(SALE, at_ms=1.5),
        changed(SALE, shown_minor=0),
        changed(SALE, shown_minor=-12_80),
        changed(SALE, shown_minor=10**9),
        changed(SALE, evidence="x" * 2_000),
        changed(SALE, cashier="x" * 65),
        inside("tap", business_date="yesterday"),
        inside("tap", business_date="2026-13-01"),
        inside("tap", outlet=1 << 40),
        inside("tap", minute=1440),
        inside("quote", legs=[{"source": "purse", "amount_minor": -5}]),
        inside("quote", policy=1 << 70),
        inside("person", purse_minor=10**40),
        changed(EPOCH, epoch=1 << 63),
        changed(EPOCH, previous_seq=-1),
        changed(REVERSAL, of_seq=0),
    ],
)  # fmt: skip
def test_a_line_that_is_no_record_is_named_and_stops_nothing(line: bytes) -> None:
    with pytest.raises(RecordError):
        decode_record(line)


@given(st.binary(max_size=300))
def test_no_line_whatever_makes_the_reader_stumble(line: bytes) -> None:
    with pytest.raises(RecordError):
        decode_record(line)


LINES = [encode_record(record) for record in (EPOCH, SALE, REVERSAL)]


def test_the_head_follows_from_every_line_and_their_order() -> None:
    head = chain_all(GENESIS, LINES)
    assert head == chain(chain(chain(GENESIS, LINES[0]), LINES[1]), LINES[2])
    assert len(head) == 32
    others = [LINES[:2], LINES[1:], LINES[::-1], [*LINES, LINES[0]], [LINES[0] + LINES[1], LINES[2]]]
    assert head not in {chain_all(GENESIS, each) for each in others}
    assert chain_all(head, []) == head


@given(st.integers(0, 2), st.data())
def test_a_bit_turned_in_any_record_turns_the_head(which: int, data: st.DataObject) -> None:
    altered = list(LINES)
    at = data.draw(st.integers(0, len(LINES[which]) - 1))
    line = bytearray(LINES[which])
    line[at] ^= 1 << data.draw(st.integers(0, 7))
    altered[which] = bytes(line)
    assert chain_all(GENESIS, altered) != chain_all(GENESIS, LINES)


def test_a_restored_image_cannot_give_a_line_another_place_in_the_chain() -> None:
    fork = msgspec.structs.replace(EPOCH, previous_seq=16)
    assert chain(GENESIS, encode_record(fork)) != chain(GENESIS, encode_record(EPOCH))
