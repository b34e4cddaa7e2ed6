"""Codes taken here, each row with a tag under the device's key: a damaged one is noticed, not believed."""

import struct

from devices.drivers.database import Connection
from devices.drivers.vault import Vault
from devices.journal.values import Presented

_ROW = struct.Struct(">16sqqq")
_NONE = -1


def last_moment_s(connection: Connection, vault: Vault, code_id: bytes) -> int | None:
    """The last moment accepted for this code id. Raises StorageError, ValueError for a damaged row."""
    row = _row(connection, vault, vault.name(code_id))
    return row[0] if row is not None else None


def take(connection: Connection, vault: Vault, presented: Presented) -> None:
    """Remember a moment, and the one before it for a reversal. Raises StorageError or ValueError."""
    name = vault.name(presented.code_id)
    row = _row(connection, vault, name)
    _put(connection, vault, name, presented.moment_s, row[0] if row is not None else None, presented.forget_s)


def give_back(connection: Connection, vault: Vault, *, code_id: bytes, moment_s: int) -> None:
    """As if this moment had not been taken; a later one stays. Raises StorageError or ValueError."""
    name = vault.name(code_id)
    row = _row(connection, vault, name)
    if row is None or row[0] != moment_s:
        return
    if row[1] is None:
        connection.execute("DELETE FROM presented WHERE code = ?", (name,))
    else:
        _put(connection, vault, name, row[1], None, row[2])


def check_all(connection: Connection, vault: Vault) -> None:
    """Raises StorageError, or ValueError where any row is damaged."""
    for name, moment_s, before_s, forget_s, tag in connection.execute(_ALL):
        if tag != _tag(vault, name, moment_s, before_s, forget_s):
            raise ValueError("what is known of codes taken is damaged")


def tag_all(connection: Connection, vault: Vault) -> None:
    """For a file whose rows have no tags yet. Raises StorageError."""
    for name, moment_s, before_s, forget_s, _ in connection.execute(_ALL).fetchall():
        _put(connection, vault, name, moment_s, before_s, forget_s)


def _row(connection: Connection, vault: Vault, name: bytes) -> tuple[int, int | None, int] | None:
    row = connection.execute(_ONE, (name,)).fetchone()
    if row is None:
        return None
    moment_s, before_s, forget_s, tag = row
    if tag != _tag(vault, name, moment_s, before_s, forget_s):
        raise ValueError("what is known of a code taken is damaged")
    return moment_s, before_s, forget_s


def _put(connection: Connection, vault: Vault, name: bytes, moment_s: int, before_s: int | None, forget_s: int) -> None:
    tag = _tag(vault, name, moment_s, before_s, forget_s)
    connection.execute(_PUT, (name, moment_s, before_s, forget_s, tag))


def _tag(vault: Vault, name: bytes, moment_s: int, before_s: int | None, forget_s: int) -> bytes:
    try:
        return vault.name(b"taken" + _ROW.pack(name, moment_s, _NONE if before_s is None else before_s, forget_s))
    except (struct.error, TypeError) as error:
        raise ValueError("what is known of a code taken is damaged") from error


_ALL = "SELECT code, moment_s, before_s, forget_s, tag FROM presented"
_ONE = "SELECT moment_s, before_s, forget_s, tag FROM presented WHERE code = ?"
_PUT = "REPLACE INTO presented (code, moment_s, before_s, forget_s, tag) VALUES (?, ?, ?, ?, ?)"
