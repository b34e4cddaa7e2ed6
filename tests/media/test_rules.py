"""Numbers as readers type them, and whose a card was when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ecard.media.errors import ChangingNumber, NotACardNumber
from ecard.media.rules import Order, stood, uid_of
from ecard.media.values import Binding, Standing
from tests.support.campus import NOON

HOUR = timedelta(hours=1)
ME, OTHER = 1, 2


@pytest.mark.parametrize(
    ("typed", "uid"),
    [
        ("04A1B2C3D4E5F6", "04a1b2c3d4e5f6"),
        ("04:a1:b2:c3:d4:e5:f6", "04a1b2c3d4e5f6"),
        (" 1A 2B 3C 4D\n", "1a2b3c4d"),
        ("1a-2b-3c-4d", "1a2b3c4d"),
        ("0439041101", "1a2b3c4d"),
        ("12345678", "12345678"),
        ("0102030405060708090a", "0102030405060708090a"),
    ],
)
def test_a_number_is_read_as_hexadecimal_or_as_ten_decimal_digits(typed: str, uid: str) -> None:
    assert uid_of(typed) == bytes.fromhex(uid)


def test_a_reader_that_types_the_bytes_the_other_way_round_gives_the_same_number() -> None:
    assert uid_of("4D3C2B1A", order=Order.REVERSED) == uid_of("1A2B3C4D") == uid_of("439041101".zfill(10))
    assert uid_of(str(int.from_bytes(bytes.fromhex("4d3c2b1a"), "big")), order=Order.REVERSED) == uid_of("1A2B3C4D")


@pytest.mark.parametrize(
    "typed",
    ["", "hello", "1234", "123456789", "12345678901", "9999999999", "00000000", "1A2B3C", "1A2B3C4D5E", "٣" * 10],
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(NotACardNumber):
        uid_of(typed)


def test_a_phone_that_draws_another_number_at_each_tap_is_refused_as_that() -> None:
    with pytest.raises(ChangingNumber):
        uid_of("08A1B2C3")
    with pytest.raises(ChangingNumber):
        uid_of("C3B2A108", order=Order.REVERSED)
    assert uid_of("08A1B2C3D4E5F6")[0] == 0x08


def binding(ref: int, *, since: int, until: int | None = None, replaced: bool = False, card_id: int = 1) -> Binding:
    return Binding(card_id, "n", ref, NOON + since * HOUR, None if until is None else NOON + until * HOUR, replaced)


@pytest.mark.parametrize(
    ("known", "standing"),
    [
        ([], Standing.UNKNOWN),
        ([binding(ME, since=-2)], Standing.HELD),
        ([binding(ME, since=-2, until=2)], Standing.HELD),
        ([binding(ME, since=-2, until=-1)], Standing.STOPPED),
        ([binding(ME, since=-2, until=-1, replaced=True)], Standing.REPLACED),
        ([binding(ME, since=-2, until=2, replaced=True)], Standing.HELD),
        ([binding(ME, since=1)], Standing.UNKNOWN),
        ([binding(OTHER, since=-2)], Standing.OTHER_ACCOUNT),
        ([binding(OTHER, since=-2, until=-1)], Standing.OTHER_ACCOUNT),
        ([binding(ME, since=-3, until=-2), binding(OTHER, since=-1)], Standing.OTHER_ACCOUNT),
        ([binding(ME, since=-3, until=-2), binding(OTHER, since=1)], Standing.STOPPED),
        ([binding(OTHER, since=-3, until=-2), binding(ME, since=-1)], Standing.HELD),
        ([binding(ME, since=-4, until=-3), binding(ME, since=-2)], Standing.HELD),
    ],
)
def test_what_a_card_was_to_an_account_at_a_moment(known: list[Binding], standing: Standing) -> None:
    assert stood(known, account_ref=ME, at=NOON).standing is standing


def test_a_card_bound_in_this_very_second_counts_though_records_have_no_fractions() -> None:
    just_now = Binding(1, "n", ME, NOON + timedelta(milliseconds=900), None, False)
    assert stood([just_now], account_ref=ME, at=NOON).standing is Standing.HELD
