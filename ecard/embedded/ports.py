"""Ports of this machine."""

from __future__ import annotations

import secrets
import socket

ATTEMPTS = 50
ANY_FROM, ANY_BELOW = 10_000, 32_000
"""Below where systems take the ports of outgoing connections from."""


def free_port(preferred: int, *, host: str = "127.0.0.1", reserved: frozenset[int] = frozenset()) -> int:
    """`preferred` where nobody listens there, else the next free one above it, else any.

    The caller compares and tells the user when the port is another than usual. `reserved` are
    ports already promised to a process that does not listen yet.
    """
    for port in range(preferred, min(preferred + ATTEMPTS, 65_536)):
        if port not in reserved and _is_free(host, port):
            return port
    return any_port(host=host, reserved=reserved)


def any_port(*, host: str = "127.0.0.1", reserved: frozenset[int] = frozenset()) -> int:
    """A free port drawn at random: two programs that choose at the same time hardly choose the same."""
    while True:
        port = ANY_FROM + secrets.randbelow(ANY_BELOW - ANY_FROM)
        if port not in reserved and _is_free(host, port):
            return port


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT is free, one with a listener is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
