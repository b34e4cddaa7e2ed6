"""A device as the server sees it: a key, a terminal number and signed requests through Django's test client."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import msgspec
from django.test import Client

from devices.core.funds import PersonRow
from devices.core.keys import Role, open_key_list
from devices.core.messages import (
    EnrolRequest,
    SnapshotHead,
    decode_row,
    open_snapshot,
    request_header,
    snapshot_key_id,
)
from devices.core.signing import SigningKey
from ecard.codes.queries import root_public, signed_key_list
from ecard.merchants.models import Outlet
from ecard.terminals import operations
from ecard.terminals.models import Terminal

ROOT_PATH = "/api/terminal/v1/"
INSTITUTION = "EC"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def key_of(number: int) -> SigningKey:
    """A device key that differs by number."""
    return SigningKey(number.to_bytes(32, "big"))


@dataclass
class Device:
    """Signs with `key` in the name of `terminal_id`."""

    terminal_id: int
    key: SigningKey
    client: Client = field(default_factory=Client)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        at_ms: int | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Any:
        """Send a signed request; `path` below /api/terminal/v1/ unless it starts with a slash."""
        target = path if path.startswith("/") else ROOT_PATH + path
        header = self.sign(target, method=method, body=body, at_ms=at_ms)
        return self.send(target, header, method=method, body=body, headers=headers)

    def sign(self, target: str, *, method: str = "GET", body: bytes = b"", at_ms: int | None = None) -> str:
        """The Authorization header."""
        stamp = int(time.time() * 1000) if at_ms is None else at_ms
        return request_header(
            terminal=self.terminal_id, method=method, target=target, body=body, at_ms=stamp, device=self.key
        )

    def send(
        self,
        target: str,
        authorization: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Any:
        """Send with a header made elsewhere."""
        return self.client.generic(
            method,
            target,
            body,
            content_type="application/octet-stream",
            headers={"Authorization": authorization, **headers},
        )


def enrolled_device(*, outlet: Outlet, number: int = 1, at: datetime, name: str = "") -> Device:
    """A terminal at the outlet and the device that was enrolled as it."""
    terminal = operations.register(name=name or f"T{number}", outlet=outlet, at=at)
    key = key_of(number)
    invite = operations.invite(terminal=terminal, by=None, at=at)
    operations.enrol(request=EnrolRequest(code=invite.code, public=key.public.hex(), software="test"), at=at)
    return Device(terminal.pk, key)


def terminal_of(device: Device) -> Terminal:
    """The row, as it is now."""
    return Terminal.objects.get(pk=device.terminal_id)


def read_snapshot(data: bytes) -> tuple[SnapshotHead, dict[int, PersonRow]]:
    """Verify a snapshot as a terminal does, by the root-signed key list, and decode its rows."""
    listed = signed_key_list()
    assert listed is not None
    keys = open_key_list(listed.data, root_public=root_public(), institution=INSTITUTION)
    public = keys.find(Role.SNAPSHOT, snapshot_key_id(data))
    assert public is not None
    head, lines = open_snapshot(data, public=bytes.fromhex(public.public))
    rows = [decode_row(line) for line in lines]
    return head, {row.account_ref: row for row in rows}


@dataclass
class Store:
    """The simplest terminal store there can be: what it holds after each snapshot."""

    generation: int = 0
    number: int = 0
    made_s: int = 0
    rows: dict[int, PersonRow] = field(default_factory=dict)
    denials: dict[int, int] = field(default_factory=dict)
    posted: dict[int, int] = field(default_factory=dict)
    policies: tuple[Any, ...] = ()

    def take(self, data: bytes) -> SnapshotHead:
        """Apply a snapshot."""
        head, rows = read_snapshot(data)
        if head.base == 0:
            self.rows = {}
        else:
            assert (head.generation, head.base) == (self.generation, self.number)
        for ref, row in rows.items():
            if row.gone:
                self.rows.pop(ref, None)
            else:
                self.rows[ref] = row
        self.generation, self.number, self.made_s = head.generation, head.number, head.made_s
        self.denials = {each.account_ref: each.before_s for each in head.denials}
        self.posted = {each.epoch: each.seq for each in head.posted_through}
        self.policies = head.policies
        return head


def refusal_of(response: Any) -> dict[str, Any]:
    """The Refusal in a response's body."""
    found: dict[str, Any] = msgspec.json.decode(response.content, type=dict)
    return found
