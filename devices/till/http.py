"""The register's side over HTTP on this machine alone.

Web pages open on the same machine must not press it: they do not know the token, and what a browser adds of its own to
their requests (Origin, Sec-Fetch-Site, a host name bound to this address) is refused before the token is looked at.
"""

import socket
import threading
from pathlib import Path

from devices.drivers.extras import load
from devices.drivers.keyfile import read_or_make
from devices.drivers.randomness import Randomness
from devices.till.desk import Desk

HOST = "127.0.0.1"
TOKEN_FILE, TOKEN_BYTES = "till.token", 32
"""The file holds it in hex, as it is sent."""


def token_of(folder: Path, randomness: Randomness) -> str:
    """The shared secret, kept in the terminal's folder for its owner alone. Raises KeyFileError."""
    return read_or_make(folder / TOKEN_FILE, size_bytes=2 * TOKEN_BYTES, randomness=_Hex(randomness)).decode("ascii")


class _Hex:
    """Randomness that can be typed."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness

    def token(self, size_bytes: int) -> bytes:
        return self._randomness.token(size_bytes // 2).hex().encode()

    def fraction(self) -> float:
        return self._randomness.fraction()


class TillServer:
    """Serves in a thread; `port` 0 takes a free one. Raises MissingExtra, or OSError where the port is taken."""

    def __init__(self, desk: Desk, *, token: str, port: int) -> None:
        uvicorn = load("uvicorn", extra="http", needs="uvicorn")
        routes = load("devices.till.app", extra="http", needs="starlette")
        config = uvicorn.Config(
            routes.till_app(desk, token=token),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server((HOST, port))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="till", daemon=True
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End. May be repeated."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()
