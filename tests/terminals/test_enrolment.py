"""One code, one device: expired, used, guessed, asked twice at once, and the server that is not ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest
from django.test import Client

from devices.core import enrolment as core
from devices.core.messages import Enrolled, EnrolRequest
from devices.core.signing import SigningKey
from ecard.codes.queries import root_public
from ecard.terminals import operations
from ecard.terminals.errors import EnrolmentRefused, EnrolmentWhy
from ecard.terminals.models import EnrolmentCode, Terminal, TerminalState
from ecard.terminals.rules import ATTEMPTS_MAX, CODE_LIFE
from ecard.terminals.values import Invite
from tests.support.campus import Campus
from tests.support.database import OtherThread
from tests.support.device import ROOT_PATH, Device, key_of, refusal_of, terminal_of

Second = Callable[[Callable[[], Any]], OtherThread[Any]]


@pytest.fixture
def terminal(campus: Campus, now: datetime) -> Terminal:
    return operations.register(name="窗口1", outlet=campus.outlet, at=now)


@pytest.fixture
def invite(terminal: Terminal, now: datetime) -> Invite:
    return operations.invite(terminal=terminal, by=None, at=now)


def asked(code: str, key: SigningKey) -> EnrolRequest:
    return EnrolRequest(code=code, public=key.public.hex(), software="1.0")


def why(code: str, key: SigningKey, at: datetime) -> EnrolmentWhy:
    with pytest.raises(EnrolmentRefused) as caught:
        operations.enrol(request=asked(code, key), at=at)
    return caught.value.why


def wrong(code: str) -> str:
    """The same handle, another secret."""
    last = core.ALPHABET[(core.ALPHABET.index(code[10]) + 1) % 32]
    return code[:10] + last + code[11:]


def test_a_code_makes_a_device_the_terminal(terminal: Terminal, invite: Invite, now: datetime) -> None:
    answer = operations.enrol(request=asked(invite.code, key_of(1)), at=now)
    terminal.refresh_from_db()
    assert (terminal.state, terminal.public_key) == (TerminalState.ACTIVE, key_of(1).public.hex())
    assert (answer.terminal, answer.institution) == (terminal.pk, "EC")
    assert core.matches_root(invite.code, root_public=bytes.fromhex(answer.root_public))


def test_the_secret_alone_is_what_a_device_sends(invite: Invite, now: datetime) -> None:
    assert (
        operations.enrol(request=asked(core.secret_of(invite.code), key_of(1)), at=now).terminal == invite.terminal_id
    )


def test_the_database_does_not_know_the_code(invite: Invite) -> None:
    stored = EnrolmentCode.objects.get()
    secret = core.secret_of(invite.code)
    assert secret[core.HANDLE_CHARACTERS :] not in f"{stored.handle} {stored.secret_hash}"


def test_an_expired_code_is_refused(invite: Invite, now: datetime) -> None:
    assert why(invite.code, key_of(1), now + CODE_LIFE) == EnrolmentWhy.EXPIRED


def test_a_used_code_is_refused_to_another_device(invite: Invite, now: datetime) -> None:
    operations.enrol(request=asked(invite.code, key_of(1)), at=now)
    assert why(invite.code, key_of(2), now) == EnrolmentWhy.USED


def test_a_device_that_lost_the_answer_gets_it_again(invite: Invite, now: datetime) -> None:
    first = operations.enrol(request=asked(invite.code, key_of(1)), at=now)
    assert operations.enrol(request=asked(invite.code, key_of(1)), at=now) == first


def test_a_new_invitation_voids_the_one_before(terminal: Terminal, invite: Invite, now: datetime) -> None:
    operations.invite(terminal=terminal, by=None, at=now)
    assert why(invite.code, key_of(1), now) == EnrolmentWhy.CODE


def test_guessing_at_a_code_kills_it(invite: Invite, now: datetime) -> None:
    for _attempt in range(ATTEMPTS_MAX):
        assert why(wrong(invite.code), key_of(1), now) == EnrolmentWhy.CODE
    assert why(invite.code, key_of(1), now) == EnrolmentWhy.CODE


def test_one_guess_less_leaves_it_alive(invite: Invite, now: datetime) -> None:
    for _attempt in range(ATTEMPTS_MAX - 1):
        assert why(wrong(invite.code), key_of(1), now) == EnrolmentWhy.CODE
    assert operations.enrol(request=asked(invite.code, key_of(1)), at=now).terminal == invite.terminal_id


@pytest.mark.parametrize("public", ["00" * 32, "zz" * 32, "01" + "00" * 31, key_of(1).public.hex().upper()])
def test_what_is_no_key_is_refused(invite: Invite, now: datetime, public: str) -> None:
    with pytest.raises(EnrolmentRefused) as caught:
        operations.enrol(request=EnrolRequest(code=invite.code, public=public, software=""), at=now)
    assert caught.value.why == EnrolmentWhy.KEY
    assert operations.enrol(request=asked(invite.code, key_of(1)), at=now).terminal == invite.terminal_id


def test_another_terminals_key_is_refused(campus: Campus, device: Device, invite: Invite, now: datetime) -> None:
    assert why(invite.code, device.key, now) == EnrolmentWhy.KEY


def test_two_devices_at_once_with_one_code_get_one_terminal(
    invite: Invite, second_connection: Second, now: datetime
) -> None:
    together = threading.Barrier(2)

    def enrol(key: SigningKey) -> Enrolled | EnrolmentWhy:
        together.wait(timeout=20)
        try:
            return operations.enrol(request=asked(invite.code, key), at=now)
        except EnrolmentRefused as refused:
            return refused.why

    others = [second_connection(partial(enrol, key_of(number))) for number in (1, 2)]
    outcomes = [other.wait() for other in others]
    assert sorted(isinstance(outcome, Enrolled) for outcome in outcomes) == [False, True]
    assert EnrolmentWhy.USED in outcomes
    winner = key_of(1) if isinstance(outcomes[0], Enrolled) else key_of(2)
    assert Terminal.objects.get().public_key == winner.public.hex()


def test_guesses_made_at_once_are_all_counted(invite: Invite, second_connection: Second, now: datetime) -> None:
    guesses = [second_connection(lambda: why(wrong(invite.code), key_of(1), now)) for _ in range(ATTEMPTS_MAX)]
    assert [guess.wait() for guess in guesses] == [EnrolmentWhy.CODE] * ATTEMPTS_MAX
    assert EnrolmentCode.objects.get().attempts == ATTEMPTS_MAX


def test_a_false_servers_root_is_refused_by_the_device(invite: Invite) -> None:
    false_root = SigningKey(b"a false server's root of 32 byte")
    assert not core.matches_root(invite.code, root_public=false_root.public)
    assert core.matches_root(invite.code, root_public=root_public())


def test_a_replaced_device_works_until_its_successor_is_heard(device: Device, now: datetime) -> None:
    invite = operations.invite(terminal=terminal_of(device), by=None, at=now)
    operations.enrol(request=asked(invite.code, key_of(2)), at=now)
    successor = Device(device.terminal_id, key_of(2))
    assert device.ask("keys").status_code == 200
    assert successor.ask("keys").status_code == 200
    assert device.ask("keys").status_code == 401
    assert terminal_of(device).next_public_key is None


def test_a_successor_that_is_never_heard_changes_nothing(device: Device, now: datetime) -> None:
    invite = operations.invite(terminal=terminal_of(device), by=None, at=now)
    operations.enrol(request=asked(invite.code, key_of(2)), at=now)
    later = operations.invite(terminal=terminal_of(device), by=None, at=now)
    operations.enrol(request=asked(later.code, key_of(3)), at=now)
    assert Device(device.terminal_id, key_of(2)).ask("keys").status_code == 401
    assert device.ask("keys").status_code == 200


def test_a_revoked_terminal_comes_back_with_another_key_only(device: Device, now: datetime) -> None:
    operations.revoke(terminal=terminal_of(device), by=None, at=now)
    invite = operations.invite(terminal=terminal_of(device), by=None, at=now)
    assert why(invite.code, device.key, now) == EnrolmentWhy.KEY
    operations.enrol(request=asked(invite.code, key_of(2)), at=now)
    assert Device(device.terminal_id, key_of(2)).ask("keys").status_code == 200
    assert terminal_of(device).state == TerminalState.ACTIVE
    assert device.ask("keys").status_code == 401


def test_revoking_voids_open_invitations(terminal: Terminal, invite: Invite, now: datetime) -> None:
    assert operations.revoke(terminal=terminal, by=None, at=now)
    assert why(invite.code, key_of(1), now) == EnrolmentWhy.CODE
    assert not operations.revoke(terminal=terminal, by=None, at=now)


def post_enrolment(body: bytes, *, forwarded_for: str = "") -> Any:
    headers = {"x-forwarded-for": forwarded_for} if forwarded_for else {}
    return Client().generic("POST", f"{ROOT_PATH}enrol", body, content_type="application/json", headers=headers)


def test_the_address_answers_as_the_messages_say(invite: Invite) -> None:
    body = msgspec.json.encode(asked(core.secret_of(invite.code), key_of(1)))
    answer = msgspec.json.decode(post_enrolment(body).content, type=Enrolled)
    assert answer.terminal == invite.terminal_id
    again = post_enrolment(msgspec.json.encode(asked(invite.code, key_of(2))))
    assert (again.status_code, refusal_of(again)["error"]) == (409, "used")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b'{"code": "\xff"}', 400, "malformed"),
        (b'{"x":' + b"[" * 1_500, 400, "malformed"),
        (b'{"code": 1}', 400, "malformed"),
        (b"x" * 3_000, 413, "too_large"),
        (b'{"code":"7K2QF-0M4XN-A9C3E","public":"%s","software":""}' % (key_of(1).public.hex().encode()), 403, "code"),
    ],
)
def test_a_bad_enrolment_says_what_is_wrong(campus: Campus, body: bytes, status: int, error: str) -> None:
    response = post_enrolment(body)
    assert (response.status_code, refusal_of(response)["error"]) == (status, error)


def test_trying_codes_from_one_address_is_slowed_down(campus: Campus) -> None:
    statuses = [post_enrolment(b"{}").status_code for _ in range(25)]
    assert statuses[0] == 400
    assert statuses[-1] == 429


def test_a_stranger_cannot_try_more_codes_by_writing_other_addresses(campus: Campus) -> None:
    statuses = [post_enrolment(b"{}", forwarded_for=f"203.0.113.{each}").status_code for each in range(25)]
    assert statuses[-1] == 429


def test_a_code_lives_half_an_hour(invite: Invite, now: datetime) -> None:
    assert invite.expires_at - now == timedelta(minutes=30)
