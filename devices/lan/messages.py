"""What terminals of a site say to each other: UDP datagrams, sealed for the site and signed by the teller.

| offset | bytes | field |
|---|---|---|
| 0 | 4 | "ECL1" |
| 4 | 1 | the code key whose sealing key the site's key is made of |
| 5 | 24 | nonce |
| 29 | … | XChaCha20-Poly1305 under the site's key, the first five bytes as associated data |

Inside: terminal (4 bytes), its signature over LAN_DOMAIN + terminal + body (64), and the body: a JSON array of items.
A sale or a reversal is a fact named by (terminal, epoch, sequence). Each says after which fact of its epoch it comes
(`after`), so that a listener sees what it lacks, in whatever order the datagrams arrive. Passages and clearings of a
gate are facts of the same form in a chain of their own: tills neither ask for them nor keep them.

An item begins with its word; one whose word is not known is passed over, and the rest of the datagram counts. A release
that came before this rule passes over the whole datagram, so what it does not know goes in datagrams of its own.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from hashlib import blake2b
from typing import Annotated, get_args

import msgspec
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from devices.core.journal import MAX_SEQUENCE, Epoch, Moment, Sequence
from devices.core.quote import LocalDate
from devices.core.signing import (
    LAN_DOMAIN,
    LAN_KEY_DOMAIN,
    LAN_PASS_DOMAIN,
    SIGNATURE_BYTES,
    SigningKey,
    verifies,
)
from devices.core.wire import MALFORMED, Id, Positive, Whole
from devices.journal.spending import SPENT_WHOLE_MINOR, Spent

MAGIC = b"ECL1"
KEY_BYTES = 32
NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
TAG_BYTES = 16
MAX_DATAGRAM_BYTES = 1_200
MAX_ITEMS = 64
MAX_ENDS = 24
MAX_PARTS = 128

_CLEAR = struct.Struct(">4sB")
_TERMINAL = struct.Struct(">I")
_INSIDE_BYTES = _TERMINAL.size + SIGNATURE_BYTES
MAX_BODY_BYTES = MAX_DATAGRAM_BYTES - _CLEAR.size - NONCE_BYTES - TAG_BYTES - _INSIDE_BYTES

Code = Annotated[bytes, msgspec.Meta(max_length=8)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
After = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQUENCE)]
Amount = Annotated[int, msgspec.Meta(ge=0, le=SPENT_WHOLE_MINOR)]
Lots = Annotated[tuple[tuple[Positive, Amount], ...], msgspec.Meta(max_length=MAX_PARTS)]
Scopes = Annotated[tuple[tuple[Whole, Amount, Amount], ...], msgspec.Meta(max_length=MAX_PARTS)]


class NotOurs(ValueError):
    """A datagram of another site, damaged, or not signed by whom it names: it is passed over."""


class Told(msgspec.Struct, frozen=True, array_like=True, tag="told"):
    """A sale: what it takes of a person's funds and limits, and the code it used up (empty for a card)."""

    epoch: Epoch
    seq: Sequence
    after: After
    account_ref: Positive
    at_s: Seconds
    business_date: LocalDate
    period: Id
    total_minor: Amount
    purse_minor: Amount
    lots: Lots
    scopes: Scopes
    code: Code
    moment_s: Seconds

    def __post_init__(self) -> None:
        date.fromisoformat(self.business_date)

    @property
    def spent(self) -> Spent:
        """As the sums want it."""
        return Spent(
            self.epoch,
            self.seq,
            self.at_s,
            self.business_date,
            self.period,
            self.total_minor,
            self.purse_minor,
            self.lots,
            self.scopes,
        )


class Undone(msgspec.Struct, frozen=True, array_like=True, tag="undone"):
    """A reversal: the teller's sale of that epoch and sequence no longer counts. Its code stays used elsewhere."""

    epoch: Epoch
    seq: Sequence
    after: After
    of_epoch: Epoch
    of_seq: Sequence


class Claim(msgspec.Struct, frozen=True, array_like=True, tag="claim"):
    """The teller is about to take this code."""

    code: Code
    moment_s: Seconds
    at_s: Seconds


class Objection(msgspec.Struct, frozen=True, array_like=True, tag="object"):
    """`to` must not take this code: it was taken, or another claim goes before."""

    to: Positive
    code: Code
    moment_s: Seconds


class Have(msgspec.Struct, frozen=True, array_like=True, tag="have"):
    """The teller's epochs and the last fact of each; `asks` for the listener's own at once."""

    ends: Annotated[tuple[tuple[Epoch, Sequence], ...], msgspec.Meta(max_length=MAX_ENDS)]
    asks: bool = False


class Want(msgspec.Struct, frozen=True, array_like=True, tag="want"):
    """Tell me the facts of your epoch that follow `after`; answered with one datagram."""

    epoch: Epoch
    after: After


class Passed(msgspec.Struct, frozen=True, array_like=True, tag="passed"):
    """Somebody went through a gate of hall `outlet`; `code` is the `passing_name` of the one used, empty for a card."""

    epoch: Epoch
    seq: Sequence
    after: After
    outlet: Id
    account_ref: Positive
    at_ms: Moment
    business_date: LocalDate
    inwards: bool
    code: Code
    moment_s: Seconds

    def __post_init__(self) -> None:
        date.fromisoformat(self.business_date)


class Cleared(msgspec.Struct, frozen=True, array_like=True, tag="cleared"):
    """A supervisor let everybody into hall `outlet` again."""

    epoch: Epoch
    seq: Sequence
    after: After
    outlet: Id
    at_ms: Moment


