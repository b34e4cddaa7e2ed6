"""Private keys in process memory: opened once, then kept, since opening and expanding cost more than signing.

An entry is named by its row and its sealed bytes, so that a re-sealed key is opened anew and an altered row
never meets an old entry.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from devices.core.signing import SigningKey
from ecard.codes.errors import SealBroken
from ecard.codes.models import IssuerKey, KeyRole
from ecard.codes.vault import open_secret

KEPT = 32


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key that can sign. `sealing_key` and `id_key` are empty for any role but codes."""

    role: KeyRole
    key_id: int
    signer: SigningKey = field(repr=False)
    sealing_key: bytes = field(repr=False)
    id_key: bytes = field(repr=False)


_kept: OrderedDict[tuple[int, bytes], OpenKey] = OrderedDict()
_lock = threading.Lock()


def open_key(row: IssuerKey) -> OpenKey:
    """The private parts of a key. Raises SealBroken, also where the seed is not the public key's."""
    name = (row.pk, bytes(row.sealed_seed))
    with _lock:
        found = _kept.get(name)
        if found is not None:
            _kept.move_to_end(name)
            return found
    opened = _open(row)
    with _lock:
        _kept[name] = opened
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return opened


def forget() -> None:
    """Drop every key from memory."""
    with _lock:
        _kept.clear()


def _open(row: IssuerKey) -> OpenKey:
    signer = SigningKey(open_secret(row.sealed_seed, role=row.role, key_id=row.key_id, part="seed"))
    if signer.public.hex() != row.public:
        raise SealBroken(f"{row.role} key {row.key_id}: the public key is not the seed's")
    sealing_key = id_key = b""
    if row.sealed_sealing_key is not None and row.sealed_id_key is not None:
        sealing_key = open_secret(row.sealed_sealing_key, role=row.role, key_id=row.key_id, part="sealing")
        id_key = open_secret(row.sealed_id_key, role=row.role, key_id=row.key_id, part="id")
    return OpenKey(KeyRole(row.role), row.key_id, signer, sealing_key, id_key)
