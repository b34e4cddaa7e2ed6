"""Holding money for one record of one terminal, and letting go of it.

A terminal's questions are taken one at a time, under a lock of their own, so that a key has one hold and a terminal's
holds can be counted. The ledger's locks come after it, all in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from django.db import connection, transaction

from devices.core.declines import Decline
from devices.core.messages import Authorise, Authorised, Refusal
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.errors import AccountClosed, InsufficientFunds
from ecard.ledger.operations import end_holds, lock_accounts, open_holds, place_holds
from ecard.settlement.authorising.deciding import Decided, OtherPolicy, Shown, decide, declined, shown
from ecard.settlement.authorising.to_come import kept, said
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.models import AuthorisedHold, AuthorisedState
from ecard.terminals.models import Terminal

HELD_FOR = timedelta(minutes=5)
"""A connected terminal uploads within seconds; this is for a line that breaks right after the answer."""
HOLDS_MAX = 40
"""Of one terminal, open at once: it sells one at a time, and its records are posted within seconds."""
CLOCK_TOLERANCE_MS = 120_000
LAPSE_LIMIT = 500
FORGET_AFTER = timedelta(days=30)
FORGET_LIMIT = 10_000
_ATTEMPTS = 3
_LOCK = 0x4155_5448
_LOCK_PERSON = 0x4155_5450
"""Any constants that no other two-part advisory lock of this database uses."""
_INT_31 = 1 << 31

# Asked at every question: in SQL, for the ORM takes longer to say them than the database to answer.
_HOLDS = """
SELECT id, state = %(open)s, expires_at, (epoch, seq) = (%(epoch)s, %(seq)s) FROM settlement_authorisedhold
WHERE terminal_id = %(terminal)s AND (state = %(open)s OR (epoch, seq) = (%(epoch)s, %(seq)s))
"""
_RECEIVED = "SELECT EXISTS (SELECT FROM terminals_stream WHERE terminal_id = %s AND epoch = %s AND next_seq > %s)"


def authorise(*, terminal: Terminal, asked: Authorise, body: bytes, at: datetime) -> Authorised | Refusal:
    """Answer a question, holding what it approves under its key. The same question has the same answer while its hold
    is open; another question under the key ends that hold first, whatever comes of the other.

    Refusals: clock, policy (another is in force here), late (the key's record came already), too_many (holds).
    """
    now_ms = _ms(at)
    if abs(now_ms - asked.at_ms) > CLOCK_TOLERANCE_MS:
        return Refusal("clock", "the moment of the tap is too far from the server's", now_ms)
    digest = blake2b(body, digest_size=32).digest()
    who = shown(asked, at=at)
    try:
        for _attempt in range(_ATTEMPTS):
            with transaction.atomic():
                found = _answer(terminal, asked, who, digest=digest, at=at)
                checkpoint("authorise.held")
            if not isinstance(found, _InTheWay):
                checkpoint("authorise.committed")
                return found
            # In a transaction of its own: accounts are locked once in each.
            _release(found.lapsed, state=AuthorisedState.LAPSED, at=at)
            _release(found.others, state=AuthorisedState.RELEASED, at=at)
    except OtherPolicy:
        return Refusal("policy", "another policy is in force", now_ms)
    return Refusal("busy", "funds change faster than they are read", now_ms)


def lapse_authorised(*, at: datetime, limit: int = LAPSE_LIMIT) -> int:
    """End open holds whose time is over; gives how many."""
    held = list(AuthorisedHold.objects.filter(state=AuthorisedState.OPEN, expires_at__lte=at).order_by("id")[:limit])
    _release(held, state=AuthorisedState.LAPSED, at=at)
    return len(held)


def forget_authorised(*, at: datetime, limit: int = FORGET_LIMIT) -> int:
    """Delete what ended long ago; the ledger keeps the holds themselves. Gives how many."""
    old = AuthorisedHold.objects.filter(ended_at__lt=at - FORGET_AFTER).order_by("ended_at").values("pk")[:limit]
    return AuthorisedHold.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]


class _InTheWay(NamedTuple):
    """Holds that must be ended before the question can be answered; none where it only has to be read again."""

    lapsed: tuple[AuthorisedHold, ...] = ()
    others: tuple[AuthorisedHold, ...] = ()


def _answer(
    terminal: Terminal, asked: Authorise, who: Shown | Decline, *, digest: bytes, at: datetime
) -> Authorised | Refusal | _InTheWay:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, terminal.pk])
        if isinstance(who, Shown):
            # Or two terminals that are shown one code at once would both find it unused.
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_PERSON, who.account_ref % _INT_31])
    held, known = _holds_of(terminal, asked)
    lapsed = [hold_id for hold_id, expires_at in held.items() if expires_at <= at]
    if lapsed:
        return _InTheWay(lapsed=tuple(AuthorisedHold.objects.filter(pk__in=lapsed)))
    if known is not None and known.state == AuthorisedState.OPEN:
        if bytes(known.digest) == digest:
            return said(bytes(known.answer))
        return _InTheWay(others=(known,))
    if _has_come(terminal, asked):
        return Refusal("late", "the record under this key came already", _ms(at))
    if isinstance(who, Decline):
        return declined(asked, 0, who)
    if len(held) >= HOLDS_MAX:
        return Refusal("too_many", f"at most {HOLDS_MAX} holds at once", _ms(at))
    decided = decide(terminal=terminal, asked=asked, who=who, at=at)
    if decided is None:
        return _InTheWay()
    if not decided.answer.quote.approved:
        return decided.answer
    return _hold(terminal, asked, who, decided, known=known, digest=digest, at=at) or _InTheWay()


def _holds_of(terminal: Terminal, asked: Authorise) -> tuple[dict[int, datetime], AuthorisedHold | None]:
    """When each open hold of a terminal lapses, and the hold under this key, open or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            _HOLDS,
            {"terminal": terminal.pk, "open": AuthorisedState.OPEN, "epoch": asked.epoch, "seq": asked.seq},
        )
        rows = cursor.fetchall()
    known_id = next((hold_id for hold_id, _open, _expires_at, this in rows if this), None)
    held = {hold_id: expires_at for hold_id, is_open, expires_at, _this in rows if is_open}
    return held, None if known_id is None else AuthorisedHold.objects.filter(pk=known_id).first()


