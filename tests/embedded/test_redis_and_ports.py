"""The broker and the ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ecard.embedded import EmbeddedRedis, any_port, free_port


def test_a_busy_port_is_replaced_by_another() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        assert free_port(busy) != busy


def test_a_port_promised_to_another_is_not_given_twice() -> None:
    first = free_port(20_000)
    assert free_port(first, reserved=frozenset({first})) != first


def test_ports_drawn_at_random_are_free_and_never_the_same_twice() -> None:
    drawn: list[int] = []
    for _port in range(20):
        drawn.append(any_port(reserved=frozenset(drawn)))
    assert len(set(drawn)) == len(drawn)
    for port in drawn:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: it may be in TIME_WAIT
            listener.bind(("127.0.0.1", port))
            listener.listen()


def test_a_port_drawn_at_random_is_not_drawn_again_by_another_program_that_starts_at_the_same_time() -> None:
    draw = "from ecard.embedded import any_port; print(*[any_port() for _ in range(200)])"
    programs = [subprocess.Popen([sys.executable, "-c", draw], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    drawn = [port for each in programs for port in each.communicate()[0].split()]
    assert len(drawn) == 600
    assert len(set(drawn)) == 600


def test_a_record_of_promised_ports_that_was_cut_short_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"ecard-ports-{os.getuid()}.json").write_text('{"20000": 1')
    assert any_port() != any_port()


def test_redis_starts_elsewhere_where_its_port_was_taken_after_it_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        chosen = iter([taken.getsockname()[1], any_port()])
        monkeypatch.setattr("ecard.embedded.redis.free_port", lambda _preferred: next(chosen))
        with EmbeddedRedis(tmp_path, end_with_parent=True) as server, redis.Redis.from_url(server.url) as client:
            assert client.ping()


def test_redis_asks_for_its_password_and_is_gone_after_stop(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path, end_with_parent=True)
    server.start()
    url = server.url
    with redis.Redis.from_url(url) as client:
        assert client.ping()
        port = client.connection_pool.connection_kwargs["port"]
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    server.stop()
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0)) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_a_running_redis_is_taken_over_and_a_killed_one_replaced(tmp_path: Path) -> None:
    first = EmbeddedRedis(tmp_path, end_with_parent=True)
    first.start()
    second = EmbeddedRedis(tmp_path, end_with_parent=True)
    second.start()
    assert second.url == first.url
    with redis.Redis.from_url(first.url) as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)
    third = EmbeddedRedis(tmp_path, end_with_parent=True)
    third.start()
    with redis.Redis.from_url(third.url) as client:
        assert client.ping()
    third.stop()
    first.stop()
