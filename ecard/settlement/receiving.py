"""Receiving: authenticate, check continuity, keep the batch durably, acknowledge. Nothing is posted here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F

from devices.core.journal import GENESIS, MAX_SEQUENCE, EpochRecord, RecordError, chain_all, decode_record
from devices.core.messages import (
    BATCH_MAGIC,
    MAX_BATCH_BYTES,
    Ack,
    BatchHead,
    MessageError,
    Refusal,
    open_batch,
    stored_batch,
)
from devices.core.signing import BATCH_DOMAIN, SIGNATURE_BYTES, verifies
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.models import (
    DETAIL_LENGTH_MAX,
    Batch,
    ExceptionKind,
    QuarantinedBatch,
    QuarantineKind,
    SaleException,
)
from ecard.settlement.rules import record_id
from ecard.terminals.models import Stream, Terminal, TerminalState

MAX_EPOCH = (1 << 63) - 1
QUARANTINE_LIMIT = 200
"""So many unresolved uploads are kept for one terminal; a bad or stolen one cannot fill the disk."""

SAME_EPOCH_LIMIT = 8
"""Epochs are drawn at random: more than one place of the same one is a device that was moved."""

ADMISSIBLE_KINDS = (QuarantineKind.REVOKED, QuarantineKind.OTHER_CONTENT)
"""What is whole in itself, so that a person's word is all it lacks."""


class NotAdmissible(Exception):
    """The person asked for an upload that cannot be taken in; `why` is a word for it.

    kind, resolved, malformed, other_terminal; or what receiving said: gap (something earlier is missing), quarantined
    (a chain that does not hold, or nothing new in it).
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def receive(*, terminal: Terminal, data: bytes, at: datetime) -> Ack | Refusal:
    """Take one upload. When this returns an Ack, what it acknowledges survives the server's death.

    Safe to repeat and to run concurrently: a stream's row is locked, and only its next sequence is admitted.
    """
    if len(data) > MAX_BATCH_BYTES:
        return Refusal("too_large", f"a batch is at most {MAX_BATCH_BYTES} bytes", _ms(at))
    if terminal.state != TerminalState.ACTIVE or not terminal.public_key:
        if _signed_by(terminal, data):
            known = _held_already(terminal, data)
            if known is not None:
                return known
            _quarantine(terminal=terminal, data=data, kind=QuarantineKind.REVOKED, at=at)
            return Refusal("revoked", "this terminal is revoked; the upload is kept apart for a person", _ms(at))
        return Refusal("revoked", "this terminal is revoked", _ms(at))
    try:
        head, lines = open_batch(data, device_public=bytes.fromhex(terminal.public_key))
    except MessageError as error:
        if not _signed_by(terminal, data):
            return Refusal("bad_batch", str(error)[:DETAIL_LENGTH_MAX], _ms(at))
        detail = str(error)
        _quarantine(terminal=terminal, data=data, kind=QuarantineKind.MALFORMED, at=at, detail=detail)
        return Refusal("malformed", "signed, but no batch; it is kept apart for a person", _ms(at))
    if head.terminal != terminal.pk:
        _quarantine(terminal=terminal, data=data, kind=QuarantineKind.OTHER_TERMINAL, at=at, head=head)
        return Refusal("other_terminal", "the batch names another terminal; it is kept apart", _ms(at))
    checkpoint("receive.opened")
    upload = _Upload(terminal=terminal, head=head, lines=lines, data=data, at=at)
    try:
        answer = _store(upload)
    except IntegrityError:
        # Two first batches of one epoch met: the other one is stored now, so this one finds its stream.
        answer = _store(upload)
    checkpoint("receive.committed")
    return answer


@transaction.atomic
def admit(*, batch: QuarantinedBatch, by: AbstractBaseUser | None, note: str, at: datetime) -> Ack:
    """Take in an upload that was kept apart, on a person's word; its sales are facts like any others.

    What a revoked terminal handed in is received as if it were not revoked. Of an upload with other content under a
    held sequence, what is held stays, the rest follows, and the stream shows as forked. Raises NotAdmissible with what
    stands against it, and then nothing has changed.
    """
    kept = QuarantinedBatch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    if kept.resolved_at is not None or kept.kind not in ADMISSIBLE_KINDS:
        raise NotAdmissible("kind" if kept.resolved_at is None else "resolved")
    try:
        head, lines = stored_batch(bytes(kept.raw))
    except MessageError as error:
        raise NotAdmissible("malformed") from error
    if head.terminal != kept.terminal_id:
        raise NotAdmissible("other_terminal")
    upload = _Upload(terminal=kept.terminal, head=head, lines=lines, data=bytes(kept.raw), at=at)
    answer = _store(upload, follow=kept.kind == QuarantineKind.OTHER_CONTENT)
    if answer.status not in ("accepted", "repeat"):
        raise NotAdmissible(answer.status)
    QuarantinedBatch.objects.filter(pk=kept.pk).update(resolved_at=at, resolved_by_id=by.pk if by else None, note=note)
    return answer


def _held_already(terminal: Terminal, data: bytes) -> Ack | None:
    """That all of a revoked terminal's upload was received before, or admitted since. Nothing new is taken."""
    try:
        head, lines = stored_batch(data)
    except MessageError:
        return None
    stream = Stream.objects.filter(terminal=terminal, epoch=head.epoch).first()
    last_seq = head.first_seq + head.count - 1
    if head.terminal != terminal.pk or stream is None or len(lines) != head.count or not 0 < head.first_seq <= last_seq:
        return None
    if last_seq >= stream.next_seq or chain_all(_hex(head.head_before), lines) != _hex(head.head_after):
        return None
    if _kept_head(stream, last_seq) != _hex(head.head_after):
        return None
    return Ack("repeat", head.epoch, stream.next_seq - 1)


