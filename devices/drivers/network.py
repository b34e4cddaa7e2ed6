"""The way to the server: one request at a time, an answer or a reason why there is none."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status; header names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}


class NoAnswer(Exception):
    """No whole answer came: the line, a relay or the server, never the caller. `args[0]` says what happened."""


class Transport(Protocol):
    """Carries a request; limits on time and size are its own."""

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        """`target` is a path with its query. Raises NoAnswer, also where the answer passes `limit_bytes`."""
        ...

    def close(self) -> None:
        """Give back sockets."""
        ...
