"""Who signed this request: the Authorization header of `devices.core.messages.request_header`, checked.

An unknown terminal, one not enrolled and a wrong signature get the same answer after the same work. Only whoever
signed rightly is told that its clock is off, or that it is revoked.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from django.http import UnreadablePostError
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from devices.core.messages import MAX_BATCH_BYTES, Refusal, request_message
from devices.core.signing import REQUEST_DOMAIN, SigningKey, verifies
from devices.core.status import STATUS_HEADER, read_status
from ecard.terminals.enrolment import confirm
from ecard.terminals.models import Terminal
from ecard.terminals.operations import heard
from ecard.terminals.profiles import allows
from ecard.terminals.values import Heartbeat, TerminalPrincipal

SCHEME: Final = "Ecard-Terminal"
CLOCK_TOLERANCE_MS: Final = 120_000
HEARD_EVERY: Final = timedelta(seconds=10)

_HEADER = re.compile(rf"{SCHEME} (\d{{1,5}})\.(\d{{1,15}})\.([0-9a-f]{{128}})", re.ASCII)
_NOBODY = SigningKey(bytes(32)).public.hex()


class TerminalRefused(APIException):
    """The terminal's request is not answered; `refusal` is the body it gets."""

    def __init__(self, status: HTTPStatus, refusal: Refusal) -> None:
        super().__init__(refusal.error)
        self.status_code = status
        self.refusal = refusal


class TerminalAuthentication(BaseAuthentication):
    """Gives (TerminalPrincipal, signed time in ms), None without the header, or raises TerminalRefused."""

    def authenticate(self, request: Request) -> tuple[TerminalPrincipal, int] | None:
        header = request.headers.get("Authorization", "")
        if not header.startswith(f"{SCHEME} "):
            return None
        now = timezone.now()
        found = _HEADER.fullmatch(header)
        if found is None:
            raise _unsigned()
        terminal_id, at_ms, signature = int(found[1]), int(found[2]), bytes.fromhex(found[3])
        message = request_message(
            method=request.method or "", target=request.get_full_path(), body=_body(request), at_ms=at_ms
        )
        terminal = _signer(terminal_id, message, signature, now=now)
        now_ms = int(now.timestamp() * 1000)
        if abs(now_ms - at_ms) > CLOCK_TOLERANCE_MS:
            detail = f"the terminal's clock is {(at_ms - now_ms) // 1000} s off"
            raise TerminalRefused(HTTPStatus.UNAUTHORIZED, Refusal("clock", detail, now_ms))
        principal = TerminalPrincipal(terminal)
        route = request.resolver_match.view_name if request.resolver_match else ""
        if not allows(principal, route):
            word = "revoked" if principal.revoked else "forbidden"
            raise TerminalRefused(HTTPStatus.FORBIDDEN, Refusal(word, f"not open to this terminal: {route}", now_ms))
        _note(terminal, request.headers.get(STATUS_HEADER, ""), now=now)
        return principal, at_ms

    def authenticate_header(self, request: Request) -> str:
        """Makes a missing signature a 401."""
        return SCHEME


def _signer(terminal_id: int, message: bytes, signature: bytes, *, now: datetime) -> Terminal:
    terminal = Terminal.objects.select_related("outlet__site").filter(pk=terminal_id).first()
    key = terminal.public_key if terminal else None
    # Verified also for nobody: how long the answer takes does not tell who is enrolled.
    if _verified(key or _NOBODY, message, signature) and terminal is not None and key is not None:
        return terminal
    successor = terminal.next_public_key if terminal else None
    if terminal is None or successor is None or not _verified(successor, message, signature):
        raise _unsigned()
    if not confirm(terminal=terminal, public_key=successor, at=now):
        raise _unsigned()
    return Terminal.objects.select_related("outlet__site").get(pk=terminal_id)


def _verified(public: str, message: bytes, signature: bytes) -> bool:
    return verifies(public=bytes.fromhex(public), domain=REQUEST_DOMAIN, message=message, signature=signature)


def _body(request: Request) -> bytes:
    try:
        announced = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        announced = 0
    if announced > MAX_BATCH_BYTES:
        raise TerminalRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Refusal("too_large", f"at most {MAX_BATCH_BYTES}"))
    try:
        return request._request.body
    except UnreadablePostError as error:
        raise TerminalRefused(HTTPStatus.BAD_REQUEST, Refusal("malformed", "the body broke off")) from error


def _note(terminal: Terminal, header: str, *, now: datetime) -> None:
    """Every few seconds is often enough, each note being a write; but at once where the count of unsent records or the
    policy is another, since a snapshot asked for often keeps a terminal recently seen for ever.
    """
    status = read_status(header)
    said = Heartbeat()
    if status is not None:
        said = Heartbeat(status.unsent, status.software or None, status.policy, status.newer_policy, status.neighbours)
    now_said = (said.unsent_count, said.policy_number, said.newer_policy)
    same = status is None or now_said == (terminal.unsent_count, terminal.policy_number, terminal.newer_policy)
    if same and terminal.last_seen_at is not None and timedelta(0) <= now - terminal.last_seen_at < HEARD_EVERY:
        return
    heard(terminal=terminal, heartbeat=said, at=now)


def _unsigned() -> TerminalRefused:
    return TerminalRefused(HTTPStatus.UNAUTHORIZED, Refusal("signature", "not signed by an enrolled terminal"))