@dataclass(frozen=True, slots=True)
class _Upload:
    terminal: Terminal
    head: BatchHead
    lines: list[bytes]
    data: bytes
    at: datetime

    @property
    def last_seq(self) -> int:
        return self.head.first_seq + self.head.count - 1


@transaction.atomic
def _store(upload: _Upload, *, follow: bool = False) -> Ack:
    """Admit the next sequence. With `follow` a history that is not the held one may go on after it."""
    head = upload.head
    chained = chain_all(_hex(head.head_before), upload.lines) == _hex(head.head_after)
    stream = _stream(upload.terminal, head.epoch)
    checkpoint("receive.locked")
    held = stream.next_seq - 1 if stream else 0
    if not chained:
        return _keep_apart(upload, QuarantineKind.BROKEN_CHAIN, held=held)
    if head.first_seq > held + 1:
        return Ack("gap", head.epoch, held)
    if stream is None:
        opened = _open_stream(upload)
        if isinstance(opened, Ack):
            return opened
        stream = opened
    elif upload.last_seq <= held:
        if _kept_head(stream, upload.last_seq) == _hex(head.head_after):
            return Ack("repeat", head.epoch, held)
        return _keep_apart(upload, QuarantineKind.OTHER_CONTENT, held=held)
    skip = held + 1 - head.first_seq
    forked = chain_all(_hex(head.head_before), upload.lines[:skip]) != bytes(stream.head)
    if forked and not follow:
        return _keep_apart(upload, QuarantineKind.OTHER_CONTENT, held=held)
    Batch.objects.create(
        stream=stream,
        terminal_id=stream.terminal_id,
        first_seq=held + 1,
        last_seq=upload.last_seq,
        skip=skip,
        raw=upload.data,
        head_after=_hex(head.head_after),
        received_at=upload.at,
    )
    checkpoint("receive.stored")
    stream.next_seq, stream.head = upload.last_seq + 1, _hex(head.head_after)
    stream.forked = stream.forked or forked
    stream.save(update_fields=["next_seq", "head", "forked"])
    checkpoint("receive.advanced")
    return Ack("accepted", head.epoch, upload.last_seq)


def _stream(terminal: Terminal, epoch: int) -> Stream | None:
    """What is held of an epoch, locked. A device that was given another place began its earlier epochs elsewhere:
    there they go on, known by the device's signature, and nothing of them is taken in a second time.
    """
    locked = Stream.objects.select_for_update(no_key=True)
    found = locked.filter(terminal=terminal, epoch=epoch).first()
    if found is None:
        for elsewhere in locked.filter(epoch=epoch).exclude(terminal=terminal).order_by("pk")[:SAME_EPOCH_LIMIT]:
            newest = Batch.objects.filter(stream=elsewhere).order_by("-first_seq").first()
            if newest is not None and _signed_by(terminal, bytes(newest.raw)):
                return elsewhere
    return found


