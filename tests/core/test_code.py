"""Texts that are no code of ours, and what anyone might do to one that is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core import accept, base45, code
from devices.core.accept import Genuine
from devices.core.code import Grant
from devices.core.declines import Decline, Why
from tests.core import independent_decoder
from tests.core.codes import GRANT, ID_KEY, ISSUER, NOW_S, PHONE, SEALING_KEY, TRUST, bound, pre_signed

BOTH = [pytest.param(bound(), id="device-bound"), pytest.param(pre_signed(), id="pre-signed")]


def read(text: str) -> Genuine | Decline:
    return accept.read(text, trust=TRUST, now_s=NOW_S)


def why(text: str) -> Why | None:
    answer = read(text)
    return answer.why if isinstance(answer, Decline) else None


@pytest.mark.parametrize("text", BOTH)
def test_an_untouched_code_is_taken(text: str) -> None:
    answer = read(text)
    assert isinstance(answer, Genuine)
    assert answer.grant == GRANT


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Why.NOT_A_CODE),
        ("C1", Why.NOT_A_CODE),
        ("C1E", Why.NOT_A_CODE),
        ("https://example.org/?C1EC", Why.NOT_A_CODE),
        ("6901234567892", Why.NOT_A_CODE),
        ("c1ec" + bound()[4:], Why.NOT_A_CODE),
        ("C2EC" + bound()[4:], Why.NOT_A_CODE),
        ("C1 C" + bound()[4:], Why.NOT_A_CODE),
        ("C1é中" + bound()[4:], Why.NOT_A_CODE),
        (" " + bound(), Why.NOT_A_CODE),
        ("\x00" * 500, Why.NOT_A_CODE),
        ("\ud800\udfff", Why.NOT_A_CODE),
        ("C1ZZ" + bound()[4:], Why.OTHER_INSTITUTION),
        (bound(institution="ZZ"), Why.OTHER_INSTITUTION),
        ("C1EC", Why.DAMAGED),
        (bound()[:-1], Why.DAMAGED),
        (bound()[:-3], Why.DAMAGED),
        (bound() + "0", Why.DAMAGED),
        (bound() + " ", Why.DAMAGED),
        (pre_signed() + "\n", Why.DAMAGED),
        (bound().lower().replace("c1ec", "C1EC"), Why.DAMAGED),
        ("C1EC" + "0" * 10_000_000, Why.DAMAGED),
        ("C1EC" + base45.encode(b"\xe1" + bytes(203)), Why.DAMAGED),
        ("C1EC" + base45.encode(b"\xe2" + bytes(99)), Why.DAMAGED),
        ("C1EC" + base45.encode(b"\xe3" + bytes(99)), Why.DAMAGED),
        ("C1EC" + base45.encode(b"\xe1" + bytes(99)), Why.UNKNOWN_KEY),
    ],
)
def test_what_is_not_our_code_is_told_by_its_own_reason(text: str, reason: Why) -> None:
    assert why(text) is reason


def test_another_campus_is_named() -> None:
    assert read(bound(institution="ZZ")) == Decline(Why.OTHER_INSTITUTION, {"institution": "ZZ"})


@pytest.mark.parametrize("text", BOTH)
def test_spaces_inside_are_significant(text: str) -> None:
    changed = text.replace(" ", "", 1) if " " in text[4:] else text[:20] + " " + text[20:]
    assert why(changed) is not None


@pytest.mark.parametrize("text", BOTH)
def test_a_code_altered_in_any_single_bit_is_never_taken(text: str) -> None:
    data = base45.decode(text[4:])
    for bit in range(len(data) * 8):
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        assert why("C1EC" + base45.encode(bytes(altered))) is not None, f"bit {bit}"


@pytest.mark.parametrize("text", BOTH)
def test_a_text_altered_in_any_single_bit_is_never_taken(text: str) -> None:
    for position, character in enumerate(text):
        for bit in range(8):
            altered = text[:position] + chr(ord(character) ^ 1 << bit) + text[position + 1 :]
            assert why(altered) is not None, f"character {position}, bit {bit}"


@given(st.text(max_size=400))
def test_no_text_whatever_makes_a_scanner_stumble(text: str) -> None:
    assert why(text) is not None
    assert why("C1EC" + text) is not None


@given(st.binary(min_size=100, max_size=100), st.binary(min_size=204, max_size=204))
def test_no_bytes_of_the_right_length_make_a_scanner_stumble(short: bytes, long: bytes) -> None:
    for data in (b"\xe1\x01" + short[2:], b"\xe2\x01" + long[2:]):
        assert why("C1EC" + base45.encode(data)) is Why.ALTERED


def test_a_body_of_one_code_with_the_signature_of_another_is_altered() -> None:
    first, second = (base45.decode(bound(code_id=name)[4:]) for name in (b"first...", b"second.."))
    assert why("C1EC" + base45.encode(first[:68] + second[68:])) is Why.ALTERED
    assert why("C1EC" + base45.encode(first[:132] + second[132:])) is Why.ALTERED


def test_a_credential_copied_to_another_phone_cannot_be_shown() -> None:
    assert why(bound(shows=ISSUER)) is Why.ALTERED


def test_an_institution_cannot_pass_off_its_codes_as_anothers() -> None:
    theirs = bound(institution="ZZ")
    assert why("C1EC" + theirs[4:]) is Why.ALTERED


def test_a_phone_key_of_small_order_that_signs_everything_is_not_taken() -> None:
    # With the neutral point as key, R = S·B holds for any message where a verifier does not look.
    neutral = (1).to_bytes(32, "little")
    data = base45.decode(bound(phone_public=neutral)[4:])
    forged = data[:140] + independent_decoder.ed25519_public(bytes(32)) + bytes(32)
    assert why("C1EC" + base45.encode(forged)) is Why.ALTERED
    assert why("C1EC" + base45.encode(data[:140] + neutral + bytes(32))) is Why.ALTERED


def test_a_signature_with_the_group_order_added_is_not_a_second_valid_one() -> None:
    data = base45.decode(bound()[4:])
    scalar = int.from_bytes(data[172:], "little") + independent_decoder.ORDER
    assert why("C1EC" + base45.encode(data[:172] + scalar.to_bytes(32, "little"))) is Why.ALTERED


@given(
    st.builds(
        Grant,
        account_ref=st.integers(1, 2**63 - 1),
        issued_at_s=st.integers(0, 2**32 - 1),
        per_sale_minor=st.integers(0, 0xFFFF).map(lambda units: units * 100),
        offline_minor=st.integers(0, 0xFFFF).map(lambda units: units * 100),
        max_sales=st.integers(0, 255),
        price_class=st.integers(0, 255),
        rights=st.integers(0, 0xFFFF),
    ),
    st.binary(min_size=8, max_size=8),
)
def test_what_is_sealed_is_unsealed(grant: Grant, code_id: bytes) -> None:
    sealed = code.seal(grant, sealing_key=SEALING_KEY, code_id=code_id)
    assert len(sealed) == code.SEALED_BYTES
    assert code.unseal(sealed, sealing_key=SEALING_KEY, code_id=code_id) == grant


@given(st.binary(max_size=300))
def test_base45_gives_back_every_byte_and_only_one_text_for_them(data: bytes) -> None:
    text = base45.encode(data)
    assert base45.decode(text) == data
    assert text == independent_decoder.bytes_to_base45(data)


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", max_size=60))
def test_no_two_base45_texts_decode_to_the_same_bytes(text: str) -> None:
    try:
        data = base45.decode(text)
    except ValueError:
        return
    assert base45.encode(data) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"per_sale_minor": 150},
        {"offline_minor": 1},
        {"per_sale_minor": code.MAX_LIMIT_MINOR + 100},
        {"max_sales": 256},
        {"price_class": -1},
        {"account_ref": -1},
    ],
)
def test_a_grant_that_does_not_fit_a_code_is_refused_when_made(changes: dict[str, int]) -> None:
    fields: dict[str, Any] = {name: getattr(GRANT, name) for name in GRANT.__struct_fields__}
    with pytest.raises(Exception, match=r"multiples|format|range|argument|too large"):
        code.seal(Grant(**{**fields, **changes}), sealing_key=SEALING_KEY, code_id=bytes(8))


@pytest.mark.parametrize("institution", ["", "E", "ECC", "ec", "E ", "é1", "E-"])
def test_an_institution_id_is_two_capitals_or_digits(institution: str) -> None:
    with pytest.raises(ValueError, match="two characters"):
        code.prefix_for(institution)


@pytest.mark.parametrize(("code_id", "phone_public"), [(bytes(7), PHONE.public), (bytes(8), bytes(31))])
def test_a_credential_is_not_made_from_short_parts(code_id: bytes, phone_public: bytes) -> None:
    with pytest.raises(ValueError, match="8-byte code id"):
        bound(code_id=code_id, phone_public=phone_public)


def test_a_pre_signed_codes_id_is_the_servers_and_nobody_elses() -> None:
    ours = code.parse(pre_signed(), institution="EC")
    theirs = code.parse(pre_signed(id_key=bytes(32)), institution="EC")
    assert code.is_own_pre_signed(ours, grant=GRANT, id_key=ID_KEY)
    assert not code.is_own_pre_signed(theirs, grant=GRANT, id_key=ID_KEY)


def test_seeing_one_pre_signed_code_yields_no_other() -> None:
    slots = [code.parse(pre_signed(not_before_s=NOW_S + 60 * slot), institution="EC") for slot in range(50)]
    assert len({each.code_id for each in slots}) == len({each.sealed for each in slots}) == 50
