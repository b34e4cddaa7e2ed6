"""What terminal and server say to each other over HTTP; each signed message is magic + signature + zlib(lines).

The first line is a JSON head, further lines follow after newlines. Signatures cover domain + the compressed bytes,
so nothing is inflated before it is known who sent it.
"""

import zlib
from collections.abc import Sequence as Items
from hashlib import blake2b
from typing import Annotated, Literal, TypeVar

import msgspec

from devices.core.accept import Denial
from devices.core.catalogue import Catalogue
from devices.core.funds import PersonRow
from devices.core.journal import Epoch, Facts, Sequence
from devices.core.quote import Line, Person, Quote
from devices.core.signing import (
    AUTHORISED_DOMAIN,
    BATCH_DOMAIN,
    REQUEST_DOMAIN,
    SIGNATURE_BYTES,
    SNAPSHOT_DOMAIN,
    SigningKey,
    verifies,
)
from devices.core.wire import MALFORMED

BATCH_MAGIC = b"ECB1"
SNAPSHOT_MAGIC = b"ECS1"
AUTHORISED_MAGIC = b"ECA1"
MAX_BATCH_RECORDS = 500
MAX_BATCH_BYTES = 2 * 1024 * 1024
MAX_BATCH_INFLATED_BYTES = 10 * 1024 * 1024
MAX_SNAPSHOT_BYTES = 32 * 1024 * 1024
MAX_SNAPSHOT_INFLATED_BYTES = 128 * 1024 * 1024
MAX_SNAPSHOT_ROWS = 1_000_000
MAX_AUTHORISE_BYTES = 32 * 1024
MAX_AUTHORISED_BYTES = 64 * 1024

T = TypeVar("T")
Mode = Literal["fixed", "typed", "products", "identity", "pass"]
"""What a terminal asks for: one price, an amount, a basket, nothing (whoever may eat is let in), or the way through."""
DeviceKind = Literal["canteen", "weighing", "gate", "bus", "cabinet"]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class MessageError(ValueError):
    """Bytes that are not the message they should be, or not signed by whom they should be: the sender's fault."""


class SignedPolicy(msgspec.Struct, frozen=True, array_like=True):
    """An encoded policy and the snapshot-and-policy key's signature over POLICY_DOMAIN + it."""

    key_id: int
    signature: bytes
    body: bytes


class BatchHead(msgspec.Struct, frozen=True):
    """A run of contiguous records of one epoch. Heads are the chain before the first and after the last record."""

    terminal: int
    epoch: Epoch
    first_seq: Sequence
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_BATCH_RECORDS)]
    head_before: Hex32
    head_after: Hex32


class Ack(msgspec.Struct, frozen=True, omit_defaults=True):
    """The server's word on a batch: it durably holds `epoch` up to `acknowledged`, so upload goes on after it.

    accepted: stored; repeat: had it already; gap: send from `acknowledged` + 1 of this epoch, or of `need_epoch`
    first when an earlier epoch is missing; quarantined: kept apart, nothing of it posts
    unless a person admits it.
    """

    status: Literal["accepted", "repeat", "gap", "quarantined"]
    epoch: int
    acknowledged: int
    need_epoch: int = 0


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """An HTTP 4xx body: a stable `error` word, a sentence for a log, and the server's time for a wrong clock."""

    error: str
    detail: str = ""
    server_time_ms: int = 0


class EnrolRequest(msgspec.Struct, frozen=True):
    """Sent once, unsigned: the typed or scanned one-time code and the device's new public key (hex)."""

    code: Annotated[str, msgspec.Meta(max_length=64)]
    public: Hex32
    software: Annotated[str, msgspec.Meta(max_length=64)]


class Enrolled(msgspec.Struct, frozen=True):
    """What a terminal keeps for ever: its number, its institution, and the root key it now pins (hex)."""

    terminal: int
    institution: str
    root_public: Hex32
    server_time_ms: int


class KeysAnswer(msgspec.Struct, frozen=True):
    """Base64 of the root-signed key list, and of a libsodium sealed box to the device's key (converted to X25519)
    whose plaintext is JSON {code key id: 32-byte sealing key in hex}.
    """

    key_list: bytes
    sealing_box: bytes
    server_time_ms: int
    card_box: bytes = b""
    """A sealed box of the 32-byte key under which card numbers are hashed (`core.card`)."""


class PostedThrough(msgspec.Struct, frozen=True, array_like=True):
    """All sales of this terminal's epoch up to `seq` are in the snapshot's funds."""

    epoch: int
    seq: int


