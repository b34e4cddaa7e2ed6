"""A device becoming a terminal: a one-time code is exchanged for the binding of the device's own key.

The row lock on the terminal serialises everything done about its codes, wrong guesses included, so a code is used
once and guessed at no more than `ATTEMPTS_MAX` times however many ask at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hmac import compare_digest

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.crypto import salted_hmac

from devices.core.enrolment import HANDLE_CHARACTERS, NotAnEnrolmentCode, secret_of
from devices.core.messages import Enrolled, EnrolRequest
from ecard.codes.queries import root_public
from ecard.terminals.errors import EnrolmentRefused, EnrolmentWhy
from ecard.terminals.models import EnrolmentCode, Terminal, TerminalState
from ecard.terminals.rules import ATTEMPTS_MAX, is_device_key, printable

REMEMBERED = timedelta(days=1)
"""So long a right but expired code is told from a wrong one."""
SAME_HANDLE_LIMIT = 20


def secret_hash(secret: str) -> str:
    """What is stored of a secret: keyed outside the database, since 50 bits are soon guessed by whoever has it."""
    return salted_hmac("ecard.terminals.enrolment", secret, algorithm="sha256").hexdigest()


def enrol(*, request: EnrolRequest, at: datetime) -> Enrolled:
    """Bind the device's key to the terminal its code was made for. Raises EnrolmentRefused.

    A device that did not hear the answer may ask again with the same code and the same key. Where another device
    holds the terminal, it keeps it until this one's first signed request.
    """
    try:
        secret = secret_of(request.code)
    except NotAnEnrolmentCode as error:
        raise EnrolmentRefused(EnrolmentWhy.CODE, str(error)) from error
    if not is_device_key(request.public):
        raise EnrolmentRefused(EnrolmentWhy.KEY, "not an Ed25519 public key in hex")
    try:
        # A refusal is returned, not raised, so that the count of wrong guesses is kept.
        outcome = _claim(secret, request, at=at)
    except IntegrityError as error:
        raise EnrolmentRefused(EnrolmentWhy.KEY, "another terminal has this key") from error
    if isinstance(outcome, EnrolmentRefused):
        raise outcome
    return Enrolled(
        terminal=outcome.pk,
        institution=settings.ECARD_INSTITUTION,
        root_public=root_public().hex(),
        server_time_ms=int(at.timestamp() * 1000),
    )


def confirm(*, terminal: Terminal, public_key: str, at: datetime) -> bool:
    """The successor was heard: its key is the terminal's now, and the key before it is dead."""
    confirmed = Terminal.objects.filter(pk=terminal.pk, next_public_key=public_key).update(
        public_key=public_key,
        next_public_key=None,
        state=TerminalState.ACTIVE,
        enrolled_at=at,
        revoked_at=None,
        revoked_by=None,
    )
    return bool(confirmed)


@transaction.atomic
def _claim(secret: str, request: EnrolRequest, *, at: datetime) -> Terminal | EnrolmentRefused:
    recent = EnrolmentCode.objects.filter(
        handle=secret[:HANDLE_CHARACTERS], void_at__isnull=True, made_at__gt=at - REMEMBERED
    ).order_by("pk")
    candidates = list(recent.values_list("pk", "terminal_id")[:SAME_HANDLE_LIMIT])
    terminals = Terminal.objects.filter(pk__in={terminal_id for _pk, terminal_id in candidates})
    locked = {each.pk: each for each in terminals.select_for_update(no_key=True).order_by("pk")}
    # Read again: what stood before the lock may have been used or voided meanwhile.
    codes = list(EnrolmentCode.objects.filter(pk__in=[pk for pk, _terminal in candidates], void_at__isnull=True))
    expected = secret_hash(secret)
    found = next((code for code in codes if compare_digest(code.secret_hash, expected)), None)
    if found is None or found.attempts >= ATTEMPTS_MAX:
        wrong = EnrolmentCode.objects.filter(pk__in=[code.pk for code in codes], attempts__lt=ATTEMPTS_MAX)
        wrong.update(attempts=F("attempts") + 1)
        return EnrolmentRefused(EnrolmentWhy.CODE, "no such code, or it was guessed at too often")
    terminal = locked[found.terminal_id]
    if found.used_at is not None:
        same = found.used_public_key == request.public and request.public in (
            terminal.public_key,
            terminal.next_public_key,
        )
        return terminal if same else EnrolmentRefused(EnrolmentWhy.USED, "this code was used before")
    if found.expires_at <= at:
        return EnrolmentRefused(EnrolmentWhy.EXPIRED, "this code has expired; ask for a new one")
    return _bind(terminal, found, request, at=at)


def _bind(
    terminal: Terminal, code: EnrolmentCode, request: EnrolRequest, *, at: datetime
) -> Terminal | EnrolmentRefused:
    key = request.public
    held_elsewhere = Terminal.objects.exclude(pk=terminal.pk).filter(Q(public_key=key) | Q(next_public_key=key))
    if (terminal.state == TerminalState.REVOKED and terminal.public_key == key) or held_elsewhere.exists():
        return EnrolmentRefused(EnrolmentWhy.KEY, "this key cannot be used again")
    if terminal.public_key is None:
        terminal.public_key, terminal.next_public_key = key, None
        terminal.state, terminal.enrolled_at, terminal.revoked_at = TerminalState.ACTIVE, at, None
        terminal.revoked_by = None
    else:
        terminal.next_public_key = key if key != terminal.public_key else None
    terminal.software = printable(request.software)
    terminal.save(
        update_fields=["public_key", "next_public_key", "state", "enrolled_at", "revoked_at", "revoked_by", "software"]
    )
    code.used_at, code.used_public_key = at, key
    code.save(update_fields=["used_at", "used_public_key"])
    return terminal
