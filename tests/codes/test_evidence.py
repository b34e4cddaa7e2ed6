"""The server's own check of uploaded codes, by the sale's time, in any process."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import msgspec
import pytest

from devices.core.code import show
from devices.core.declines import Why
from devices.core.signing import SigningKey
from ecard.cardholders.models import Cardholder
from ecard.codes.evidence import Claim, Evidence, EvidenceTrust, check_evidence
from ecard.codes.models import IssuerKey, KeyRole
from ecard.codes.operations import issue_credentials, issue_pre_signed, revoke_key, rotate
from ecard.codes.queries import evidence_trust
from tests.codes.conftest import AT
from tests.codes.test_issuing import NOW_S, PHONES, days
from tests.support.issuing import sign_waiting_list

AT_MS = NOW_S * 1000 + 300


@pytest.fixture
def texts(person: Cardholder) -> tuple[str, str]:
    """One code of each profile: device-bound, pre-signed."""
    credential = issue_credentials(cardholder=person, days=days(1), at=AT)[0].credential
    bound = show(credential, institution="EC", shown_at_s=NOW_S, phone=PHONES[0], challenge=77)
    return bound, issue_pre_signed(cardholder=person, from_=AT, hours=1, at=AT)[0].text


def one(text: str, trust: EvidenceTrust, *, at_ms: int = AT_MS) -> Evidence:
    return check_evidence(claims=[Claim(text, at_ms)], trust=trust)[0]


def test_genuine_codes_of_both_profiles_give_who_and_which_presentation(
    person: Cardholder, texts: tuple[str, str]
) -> None:
    found = check_evidence(claims=[Claim(text, AT_MS) for text in texts], trust=evidence_trust(AT))
    assert [(each.ok, each.timing, each.key_revoked) for each in found] == [(True, None, False)] * 2
    assert [each.account_ref for each in found] == [person.account_ref] * 2
    assert [each.issued_at_s for each in found] == [NOW_S] * 2
    assert [each.moment_s for each in found] == [NOW_S, NOW_S - NOW_S % 60]
    assert [each.challenge for each in found] == [77, 0]
    assert all(len(each.code_id) == 8 for each in found)


def test_no_character_of_an_uploaded_code_can_be_changed(texts: tuple[str, str]) -> None:
    trust = evidence_trust(AT)
    pre_signed_content = 4 + 54
    """A pre-signed code is checked by the MAC over its content; its signature is not part of that."""
    for text, upto in ((texts[0], len(texts[0])), (texts[1], pre_signed_content)):
        altered = [text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :] for at in range(upto)]
        assert not any(each.ok for each in check_evidence(claims=[Claim(t, AT_MS) for t in altered], trust=trust))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", Why.NOT_A_CODE),
        ("https://example.org/menu", Why.NOT_A_CODE),
        ("C1ZZ" + "0" * 150, Why.OTHER_INSTITUTION),
        ("C1EC" + "0" * 150, Why.DAMAGED),
        ("C1EC" + "A" * 100_000, Why.DAMAGED),
        ("\x00\ud83d", Why.NOT_A_CODE),
    ],
)
def test_what_is_no_code_of_ours_is_told_by_its_reason(person: Cardholder, text: str, why: Why) -> None:
    assert one(text, evidence_trust(AT)).why is why


def test_a_sale_is_judged_by_its_own_time_and_not_by_when_it_arrives(texts: tuple[str, str]) -> None:
    trust = evidence_trust(AT + timedelta(days=30))
    assert one(texts[0], trust).timing is None
    assert one(texts[0], trust, at_ms=AT_MS + 60_000).timing is Why.PHONE_SLOW
    assert one(texts[1], trust, at_ms=AT_MS + 600_000).timing is Why.EXPIRED
    assert one(texts[0], trust, at_ms=AT_MS + 60_000).ok


def test_a_key_revoked_after_the_sale_is_not_the_sales_fault(texts: tuple[str, str]) -> None:
    revoke_key(key=IssuerKey.objects.get(role=KeyRole.CODE, key_id=1), reason="stolen", at=AT)
    sign_waiting_list(at=AT + timedelta(minutes=1))
    trust = evidence_trust(AT + timedelta(days=1))
    for text in texts:
        before, after = (one(text, trust, at_ms=at_ms) for at_ms in (AT_MS, AT_MS + 60_000))
        assert (before.ok, before.key_revoked) == (True, False)
        assert (after.ok, after.key_revoked) == (True, True)


def test_codes_of_a_key_retired_long_ago_are_still_known(texts: tuple[str, str]) -> None:
    for _time in range(3):
        rotate(role=KeyRole.CODE, at=AT + timedelta(days=1), hurried=True)
        sign_waiting_list(at=AT + timedelta(days=1))
    trust = evidence_trust(AT + timedelta(days=60))
    assert [one(text, trust).ok for text in texts] == [True, True]


def test_a_code_signed_with_another_issuers_key_under_our_key_id_is_altered(person: Cardholder) -> None:
    trust = evidence_trust(AT)
    forged_keys = msgspec.structs.replace(
        trust.trust.keys,
        keys=tuple(
            msgspec.structs.replace(key, public=SigningKey(bytes(32)).public.hex()) for key in trust.trust.keys.keys
        ),
    )
    other = msgspec.structs.replace(trust, trust=msgspec.structs.replace(trust.trust, keys=forged_keys))
    credential = issue_credentials(cardholder=person, days=days(1), at=AT)[0].credential
    text = show(credential, institution="EC", shown_at_s=NOW_S, phone=PHONES[0])
    assert one(text, other).why is Why.ALTERED


def test_a_credential_shown_by_another_phone_is_altered(person: Cardholder) -> None:
    credential = issue_credentials(cardholder=person, days=days(1), at=AT)[0].credential
    text = show(credential, institution="EC", shown_at_s=NOW_S, phone=PHONES[1])
    assert one(text, evidence_trust(AT)).why is Why.ALTERED


def test_worker_processes_check_as_this_one_does(texts: tuple[str, str]) -> None:
    trust = evidence_trust(AT)
    assert pickle.loads(pickle.dumps(trust)) == trust  # noqa: S301  (our own bytes)
    claims = [Claim(text, AT_MS) for text in texts]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(check_evidence, claims=claims, trust=trust).result(timeout=60)
    assert found == check_evidence(claims=claims, trust=trust)
    assert "bytes" not in repr(trust)
