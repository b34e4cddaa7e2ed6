"""The root's private key in a file outside the database, under a passphrase. Needs no settings, database or network.

The file is JSON: the public key in clear, the seed in a secret box whose key is Argon2id of the passphrase.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
from nacl import pwhash
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox
from nacl.utils import random

from devices.core.code import prefix_for
from devices.core.keys import MAX_BYTES, KeyList, sign_body
from devices.core.signing import SEED_BYTES, SigningKey
from devices.core.wire import MALFORMED
from ecard.codes.errors import RootFileError

FORMAT = "ecard-root-1"
PASSPHRASE_MIN = 10
FILE_MAX_BYTES = 4_096
MEMORY_MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at the passphrase costs: passes and bytes of memory for Argon2id."""

    passes: int = pwhash.argon2id.OPSLIMIT_MODERATE
    memory_bytes: int = pwhash.argon2id.MEMLIMIT_MODERATE


class RootFile(msgspec.Struct, frozen=True):
    """The file's content. `salt` and `box` are base64."""

    format: str
    institution: str
    public: str
    salt: bytes
    passes: int
    memory_bytes: int
    box: bytes


MODERATE = Cost()


def make_root(path: Path, *, institution: str, passphrase: str, cost: Cost = MODERATE) -> bytes:
    """Draw a root key and write its file (mode 0600); gives the public key. Never overwrites. Raises RootFileError."""
    prefix_for(institution)
    if len(passphrase) < PASSPHRASE_MIN:
        raise RootFileError(f"a passphrase has at least {PASSPHRASE_MIN} characters")
    seed = random(SEED_BYTES)
    salt = random(pwhash.argon2id.SALTBYTES)
    public = SigningKey(seed).public
    content = RootFile(
        format=FORMAT,
        institution=institution,
        public=public.hex(),
        salt=salt,
        passes=cost.passes,
        memory_bytes=cost.memory_bytes,
        box=bytes(_box(passphrase, salt, cost).encrypt(seed)),
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RootFileError(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    return public


def read_root(path: Path) -> RootFile:
    """The file without its secret. Raises RootFileError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(FILE_MAX_BYTES)
        content = msgspec.json.decode(data, type=RootFile)
    except (OSError, *MALFORMED) as error:
        raise RootFileError(f"{path} is not a root file: {error}") from error
    if content.format != FORMAT or not 0 < content.memory_bytes <= MEMORY_MAX_BYTES:
        raise RootFileError(f"{path} is not a root file of this release")
    return content


def open_root(path: Path, *, passphrase: str) -> SigningKey:
    """The root's signing key. Raises RootFileError for a wrong passphrase or a damaged file."""
    content = read_root(path)
    try:
        box = _box(passphrase, content.salt, Cost(content.passes, content.memory_bytes))
        root = SigningKey(box.decrypt(content.box))
    except (CryptoError, ValueError, TypeError) as error:
        raise RootFileError("the passphrase is wrong, or the root file is damaged") from error
    if root.public.hex() != content.public:
        raise RootFileError("the root file's public key is not its secret's")
    return root


def sign_draft(body: bytes, *, path: Path, passphrase: str) -> bytes:
    """Sign an exported draft as it stands. Raises RootFileError where it is no key list of this institution."""
    key_list = read_draft(body)
    if key_list.institution != read_root(path).institution:
        raise RootFileError("the draft is of another institution than this root")
    return sign_body(body, root=open_root(path, passphrase=passphrase))


def read_draft(body: bytes) -> KeyList:
    """An exported draft, for the eyes of whoever signs it. Raises RootFileError."""
    if len(body) > MAX_BYTES:
        raise RootFileError("the draft is too long for a key list")
    try:
        return msgspec.json.decode(body, type=KeyList)
    except MALFORMED as error:
        raise RootFileError(f"the draft is no key list: {error}") from error


def describe(key_list: KeyList) -> str:
    """What the root is about to vouch for, one line a key."""
    lines = [f"key list {key_list.number} of {key_list.institution}"]
    lines += [
        f"  {key.role.value:<9} {key.key_id:>3}  {key.public[:16]}…  {'REVOKED' if key.revoked else ''}".rstrip()
        for key in key_list.keys
    ]
    return "\n".join(lines)


def _box(passphrase: str, salt: bytes, cost: Cost) -> SecretBox:
    return SecretBox(
        pwhash.argon2id.kdf(
            SecretBox.KEY_SIZE, passphrase.encode(), salt, opslimit=cost.passes, memlimit=cost.memory_bytes
        )
    )
