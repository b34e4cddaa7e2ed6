"""The terminal SDK's own client against the server's own addresses: no messages of the tests' making in between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

import msgspec
import pytest
from django.test import Client

from devices.core import enrolment
from devices.core.messages import Enrolled, MessageError, Refusal
from devices.core.signing import SigningKey
from devices.drivers.network import Answer
from devices.store.held import Held
from devices.sync.server import Server
from ecard.terminals import operations
from ecard.terminals.models import Terminal
from tests.support.campus import Campus
from tests.terminals.posting import load


class InProcess:
    """Carries requests to Django's test client and remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        self.sent.append(body)
        response = Client().generic(method, target, body, headers=dict(headers))
        return Answer(response.status_code, response.content, {})

    def close(self) -> None:
        """Nothing is held."""


class FalseServer(InProcess):
    """Passes everything on, and puts a root of its own in the answer."""

    root = SigningKey(b"a false server's root of 32 byte")

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        answer = super().request(method, target, body=body, headers=headers, limit_bytes=limit_bytes)
        enrolled = msgspec.json.decode(answer.body, type=Enrolled)
        forged = msgspec.structs.replace(enrolled, root_public=self.root.public.hex())
        return Answer(200, msgspec.json.encode(forged), {})


def client(transport: InProcess, *, off_ms: int = 0) -> Server:
    return Server(
        transport,
        seed=bytes(range(32)),
        software="sdk-test",
        now_ms=lambda: time.time_ns() // 1_000_000 + off_ms,
        monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
    )


@pytest.fixture
def code(campus: Campus, now: datetime) -> str:
    terminal = operations.register(name="窗口", outlet=campus.outlet, at=now)
    return operations.invite(terminal=terminal, by=None, at=now).code


def test_the_sdk_enrols_gets_keys_a_full_load_and_a_delta(campus: Campus, code: str, now: datetime) -> None:
    server = client(InProcess())
    identity = server.enrol(code)
    assert isinstance(identity, Enrolled)
    keys = server.keys(identity, held_number=0)
    assert not isinstance(keys, Refusal)
    assert keys.sealing_keys
    full = server.snapshot(identity, keys=keys, held=None)
    assert not isinstance(full, Refusal)
    assert (len(full.rows), full.head.base) == (len(campus.people), 0)
    load(campus.people[0], 3_00, at=now)
    head = full.head
    held = Held(1, head.generation, head.number, head.made_s, (), {}, {}, head.parameters, head.key_list_number)
    server.unsent = 5
    delta = server.snapshot(identity, keys=keys, held=held)
    assert not isinstance(delta, Refusal)
    assert (len(delta.rows), delta.head.base) == (1, head.number)
    assert Terminal.objects.get().software == "sdk-test"


def test_a_false_server_in_between_is_found_out_and_never_sees_the_fingerprint(code: str) -> None:
    transport = FalseServer()
    with pytest.raises(MessageError, match="root key"):
        client(transport).enrol(code)
    fingerprint = code[-enrolment.FINGERPRINT_CHARACTERS :]
    assert all(fingerprint.encode() not in body for body in transport.sent)


def test_a_device_whose_clock_is_off_hears_the_servers_time(code: str) -> None:
    server = client(InProcess(), off_ms=-3_600_000)
    identity = server.enrol(code)
    assert isinstance(identity, Enrolled)
    refused = server.keys(identity, held_number=0)
    assert isinstance(refused, Refusal)
    assert refused.error == "clock"
    assert abs(refused.server_time_ms - time.time() * 1000) < 60_000


def test_a_revoked_device_is_told_so(code: str, now: datetime) -> None:
    server = client(InProcess())
    identity = server.enrol(code)
    assert isinstance(identity, Enrolled)
    operations.revoke(terminal=Terminal.objects.get(), by=None, at=now)
    refused = server.keys(identity, held_number=0)
    assert isinstance(refused, Refusal)
    assert refused.error == "revoked"