def _has_come(terminal: Terminal, asked: Authorise) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_RECEIVED, [terminal.pk, asked.epoch, asked.seq])
        (has_come,) = cursor.fetchone() or (False,)
    return bool(has_come)


def _hold(
    terminal: Terminal,
    asked: Authorise,
    who: Shown,
    decided: Decided,
    *,
    known: AuthorisedHold | None,
    digest: bytes,
    at: datetime,
) -> Authorised | None:
    """Set the legs aside under their accounts' locks; None where the money went elsewhere since it was looked at."""
    expires_at = at + HELD_FOR
    answer = msgspec.structs.replace(decided.answer, lapses_at_ms=_ms(expires_at))
    rounds = 1 if known is None else known.rounds + 1
    hold_ids: list[int] = []
    if decided.parts:
        locked = lock_accounts([account for account, _amount in decided.parts])
        key = f"A{terminal.pk}.{asked.epoch:x}.{asked.seq:x}.{rounds}"
        try:
            hold_ids = place_holds(parts=decided.parts, locked=locked, key=key, at=at, expires_at=expires_at)
        except (InsufficientFunds, AccountClosed):
            return None
    if known is not None:
        # Taken over: a key has one row, whatever was asked under it.
        AuthorisedHold.objects.filter(pk=known.pk).delete()
    AuthorisedHold.objects.create(
        terminal=terminal,
        epoch=asked.epoch,
        seq=asked.seq,
        digest=digest,
        rounds=rounds,
        account_ref=who.account_ref,
        code_id=who.code_id,
        presented_s=who.presented_s,
        amount_minor=answer.quote.amount_minor,
        hold_ids=hold_ids,
        answer=kept(answer, decided.tap),
        placed_at=at,
        expires_at=expires_at,
    )
    record(topic=Topic.CARDHOLDER, refs=[who.account_ref], at=at)
    return answer


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@transaction.atomic
def _release(held: Sequence[AuthorisedHold], *, state: AuthorisedState, at: datetime) -> None:
    """Accounts first, as posting does it; what posting ended in the meantime stays as it is."""
    if not held:
        return
    hold_ids = [hold_id for each in held for hold_id in each.hold_ids]
    accounts = {each.account_id for each in open_holds(hold_ids)}
    if accounts:
        lock_accounts(accounts)
        end_holds(hold_ids, at=at)
    AuthorisedHold.objects.filter(pk__in=[each.pk for each in held], state=AuthorisedState.OPEN).update(
        state=state, ended_at=at, answer=b""
    )
    record(topic=Topic.CARDHOLDER, refs=sorted({each.account_ref for each in held}), at=at)
