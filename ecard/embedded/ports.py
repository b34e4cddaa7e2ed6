"""Ports of this machine."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ATTEMPTS = 50
ANY_FROM, ANY_BELOW = 10_000, 32_000
"""Below where systems take the ports of outgoing connections from."""
PROMISE_S = 300.0
"""Longer than anything here takes from choosing its ports to listening on the last of them."""


def free_port(
    preferred: int, *, host: str = "127.0.0.1", reserved: frozenset[int] = frozenset(), datagrams: bool = False
) -> int:
    """`preferred` where nobody listens there, else the next free one above it, else any.

    The caller compares and tells the user when the port is another than usual. `reserved` are
    ports already promised to a process that does not listen yet. With `datagrams`, one of UDP.
    """
    for port in range(preferred, min(preferred + ATTEMPTS, 65_536)):
        if port not in reserved and _is_free(host, port, datagrams=datagrams):
            return port
    return any_port(host=host, reserved=reserved, datagrams=datagrams)


def any_port(*, host: str = "127.0.0.1", reserved: frozenset[int] = frozenset(), datagrams: bool = False) -> int:
    """A free port drawn at random, and not given again for a while: whoever asked may listen there only later."""
    with _promises() as promised:
        while True:
            port = ANY_FROM + secrets.randbelow(ANY_BELOW - ANY_FROM)
            if port not in reserved and port not in promised and _is_free(host, port, datagrams=datagrams):
                promised[port] = time.time()
                return port


@contextlib.contextmanager
def _promises() -> Iterator[dict[int, float]]:
    """When each port was promised lately, to any process of this user; what is added is kept."""
    name = Path(tempfile.gettempdir()) / f"ecard-ports-{os.getuid()}.json"
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        held = _read(file.read())
        yield held
        file.seek(0)
        file.truncate()
        json.dump(held, file)


def _read(text: str) -> dict[int, float]:
    """A file cut short by a crash holds no promise."""
    now = time.time()
    try:
        return {int(port): at for port, at in json.loads(text or "{}").items() if 0 <= now - at < PROMISE_S}
    except ValueError:
        return {}


def _is_free(host: str, port: int, *, datagrams: bool) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM) as probe:
        if not datagrams:
            # As servers do: a port in TIME_WAIT is free, one with a listener is not.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