class Supervisor(msgspec.Struct, frozen=True, array_like=True):
    """Who may open the supervisor's menu; `pin_hash` is of the PIN under `salt` (`core.pin`), both hex."""

    id: int
    name: str
    salt: str
    pin_hash: str


class Peer(msgspec.Struct, frozen=True, array_like=True):
    """Another terminal of the site: its number, its Ed25519 public key in hex, and what the snapshot has of its sales.

    Each one's `posted` stands beside it: no terminal can speak for another's epochs.
    """

    terminal: int
    public: Hex32
    posted: tuple[PostedThrough, ...] = ()


class Parameters(msgspec.Struct, frozen=True, omit_defaults=True):
    """Settings of one terminal.

    `journal` is the newest journal format that the server reads. `groups` may pass a gate, () for everybody. Above
    `floor_minor` a connected terminal asks the server first; None: never. `claim_wait_ms` is how long a sale waits for
    a neighbour's objection, 0 for not at all.
    """

    name: str
    outlet_name_zh: str
    outlet_name_en: str
    site: int
    outlet: int
    zone: str
    day_starts_min: int
    mode: Mode = "typed"
    fixed_minor: int = 0
    sync_every_s: int = 5
    languages: tuple[str, ...] = ("zh", "en")
    device: DeviceKind = "canteen"
    journal: int = 1
    line: str = ""
    stops: tuple[str, ...] = ()
    direction: Literal["in", "out", "both"] = "both"
    anti_passback: bool = False
    groups: tuple[int, ...] = ()
    per_kg_minor: int = 0
    floor_minor: int | None = None
    claim_wait_ms: int = 0
    supervisors: tuple[Supervisor, ...] = ()


class SnapshotHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cursor is (generation, number). `base` 0 is a full load; else the rows are the changes after `base`.

    `denials` is the whole deny list each time. `catalogue` is whole where there is one; a full load always has it,
    and a delta without one leaves what the terminal holds.
    """

    terminal: int
    generation: int
    number: int
    base: int
    made_s: int
    people: int
    policies: tuple[SignedPolicy, ...]
    denials: tuple[Denial, ...]
    posted_through: tuple[PostedThrough, ...]
    parameters: Parameters
    key_list_number: int
    catalogue: Catalogue | None = None
    peers: tuple[Peer, ...] = ()


class Authorise(msgspec.Struct, frozen=True, omit_defaults=True):
    """POST /authorise: may this presentation pay for this basket? (terminal, epoch, seq) names the hold; asked again
    under the same key, the server answers the same, or, for another presentation or basket, drops the first hold.
    """

    epoch: Epoch
    seq: Sequence
    at_ms: int
    policy: int
    evidence: Annotated[str, msgspec.Meta(max_length=1024)]
    basket: tuple[Line, ...]
    facts: Facts | None = None


class Authorised(msgspec.Struct, frozen=True, omit_defaults=True):
    """The server's word: the person as it knows them, for `evaluate` here; the quote that it evaluated and, where that
    approves, holds until `lapses_at_ms`. A terminal whose own quote is another one goes by its offline rules.
    """

    person: Person
    quote: Quote
    lapses_at_ms: int = 0


def seal_batch(head: BatchHead, lines: Items[bytes], *, device: SigningKey) -> bytes:
    """The upload's body."""
    packed = zlib.compress(b"\n".join([msgspec.json.encode(head), *lines]), 6)
    return BATCH_MAGIC + device.sign(BATCH_DOMAIN, packed) + packed


def open_batch(data: bytes, *, device_public: bytes) -> tuple[BatchHead, list[bytes]]:
    """Verify and split an upload. Raises MessageError; checks form and count, not the chain."""
    if len(data) > MAX_BATCH_BYTES:
        raise MessageError(f"a batch is at most {MAX_BATCH_BYTES} bytes")
    packed = _signed_part(data, BATCH_MAGIC, BATCH_DOMAIN, device_public)
    first, lines = _split(packed, MAX_BATCH_INFLATED_BYTES, most_lines=MAX_BATCH_RECORDS)
    head = _decode(first, BatchHead)
    if len(lines) != head.count:
        raise MessageError(f"the head says {head.count} records, there are {len(lines)}")
    return head, lines


def stored_lines(data: bytes) -> list[bytes]:
    """The record lines of a batch that was verified when it was received."""
    packed = data[len(BATCH_MAGIC) + SIGNATURE_BYTES :]
    return _split(packed, MAX_BATCH_INFLATED_BYTES, most_lines=MAX_BATCH_RECORDS)[1]


def stored_batch(data: bytes) -> tuple[BatchHead, list[bytes]]:
    """Head and lines of such a batch."""
    packed = data[len(BATCH_MAGIC) + SIGNATURE_BYTES :]
    first, lines = _split(packed, MAX_BATCH_INFLATED_BYTES, most_lines=MAX_BATCH_RECORDS)
    return _decode(first, BatchHead), lines


