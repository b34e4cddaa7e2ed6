"""The typed code and its picture: what a person's hand and eye do to it, and what a false server can do with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core import enrolment
from devices.core.enrolment import Invitation, NotAnEnrolmentCode

ROOT = bytes(range(32))
SECRETS = st.integers(min_value=0, max_value=enrolment.SECRETS - 1)


def test_a_code_is_written_as_the_vector_says() -> None:
    assert enrolment.make(secret=0, root_public=bytes(32)) == f"00000-00000-{enrolment.fingerprint(bytes(32))}"
    assert enrolment.make(secret=enrolment.SECRETS - 1, root_public=ROOT).startswith("ZZZZZ-ZZZZZ-")
    assert enrolment.make(secret=32**9 + 1, root_public=ROOT).startswith("10000-00001-")


@given(SECRETS)
def test_a_code_typed_in_any_way_is_the_same_code(secret: int) -> None:
    code = enrolment.make(secret=secret, root_public=ROOT)
    for typed in (code.lower(), code.replace("-", ""), f"  {code} ", code.replace("0", "O").replace("1", "l")):
        assert enrolment.parse(typed) == code
        assert enrolment.matches_root(typed, root_public=ROOT)


@given(SECRETS)
def test_what_the_server_is_sent_says_nothing_of_the_root(secret: int) -> None:
    sent = {enrolment.secret_of(enrolment.make(secret=secret, root_public=root)) for root in (ROOT, bytes(32))}
    assert len(sent) == 1


@given(st.binary(min_size=32, max_size=32).filter(lambda root: root != ROOT))
def test_another_root_does_not_match(root: bytes) -> None:
    code = enrolment.make(secret=7, root_public=ROOT)
    same = enrolment.fingerprint(root) == enrolment.fingerprint(ROOT)
    assert enrolment.matches_root(code, root_public=root) is same


@pytest.mark.parametrize(
    "typed", ["", "ABCDE", "ABCDE-FGHJK-MNPQ", "UUUUU-UUUUU-UUUUU", "ABCDE-FGHJK-MNPQR-STVWX", "码"]
)
def test_what_is_no_code_is_named_so(typed: str) -> None:
    with pytest.raises(NotAnEnrolmentCode):
        enrolment.parse(typed)


def test_the_bare_secret_is_enough_for_the_server_and_not_for_the_device() -> None:
    assert enrolment.secret_of("abcde-fghjk") == "ABCDEFGHJK"
    with pytest.raises(NotAnEnrolmentCode):
        enrolment.matches_root("ABCDE-FGHJK", root_public=ROOT)


def test_the_picture_says_code_and_server() -> None:
    code = enrolment.make(secret=123_456_789, root_public=ROOT)
    text = enrolment.qr_text(Invitation("https://card.example.edu", code))
    assert enrolment.parse_qr(text) == Invitation("https://card.example.edu", code)


@pytest.mark.parametrize(
    "text",
    ["", "ECE1", "ECE1 ABCDE-FGHJK-MNPQR", "C1ECABC", "ECE1 ABCDE-FGHJK-MNPQR ftp://x", "ECE1 x https://x", "E" * 400],
)
def test_another_picture_is_refused(text: str) -> None:
    with pytest.raises(NotAnEnrolmentCode):
        enrolment.parse_qr(text)
