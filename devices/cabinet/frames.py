"""Bytes on the line to messages and back; no input or output of its own.

7E | version, type, sequence, length, payload, CRC-16 — everything after the start byte escaped, so that 7E is nowhere
else: whoever loses the thread finds it at the next 7E, and no frame can hide inside another.
"""

import msgspec

from devices.cabinet.messages import TYPES, Error, Message, PayloadError, Wrong, pack, unpack
from devices.core.checksum import crc16

VERSION = 1
START, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
HEAD_BYTES, CRC_BYTES = 4, 2
MAX_PAYLOAD = 240
_UNFIT = frozenset((START, ESCAPE))


class Received(msgspec.Struct, frozen=True):
    """A message that arrived whole."""

    sequence: int
    message: Message


class Unread(msgspec.Struct, frozen=True):
    """A frame that arrived whole and is not understood: answered with an Error."""

    sequence: int
    wrong: Wrong


def frame(kind: int, sequence: int, payload: bytes, *, version: int = VERSION) -> bytes:
    """One frame as it goes on the line."""
    if len(payload) > MAX_PAYLOAD:
        raise PayloadError(f"a payload is at most {MAX_PAYLOAD} bytes")
    body = bytes([version, kind, sequence, len(payload)]) + payload
    body += crc16(body).to_bytes(CRC_BYTES, "big")
    escaped = bytearray([START])
    for byte in body:
        escaped += bytes([ESCAPE, byte ^ FLIP]) if byte in _UNFIT else bytes([byte])
    return bytes(escaped)


def encode(message: Message, *, sequence: int) -> bytes:
    """A message as it goes on the line. Raises PayloadError."""
    return frame(TYPES[type(message)], sequence, pack(message))


class Frames:
    """Fed with whatever the line gives; yields the frames that are whole. Damaged ones leave no trace but `damaged`."""

    def __init__(self) -> None:
        self.damaged = 0
        self._body: bytearray | None = None
        self._escaped = False

    def feed(self, data: bytes) -> list[Received | Unread]:
        """What has become whole with these bytes, in order."""
        found: list[Received | Unread] = []
        for byte in data:
            whole = self._take(byte)
            each = read(whole) if whole is not None else None
            if each is not None:
                found.append(each)
        return found

    def _take(self, byte: int) -> bytes | None:
        if byte == START:
            self.damaged += self._body is not None
            self._body, self._escaped = bytearray(), False
            return None
        body = self._body
        if body is None:
            return None
        if byte == ESCAPE:
            if self._escaped:
                self._drop()
            self._escaped = True
            return None
        if self._escaped:
            self._escaped = False
            if byte ^ FLIP not in _UNFIT:
                self._drop()
                return None
            byte ^= FLIP
        body.append(byte)
        return self._whole(body)

    def _whole(self, body: bytearray) -> bytes | None:
        if len(body) < HEAD_BYTES:
            return None
        length = body[3]
        if length > MAX_PAYLOAD:
            self._drop()
            return None
        if len(body) < HEAD_BYTES + length + CRC_BYTES:
            return None
        whole, self._body = bytes(body), None
        if crc16(whole[:-CRC_BYTES]) != int.from_bytes(whole[-CRC_BYTES:], "big"):
            self.damaged += 1
            return None
        return whole

    def _drop(self) -> None:
        self.damaged += 1
        self._body, self._escaped = None, False


def read(whole: bytes) -> Received | Unread | None:
    """A frame without its start byte and escapes, its checksum already held good.

    None for an Error that is not understood: two sides of other versions would answer each other's without end.
    """
    version, kind, sequence = whole[0], whole[1], whole[2]
    wrong = Wrong.VERSION
    if version == VERSION:
        try:
            return Received(sequence, unpack(kind, whole[HEAD_BYTES:-CRC_BYTES]))
        except KeyError:
            wrong = Wrong.TYPE
        except PayloadError:
            wrong = Wrong.PAYLOAD
    return Unread(sequence, wrong) if kind != TYPES[Error] else None