def seal_snapshot(head: SnapshotHead, rows: Items[bytes], *, key_id: int, signer: SigningKey) -> bytes:
    """A snapshot: rows are encoded PersonRows."""
    packed = zlib.compress(b"\n".join([msgspec.json.encode(head), *rows]), 3)
    return SNAPSHOT_MAGIC + bytes([key_id]) + signer.sign(SNAPSHOT_DOMAIN, packed) + packed


def snapshot_key_id(data: bytes) -> int:
    """Which snapshot key the message claims; find it in the key list, role SNAPSHOT."""
    if len(data) < 69 or data[:4] != SNAPSHOT_MAGIC:
        raise MessageError("not a snapshot")
    return data[4]


def open_snapshot(data: bytes, *, public: bytes) -> tuple[SnapshotHead, list[bytes]]:
    """Verify and split a snapshot; decode each row with `decode_row` while storing it. Raises MessageError."""
    key_id = snapshot_key_id(data)
    packed = _signed_part(data, SNAPSHOT_MAGIC + bytes([key_id]), SNAPSHOT_DOMAIN, public)
    first, lines = _split(packed, MAX_SNAPSHOT_INFLATED_BYTES, most_lines=MAX_SNAPSHOT_ROWS)
    head = _decode(first, SnapshotHead)
    if len(lines) != head.people:
        raise MessageError("rows are missing from the snapshot")
    return head, lines


def seal_authorised(answer: Authorised, *, asked: bytes, key_id: int, signer: SigningKey) -> bytes:
    """The answer to the request body `asked`; the signature covers both, so it answers no other question."""
    plain = msgspec.json.encode(answer)
    message = blake2b(asked, digest_size=32).digest() + plain
    return AUTHORISED_MAGIC + bytes([key_id]) + signer.sign(AUTHORISED_DOMAIN, message) + plain


def authorised_key_id(data: bytes) -> int:
    """Which snapshot key the answer claims. Raises MessageError."""
    if len(data) < 69 or data[:4] != AUTHORISED_MAGIC:
        raise MessageError("not an authorisation")
    return data[4]


def open_authorised(data: bytes, *, asked: bytes, public: bytes) -> Authorised:
    """Verify and read the answer to `asked`. Raises MessageError."""
    authorised_key_id(data)
    start = len(AUTHORISED_MAGIC) + 1
    signature, plain = data[start : start + SIGNATURE_BYTES], data[start + SIGNATURE_BYTES :]
    message = blake2b(asked, digest_size=32).digest() + plain
    if not verifies(public=public, domain=AUTHORISED_DOMAIN, message=message, signature=signature):
        raise MessageError("the signature does not hold")
    return _decode(plain, Authorised)


encode_row = msgspec.json.Encoder().encode
decode_row = msgspec.json.Decoder(PersonRow).decode


def request_header(*, terminal: int, method: str, target: str, body: bytes, at_ms: int, device: SigningKey) -> str:
    """The Authorization header of a terminal's request; `target` is the path with its query."""
    message = request_message(method=method, target=target, body=body, at_ms=at_ms)
    return f"Ecard-Terminal {terminal}.{at_ms}.{device.sign(REQUEST_DOMAIN, message).hex()}"


def request_message(*, method: str, target: str, body: bytes, at_ms: int) -> bytes:
    """What the request's signature covers."""
    digest = blake2b(body, digest_size=32).hexdigest()
    return f"{method}\n{target}\n{at_ms}\n{digest}".encode()


def _signed_part(data: bytes, magic: bytes, domain: bytes, public: bytes) -> bytes:
    start = len(magic) + SIGNATURE_BYTES
    if data[: len(magic)] != magic or len(data) <= start:
        raise MessageError("wrong magic or too short")
    packed = data[start:]
    if not verifies(public=public, domain=domain, message=packed, signature=data[len(magic) : start]):
        raise MessageError("the signature does not hold")
    return packed


def _split(packed: bytes, limit_bytes: int, *, most_lines: int) -> tuple[bytes, list[bytes]]:
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(packed, limit_bytes)
    except zlib.error as error:
        raise MessageError("does not inflate") from error
    if not unpacker.eof or unpacker.unused_data:
        raise MessageError("truncated, trailed by other bytes, or larger than allowed when inflated")
    if plain.count(b"\n") > most_lines:
        raise MessageError(f"at most {most_lines} lines follow the head")
    first, *lines = plain.split(b"\n")
    return first, lines


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except MALFORMED as error:
        raise MessageError(str(error)) from error
