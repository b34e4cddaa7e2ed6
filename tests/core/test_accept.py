"""Windows at both their ends, replays, and keys that do not mean what someone wants them to mean."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from devices.core import accept, code
from devices.core.accept import FOREVER_S, Genuine, Trust
from devices.core.declines import Decline, Why
from devices.core.keys import Role
from tests.core.codes import (
    DAY_S,
    GRANT,
    ISSUER,
    NOW_S,
    RELEASE,
    SEALING_KEY,
    SNAPSHOT,
    TRUST,
    bound,
    key_list,
    listed,
    pre_signed,
)

DAY_ENDS_S = DAY_S + 1450 * 60


def why(text: str, *, now_s: int = NOW_S, trust: Trust = TRUST) -> Why | None:
    answer = accept.read(text, trust=trust, now_s=now_s)
    return answer.why if isinstance(answer, Decline) else None


@pytest.mark.parametrize(
    ("phone_ahead_s", "reason"),
    [
        (-26, Why.PHONE_SLOW),
        (-25, None),
        (0, None),
        (10, None),
        (11, Why.PHONE_FAST),
        (3600, Why.PHONE_FAST),
        (-3600, Why.PHONE_SLOW),
    ],
)
def test_a_moment_is_taken_from_25_s_behind_to_10_s_ahead(phone_ahead_s: int, reason: Why | None) -> None:
    assert why(bound(shown_at_s=NOW_S + phone_ahead_s)) is reason


@pytest.mark.parametrize(
    ("now_s", "shown_at_s", "reason"),
    [
        (DAY_S - 11, DAY_S, Why.TOO_EARLY),
        (DAY_S - 10, DAY_S, None),
        (DAY_S, DAY_S - 1, Why.EXPIRED),
        (DAY_S, DAY_S, None),
        (DAY_ENDS_S - 1, DAY_ENDS_S - 1, None),
        (DAY_ENDS_S, DAY_ENDS_S, Why.EXPIRED),
        (DAY_ENDS_S + 24, DAY_ENDS_S - 1, None),
        (DAY_ENDS_S + 25, DAY_ENDS_S - 1, Why.EXPIRED),
        (DAY_S - 86_400, DAY_S - 86_400, Why.TOO_EARLY),
    ],
)
def test_a_days_credential_opens_and_shuts_on_time(now_s: int, shown_at_s: int, reason: Why | None) -> None:
    issued = msgspec.structs.replace(GRANT, issued_at_s=NOW_S - 600)
    assert why(bound(shown_at_s=shown_at_s, grant=issued), now_s=now_s) is reason


@pytest.mark.parametrize(
    ("after_start_s", "reason"),
    [(-26, Why.TOO_EARLY), (-25, None), (0, None), (59, None), (84, None), (85, Why.EXPIRED), (3600, Why.EXPIRED)],
)
def test_a_pre_signed_slot_is_taken_25_s_before_and_after_it(after_start_s: int, reason: Why | None) -> None:
    assert why(pre_signed(), now_s=NOW_S + after_start_s) is reason


def test_a_decline_says_how_far_off_it_was() -> None:
    said = [
        accept.read(bound(shown_at_s=NOW_S - 40), trust=TRUST, now_s=NOW_S),
        accept.read(bound(shown_at_s=NOW_S + 40), trust=TRUST, now_s=NOW_S),
        accept.read(pre_signed(), trust=TRUST, now_s=NOW_S - 60),
        accept.read(pre_signed(), trust=TRUST, now_s=NOW_S + 160),
    ]
    assert said == [
        Decline(Why.PHONE_SLOW, {"off_s": 40}),
        Decline(Why.PHONE_FAST, {"off_s": 40}),
        Decline(Why.TOO_EARLY, {"wait_s": 60}),
        Decline(Why.EXPIRED, {"since_s": 100}),
    ]


def used(text: str, *, last_s: int | None, now_s: int = NOW_S) -> Decline | None:
    return accept.used_before(code.parse(text, institution="EC"), last_s=last_s, now_s=now_s)


@pytest.mark.parametrize(
    ("last_s", "decline"),
    [
        (None, None),
        (NOW_S - 5, None),
        (NOW_S, Decline(Why.ALREADY_USED, {"wait_s": 5})),
        (NOW_S + 5, Decline(Why.OLDER_MOMENT, {"wait_s": 5})),
    ],
)
def test_a_replayed_moment_and_an_older_one_are_each_refused(last_s: int | None, decline: Decline | None) -> None:
    assert used(bound(), last_s=last_s) == decline


def test_the_wait_counts_down_to_the_next_moment() -> None:
    waits = [used(bound(), last_s=NOW_S, now_s=NOW_S + passed) for passed in (0, 3, 5, 20)]
    assert [each.params["wait_s"] for each in waits if each is not None] == [5, 2, 1, 1]


def test_a_pre_signed_code_is_taken_once_and_names_the_wait_for_the_next_slot() -> None:
    moment = accept.presented_at(code.parse(pre_signed(), institution="EC"))
    assert moment == NOW_S
    assert used(pre_signed(), last_s=None) is None
    assert used(pre_signed(), last_s=moment, now_s=NOW_S + 20) == Decline(Why.ALREADY_USED, {"wait_s": 40})
    assert used(pre_signed(), last_s=moment, now_s=NOW_S + 80) == Decline(Why.ALREADY_USED, {"wait_s": 1})


@pytest.mark.parametrize(
    ("denials", "decline"),
    [
        ({}, None),
        ({43: FOREVER_S}, None),
        ({42: GRANT.issued_at_s}, None),
        ({42: GRANT.issued_at_s + 1}, Decline(Why.DENIED)),
        ({42: FOREVER_S}, Decline(Why.STOPPED)),
    ],
)
def test_a_stop_refuses_what_was_issued_before_it_and_not_its_successor(
    denials: dict[int, int], decline: Decline | None
) -> None:
    assert accept.denied(GRANT, denials=denials) == decline


@pytest.mark.parametrize(
    ("signer", "role"),
    [(SNAPSHOT, Role.SNAPSHOT), (RELEASE, Role.RELEASE)],
)
def test_a_key_of_another_role_cannot_sign_codes(signer: Any, role: Role) -> None:
    for text in (bound(issuer=signer), pre_signed(issuer=signer)):
        assert why(text) is Why.ALTERED
    only_that = Trust("EC", key_list(listed(role, 1, signer)), {1: SEALING_KEY})
    for text in (bound(issuer=signer), pre_signed(issuer=signer)):
        assert why(text, trust=only_that) is Why.UNKNOWN_KEY


def trust_with(**changes: Any) -> Trust:
    return Trust("EC", key_list(listed(Role.CODE, 1, ISSUER, **changes)), {1: SEALING_KEY})


def test_a_revoked_keys_codes_are_refused_though_its_signature_holds() -> None:
    assert why(bound(), trust=trust_with(revoked=True)) is Why.KEY_REVOKED
    assert why(pre_signed(), trust=trust_with(revoked=True)) is Why.KEY_REVOKED


def test_a_key_nobody_announced_is_unknown() -> None:
    assert why(bound(key_id=2)) is Why.UNKNOWN_KEY
    assert why(bound(), trust=Trust("EC", TRUST.keys, {})) is Why.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("not_before_s", "not_after_s", "reason"),
    [
        (GRANT.issued_at_s, GRANT.issued_at_s + 1, None),
        (GRANT.issued_at_s + 1, GRANT.issued_at_s + 9, Why.UNKNOWN_KEY),
        (0, GRANT.issued_at_s, Why.UNKNOWN_KEY),
    ],
)
def test_a_key_counts_for_codes_issued_within_its_window(
    not_before_s: int, not_after_s: int, reason: Why | None
) -> None:
    assert why(bound(), trust=trust_with(not_before_s=not_before_s, not_after_s=not_after_s)) is reason


def test_a_terminal_that_guesses_the_sealing_key_reads_no_one_and_a_forger_who_has_it_signs_nothing() -> None:
    wrong = Trust("EC", TRUST.keys, {1: bytes(32)})
    answer = accept.read(bound(), trust=wrong, now_s=NOW_S)
    assert not isinstance(answer, Genuine) or answer.grant != GRANT
    assert why(bound(issuer=SNAPSHOT, sealing_key=SEALING_KEY)) is Why.ALTERED


def test_blame_falls_on_the_first_thing_that_is_wrong() -> None:
    stale_and_forged = bound(shown_at_s=NOW_S - 9000, issuer=SNAPSHOT)
    assert why(stale_and_forged) is Why.ALTERED
    assert why(stale_and_forged, trust=trust_with(revoked=True)) is Why.KEY_REVOKED