def _open_stream(upload: _Upload) -> Stream | Ack:
    """The new stream of an epoch, or what must come first, or a quarantine."""
    head, terminal = upload.head, upload.terminal
    # Siblings (two epochs that name one predecessor) are compared under the terminal's lock.
    Terminal.objects.select_for_update(no_key=True).get(pk=terminal.pk)
    try:
        first = decode_record(upload.lines[0])
    except RecordError:
        first = None
    if (
        not isinstance(first, EpochRecord)
        or (first.epoch, first.seq) != (head.epoch, head.first_seq)
        or _hex(head.head_before) != GENESIS
        or not 0 <= first.previous_epoch <= MAX_EPOCH
        or not 0 <= first.previous_seq <= MAX_SEQUENCE
    ):
        return _keep_apart(upload, QuarantineKind.BAD_EPOCH, held=0)
    streams = Stream.objects.filter(terminal=terminal)
    previous = _stream(terminal, first.previous_epoch) if first.previous_epoch else None
    if first.previous_epoch and (previous is None or previous.next_seq - 1 < first.previous_seq):
        return Ack("gap", head.epoch, 0, need_epoch=first.previous_epoch)
    alarm = _alarm(first, previous=previous, streams_known=list(streams.values_list("previous_epoch", flat=True)))
    stream = Stream.objects.create(
        terminal=terminal,
        epoch=head.epoch,
        head=GENESIS,
        previous_epoch=first.previous_epoch,
        previous_seq=first.previous_seq,
        previous_head=_hex(first.previous_head),
        forked=alarm == ExceptionKind.STREAM_FORKED,
        created_at=upload.at,
    )
    if alarm is not None:
        SaleException.objects.create(
            record_id=record_id(stream.pk, 1),
            terminal=terminal,
            kind=alarm,
            params={
                "epoch": head.epoch,
                "previous_epoch": first.previous_epoch,
                "said_seq": first.previous_seq,
                "held_seq": previous.next_seq - 1 if previous else 0,
            },
            made_at=upload.at,
        )
    return stream


def _alarm(first: EpochRecord, *, previous: Stream | None, streams_known: Sequence[int]) -> ExceptionKind | None:
    """What is wrong with the predecessor an epoch names; its records are facts all the same."""
    if previous is None:
        return ExceptionKind.STREAM_RESTARTED if streams_known else None
    if previous.next_seq - 1 > first.previous_seq or first.previous_epoch in streams_known:
        return ExceptionKind.STREAM_FORKED
    if bytes(previous.head) != _hex(first.previous_head):
        return ExceptionKind.STREAM_FORKED
    return None


def _kept_head(stream: Stream, seq: int) -> bytes:
    """The chain after record `seq`, which is held. Equal heads mean equal records from the first on."""
    batch = Batch.objects.filter(stream=stream, first_seq__lte=seq).order_by("-first_seq")[:1].get()
    if batch.last_seq == seq:
        return bytes(batch.head_after)
    head, lines = stored_batch(bytes(batch.raw))
    return chain_all(_hex(head.head_before), lines[: seq - head.first_seq + 1])


def _keep_apart(upload: _Upload, kind: QuarantineKind, *, held: int) -> Ack:
    _quarantine(terminal=upload.terminal, data=upload.data, kind=kind, at=upload.at, head=upload.head)
    return Ack("quarantined", upload.head.epoch, held)


@transaction.atomic
def _quarantine(
    *,
    terminal: Terminal,
    data: bytes,
    kind: QuarantineKind,
    at: datetime,
    head: BatchHead | None = None,
    detail: str = "",
) -> None:
    """Keep the bytes once, however often they come, and no more than QUARANTINE_LIMIT open ones of a terminal."""
    digest = blake2b(data, digest_size=32).digest()
    known = QuarantinedBatch.objects.filter(terminal=terminal, digest=digest)
    if known.update(times=F("times") + 1):
        return
    if QuarantinedBatch.objects.filter(terminal=terminal, resolved_at__isnull=True).count() >= QUARANTINE_LIMIT:
        return
    QuarantinedBatch.objects.bulk_create(
        [
            QuarantinedBatch(
                terminal=terminal,
                kind=kind,
                detail=detail[:DETAIL_LENGTH_MAX],
                epoch=head.epoch if head else None,
                first_seq=head.first_seq if head else None,
                digest=digest,
                raw=data,
                received_at=at,
            )
        ],
        ignore_conflicts=True,
    )


def _signed_by(terminal: Terminal, data: bytes) -> bool:
    if not data.startswith(BATCH_MAGIC):
        return False
    start = len(BATCH_MAGIC) + SIGNATURE_BYTES
    signature = data[len(BATCH_MAGIC) : start]
    keys = [key for key in (terminal.public_key, terminal.next_public_key) if key]
    return any(
        verifies(public=bytes.fromhex(key), domain=BATCH_DOMAIN, message=data[start:], signature=signature)
        for key in keys
    )


def _hex(text: str) -> bytes:
    """The 32 bytes of a head; anything else is a head that equals no other."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
