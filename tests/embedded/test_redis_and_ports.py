"""The broker and the ports."""

from __future__ import annotations

import os
import signal
import socket
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
            listener.bind(("127.0.0.1", port))


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