class HavePassed(msgspec.Struct, frozen=True, array_like=True, tag="have_passed"):
    """The teller's epochs and the last passage or clearing of each."""

    ends: Annotated[tuple[tuple[Epoch, Sequence], ...], msgspec.Meta(max_length=MAX_ENDS)]


class WantPassed(msgspec.Struct, frozen=True, array_like=True, tag="want_passed"):
    """Tell me the passages and clearings of your epoch that follow `after`; answered with one datagram."""

    epoch: Epoch
    after: After


Fact = Told | Undone
PassageFact = Passed | Cleared
OfPassages = Passed | Cleared | HavePassed | WantPassed
"""What the first releases do not know."""
Item = Told | Undone | Claim | Objection | Have | Want | OfPassages

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Annotated[tuple[Item, ...], msgspec.Meta(max_length=MAX_ITEMS)])
_raw_items = msgspec.json.Decoder(Annotated[tuple[msgspec.Raw, ...], msgspec.Meta(max_length=MAX_ITEMS)])
_one = msgspec.json.Decoder(Item)
_WORDS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(Item))


class Sealed(msgspec.Struct, frozen=True):
    """A datagram of this site, opened; who signed it is not yet known."""

    terminal: int
    signature: bytes
    body: bytes


def site_key(sealing_key: bytes, *, site: int) -> bytes:
    """The key of a site's datagrams: whoever cannot read codes cannot read these."""
    return blake2b(LAN_KEY_DOMAIN + site.to_bytes(4, "big"), key=sealing_key, digest_size=KEY_BYTES).digest()


def passing_name(code_id: bytes, *, outlet: int) -> bytes:
    """What gates of a hall call a code: to claim it for a passage is nothing to the tills that sell for it."""
    return blake2b(LAN_PASS_DOMAIN + outlet.to_bytes(4, "big") + code_id, digest_size=8).digest()


def seal(items: Iterable[Item], *, terminal: int, signer: SigningKey, key_id: int, key: bytes, nonce: bytes) -> bytes:
    """One datagram. Raises ValueError where it would be too large; see `packed`."""
    body = _encode(tuple(items))
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"{len(body)} bytes do not fit a datagram")
    who, clear = _TERMINAL.pack(terminal), _CLEAR.pack(MAGIC, key_id)
    inside = who + signer.sign(LAN_DOMAIN, who + body) + body
    return clear + nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(inside, clear, nonce, key)


def unseal(data: bytes, *, keys: Mapping[int, bytes]) -> Sealed:
    """Raises NotOurs. Cheap: a stranger's flood ends here."""
    start = _CLEAR.size + NONCE_BYTES
    if not start + TAG_BYTES + _INSIDE_BYTES < len(data) <= MAX_DATAGRAM_BYTES or data[:4] != MAGIC:
        raise NotOurs("no datagram")
    key = keys.get(data[4])
    if key is None:
        raise NotOurs("sealed under a key that is not held")
    try:
        inside = crypto_aead_xchacha20poly1305_ietf_decrypt(data[start:], data[:5], data[5:start], key)
    except CryptoError as error:
        raise NotOurs("sealed for somebody else") from error
    (terminal,) = _TERMINAL.unpack_from(inside)
    return Sealed(terminal, inside[_TERMINAL.size : _INSIDE_BYTES], inside[_INSIDE_BYTES:])


def verified(sealed: Sealed, *, public: bytes) -> tuple[Item, ...]:
    """What the terminal said. Raises NotOurs."""
    message = _TERMINAL.pack(sealed.terminal) + sealed.body
    if not verifies(public=public, domain=LAN_DOMAIN, message=message, signature=sealed.signature):
        raise NotOurs("not signed by the terminal that it names")
    try:
        return _items(sealed.body)
    except MALFORMED as error:
        raise NotOurs(str(error)) from error


def _items(body: bytes) -> tuple[Item, ...]:
    """One by one only where that is needed: a word of a later release is passed over."""
    try:
        items: tuple[Item, ...] = _decoder.decode(body)
    except msgspec.ValidationError:
        items = tuple(_one.decode(raw) for raw in _raw_items.decode(body) if _word_of(raw) in _WORDS)
    return items


def _word_of(raw: msgspec.Raw) -> str:
    item = msgspec.json.decode(raw)
    if not isinstance(item, list) or not item or not isinstance(item[0], str):
        raise msgspec.ValidationError("an item is an array that begins with its word")
    return item[0]


def packed(items: Iterable[Item]) -> Iterator[list[Item]]:
    """In as many datagrams as are needed, in order; those of passages by themselves, after the others."""
    items = tuple(items)
    yield from _batches(each for each in items if not isinstance(each, OfPassages))
    yield from _batches(each for each in items if isinstance(each, OfPassages))


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = len(b"[]")
    for each in items:
        item = fitting(each)
        length = len(_encode(item)) + len(b",")
        if batch and (size + length > MAX_BODY_BYTES or len(batch) == MAX_ITEMS):
            yield batch
            batch, size = [], len(b"[]")
        batch.append(item)
        size += length
    if batch:
        yield batch


def fitting(item: Item) -> Item:
    """A sale of more benefits than a datagram holds goes without some: these count when the snapshot has the sale."""
    while isinstance(item, Told) and len(_encode(item)) + len(b"[],") > MAX_BODY_BYTES:
        if len(item.scopes) >= len(item.lots):
            item = msgspec.structs.replace(item, scopes=item.scopes[: len(item.scopes) // 2])
        else:
            item = msgspec.structs.replace(item, lots=item.lots[: len(item.lots) // 2])
    return item
