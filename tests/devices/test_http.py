"""HTTP with a limit on everything, against a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from devices.drivers.network import NoAnswer
from devices.sync.http import HttpTransport

Reply = Callable[[socket.socket], None]
PATIENT_S = 20.0


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], str]]:
    """Answer one connection as told."""
    listeners: list[socket.socket] = []

    def start(reply: Reply) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def work() -> None:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                reply(connection)

        threading.Thread(target=work, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.close()


def _send(data: bytes) -> Reply:
    return lambda connection: connection.sendall(data)


def _fetch(url: str, *, limit_bytes: int = 1000, silence_s: float = PATIENT_S) -> tuple[int, bytes]:
    transport = HttpTransport(url, connect_s=PATIENT_S, silence_s=silence_s)
    try:
        answer = transport.request("GET", "/api?x=1", body=b"", headers={}, limit_bytes=limit_bytes)
        return answer.status, answer.body
    finally:
        transport.close()


def test_an_answer_comes_with_its_status_whatever_that_is(serve: Callable[[Reply], str]) -> None:
    assert _fetch(serve(_send(b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\nhi"))) == (418, b"hi")


def _stay(seconds: float) -> None:
    threading.Event().wait(seconds)


def _half_close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    _stay(0.2)


BAD: dict[str, Reply] = {
    "closed at once": lambda connection: connection.close(),
    "half a head": _send(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": _send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"),
    "no HTTP": _send(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "larger than allowed": _send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + bytes(5000)),
    "silence": lambda _: _stay(1.5),
    "half closed": _half_close,
}


@pytest.mark.parametrize("name", BAD)
def test_anything_less_than_a_whole_answer_is_no_answer(serve: Callable[[Reply], str], name: str) -> None:
    with pytest.raises(NoAnswer):
        _fetch(serve(BAD[name]), silence_s=0.5)


def test_nobody_listening_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(NoAnswer):
        _fetch(url)
