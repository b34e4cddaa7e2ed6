"""Datagrams: what fits, what opens, and what is passed over."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.signing import LAN_DOMAIN, SigningKey
from devices.journal.spending import SPENT_WHOLE_MINOR
from devices.lan import messages
from devices.lan.messages import (
    MAX_DATAGRAM_BYTES,
    Claim,
    Cleared,
    Have,
    HavePassed,
    Item,
    NotOurs,
    Objection,
    OfPassages,
    Passed,
    Sealed,
    Told,
    Undone,
    Want,
    WantPassed,
    packed,
    passing_name,
    seal,
    site_key,
    unseal,
    verified,
)
from tests.devices.world import NOON_S, SEALING_KEY

SIGNER, STRANGER = SigningKey(b"\1" * 32), SigningKey(b"\2" * 32)
KEY = site_key(SEALING_KEY, site=1)
NONCE = bytes(range(24))

whole = st.integers(min_value=0, max_value=SPENT_WHOLE_MINOR)
ids = st.integers(min_value=1, max_value=(1 << 63) - 1)
seqs = st.integers(min_value=1, max_value=(1 << 24) - 1)
codes = st.one_of(st.just(b""), st.binary(min_size=8, max_size=8))
seconds = st.integers(min_value=0, max_value=253_402_300_799)


def a_sale(seq: int = 5, **changes: object) -> Told:
    base = Told(77, seq, seq - 1, 1, NOON_S, "2026-11-21", 1, 8_00, 8_00, (), (), b"12345678", NOON_S)
    return msgspec.structs.replace(base, **changes)


told = st.builds(
    Told,
    epoch=ids,
    seq=seqs,
    after=st.integers(min_value=0, max_value=(1 << 24) - 1),
    account_ref=ids,
    at_s=seconds,
    business_date=st.dates().map(str),
    period=st.integers(min_value=0, max_value=(1 << 31) - 1),
    total_minor=whole,
    purse_minor=whole,
    lots=st.lists(st.tuples(ids, whole), max_size=40).map(tuple),
    scopes=st.lists(
        st.tuples(st.integers(min_value=-(1 << 63), max_value=(1 << 63) - 1), whole, whole), max_size=40
    ).map(tuple),
    code=codes,
    moment_s=seconds,
)
items = st.one_of(
    told,
    st.builds(Undone, epoch=ids, seq=seqs, after=st.just(0), of_epoch=ids, of_seq=seqs),
    st.builds(Claim, code=codes, moment_s=seconds, at_s=seconds),
    st.builds(Objection, to=ids, code=codes, moment_s=seconds),
    st.builds(Have, ends=st.lists(st.tuples(ids, seqs), max_size=24).map(tuple), asks=st.booleans()),
    st.builds(Want, epoch=ids, after=st.just(0)),
)
places = st.integers(min_value=0, max_value=(1 << 31) - 1)
moments = st.integers(min_value=0, max_value=253_402_300_799_000)
of_passages = st.one_of(
    st.builds(
        Passed,
        epoch=ids,
        seq=seqs,
        after=st.just(0),
        outlet=places,
        account_ref=ids,
        at_ms=moments,
        business_date=st.dates().map(str),
        inwards=st.booleans(),
        code=codes,
        moment_s=seconds,
    ),
    st.builds(Cleared, epoch=ids, seq=seqs, after=st.just(0), outlet=places, at_ms=moments),
    st.builds(HavePassed, ends=st.lists(st.tuples(ids, seqs), max_size=24).map(tuple)),
    st.builds(WantPassed, epoch=ids, after=st.just(0)),
)


def sealed(said: list[Item], *, signer: SigningKey = SIGNER, key: bytes = KEY, terminal: int = 12) -> bytes:
    return seal(said, terminal=terminal, signer=signer, key_id=3, key=key, nonce=NONCE)


def opened(data: bytes) -> tuple[Item, ...]:
    return verified(unseal(data, keys={3: KEY}), public=SIGNER.public)


@given(st.lists(st.one_of(items, of_passages), max_size=20))
def test_whatever_is_said_fits_datagrams_and_comes_out_as_it_went_in(said: list[Item]) -> None:
    datagrams = [sealed(batch) for batch in packed(said)]
    assert all(len(each) <= MAX_DATAGRAM_BYTES for each in datagrams)
    in_order = sorted(said, key=lambda item: isinstance(item, OfPassages))
    assert [item for each in datagrams for item in opened(each)] == [messages.fitting(item) for item in in_order]


@given(st.lists(items, max_size=8), st.lists(of_passages, max_size=8))
def test_a_release_that_knows_no_passages_misses_nothing_else(said: list[Item], beside: list[Item]) -> None:
    """It passes over a whole datagram in which one word is new to it."""
    bodies = [opened(sealed(batch)) for batch in packed([*beside, *said])]
    understood = [body for body in bodies if not any(isinstance(item, OfPassages) for item in body)]
    assert [item for body in understood for item in body] == [messages.fitting(item) for item in said]


def test_a_word_of_a_later_release_is_passed_over_and_the_rest_of_the_datagram_counts() -> None:
    body = b'[["weather",{"of":[1,2]},"rain"],["want",7,3],["later"],["have",[[7,9]],true,"a value more"]]'
    who = (12).to_bytes(4, "big")
    signature = SIGNER.sign(LAN_DOMAIN, who + body)
    assert verified(Sealed(12, signature, body), public=SIGNER.public) == (Want(7, 3), Have(((7, 9),), True))


def test_a_code_has_another_name_at_each_hall_and_none_that_a_till_knows() -> None:
    code_id = b"12345678"
    assert len({code_id, passing_name(code_id, outlet=1), passing_name(code_id, outlet=2)}) == 3


def test_a_sale_of_many_benefits_keeps_its_code_and_its_sums() -> None:
    lots = tuple((1_000_000_000 + place, SPENT_WHOLE_MINOR) for place in range(60))
    scopes = tuple((1_000_000_000 + place, 100_00, 100_00) for place in range(60))
    whole_sale = a_sale(lots=lots, scopes=scopes)
    (item,) = opened(sealed(next(packed([whole_sale]))))
    assert isinstance(item, Told)
    assert (item.code, item.purse_minor, item.total_minor) == (b"12345678", 8_00, 8_00)
    assert item.lots
    assert item.scopes
    assert item.lots == lots[: len(item.lots)]


def test_an_ordinary_sale_is_told_whole() -> None:
    sale = a_sale(lots=((90, 3_00),), scopes=((40, 5_00, 2_00),))
    assert opened(sealed([sale])) == (sale,)


def test_a_bystander_on_the_wifi_reads_neither_codes_nor_people() -> None:
    sale = a_sale(account_ref=1_234_567_890_123)
    data = sealed([sale])
    for told_word in (sale.code, b"1234567890123", b"MTIzNDU2Nzg", b"told", b"800"):
        assert told_word not in data[5:]
    with pytest.raises(NotOurs):
        unseal(data, keys={3: site_key(bytes(32), site=1)})


def test_a_forged_datagram_in_a_neighbours_name_is_passed_over() -> None:
    with pytest.raises(NotOurs):
        opened(sealed([a_sale()], signer=STRANGER))


def test_a_datagram_of_another_site_does_not_open() -> None:
    with pytest.raises(NotOurs):
        opened(sealed([a_sale()], key=site_key(SEALING_KEY, site=2)))


def test_a_signature_in_another_terminals_name_does_not_hold() -> None:
    taken = unseal(sealed([a_sale()], terminal=12), keys={3: KEY})
    with pytest.raises(NotOurs):
        verified(Sealed(13, taken.signature, taken.body), public=SIGNER.public)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_datagram_altered_in_any_byte_is_passed_over(place: int, change: int) -> None:
    data = bytearray(sealed([a_sale()]))
    data[place % len(data)] ^= change
    with pytest.raises(NotOurs):
        opened(bytes(data))


@given(st.binary(max_size=2_000))
def test_any_bytes_are_passed_over(data: bytes) -> None:
    with pytest.raises(NotOurs):
        unseal(data, keys={3: KEY})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b'[["told"]]',
        b'[["told",1,2,1,5,1,"2026-13-40",0,1,1,[],[],"",0]]',
        b'[["told",1,2,1,5,1,"2026-11-21",0,-1,1,[],[],"",0]]',
        b'[["told",1,2,1,5,1,"2026-11-21",0,1,-5,[],[],"",0]]',
        b'[["told",1,2,1,5,1,"2026-11-21",0,1,1,[[1,-9]],[],"",0]]',
        b'[["told",1,2,1,0,1,"2026-11-21",0,1,1,[],[],"",0]]',
        b'[["claim","YWJjZGVmZ2hpag==",1,1]]',
        b'[{"sudo":1}]',
        b"[[]]",
        b'[["sudo"],["told"]]',
        b"[" * 500,
    ],
)
def test_a_bad_neighbour_that_signs_nonsense_is_passed_over(body: bytes) -> None:
    who = (12).to_bytes(4, "big")
    signature = SIGNER.sign(LAN_DOMAIN, who + body)
    with pytest.raises(NotOurs):
        verified(Sealed(12, signature, body), public=SIGNER.public)
