"""The supervisor: what a killed parent, a killed server and a second start leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from ecard.embedded import EmbeddedPostgres, EngineError, processes, roles
from ecard.embedded import place as places
from ecard.embedded import postgres as postgres_module
from ecard.settings.env import database_settings

PARENT = """
import pathlib, sys, time
from ecard.embedded import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), shared_buffers="16MB", end_with_parent=sys.argv[2] == "ends")
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""
REPOSITORY = Path(__file__).resolve().parents[2]


def _cluster(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, shared_buffers="16MB", end_with_parent=True)


@contextlib.contextmanager
def _parent(folder: Path, mode: str) -> Iterator[int]:
    """Another process that started the server, killed at the end; gives the server's process id."""
    command = [sys.executable, "-c", PARENT, str(folder), mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as parent:
        try:
            assert parent.stdout is not None
            yield int(parent.stdout.readline())
        finally:
            parent.kill()


def _write_row(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.owner_url) as session:
        session.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
    with psycopg.connect(server.app_url) as session:
        session.execute("INSERT INTO kept VALUES (7)")


def _rows(server: EmbeddedPostgres) -> list[int]:
    with psycopg.connect(server.app_url) as session:
        return [row[0] for row in session.execute("SELECT value FROM kept")]


def test_data_is_kept_between_starts(cluster_folder: Path) -> None:
    server = _cluster(cluster_folder)
    server.start()
    _write_row(server)
    server.stop()
    assert server.pid is None
    with _cluster(cluster_folder) as again:
        assert _rows(again) == [7]


def test_a_server_left_by_a_killed_parent_is_taken_over(cluster_folder: Path) -> None:
    with _parent(cluster_folder, "stays") as pid:
        pass
    server = _cluster(cluster_folder)
    server.start()
    assert server.pid == pid
    _write_row(server)
    server.stop()
    assert not processes.is_running(pid)


def test_a_server_told_to_end_with_its_parent_does_so(cluster_folder: Path) -> None:
    with _parent(cluster_folder, "ends") as pid:
        pass
    assert processes.wait_until_gone({pid}, timeout_s=30)


def test_a_killed_server_recovers_what_was_committed(cluster_folder: Path) -> None:
    with _parent(cluster_folder, "stays") as pid:
        server = _cluster(cluster_folder)
        server.start()
        _write_row(server)
        # Its parent lives and does not reap it: a dead process still in the table must not count.
        os.kill(pid, signal.SIGKILL)
        with _cluster(cluster_folder) as again:
            assert again.pid != pid
            assert _rows(again) == [7]


def test_a_server_that_dies_as_it_is_found_running_is_started_anew(
    cluster_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = EmbeddedPostgres._running_postmaster

    def look_and_die(server: EmbeddedPostgres) -> int | None:
        found = looked(server)
        if found is not None:
            os.kill(found, signal.SIGKILL)
            assert processes.wait_until_gone({found}, timeout_s=30)
        return found

    with _parent(cluster_folder, "stays") as pid:
        server = _cluster(cluster_folder)
        server.start()
        _write_row(server)
        monkeypatch.setattr(EmbeddedPostgres, "_running_postmaster", look_and_die)
        with _cluster(cluster_folder) as again:
            assert again.pid != pid
            assert _rows(again) == [7]


def test_a_server_that_dies_before_it_has_its_database_is_started_anew(
    cluster_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, server, died = roles.make_database, _cluster(cluster_folder), set[int]()

    def make_or_die(session: psycopg.Connection[object], name: str) -> None:
        if not died and server.pid is not None:
            died.add(server.pid)
            os.kill(server.pid, signal.SIGKILL)
            assert processes.wait_until_gone(died, timeout_s=30)
        make(session, name)

    monkeypatch.setattr(roles, "make_database", make_or_die)
    with server:
        assert died
        assert server.pid not in died
        _write_row(server)


def test_two_first_starts_at_once_share_one_server(cluster_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, sweep = threading.Barrier(2), places._sweep

    def sweep_together(folder: Path, key: str) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)  # seconds, after which the other one is known to wait for the lock
        sweep(folder, key)

    monkeypatch.setattr(places, "_sweep", sweep_together)
    servers = [EmbeddedPostgres(cluster_folder, shared_buffers="16MB") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(EmbeddedPostgres.start, servers))
    assert servers[0].pid == servers[1].pid
    for server in servers:
        server.stop()


def test_a_start_cut_short_leaves_no_server_behind(cluster_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with _cluster(cluster_folder):
        pass
    server = EmbeddedPostgres(cluster_folder, shared_buffers="16MB", end_with_parent=True, start_timeout_s=0.1)
    monkeypatch.setattr(EmbeddedPostgres, "_noted_postmaster", lambda _server: None)  # it has not come to its note
    with pytest.raises(EngineError, match="not up"):
        server.start()
    launched = server._process
    assert launched is not None
    server.stop()
    assert not processes.is_running(launched.pid)


def test_a_killed_servers_open_connections_do_not_stop_the_next_start(
    cluster_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal_at_once = processes.signal_quietly

    def signal_late(pid: int, number: signal.Signals) -> None:
        """A busy machine ends what was killed a moment later."""
        threading.Timer(1.0 if number is signal.SIGKILL else 0.0, signal_at_once, (pid, number)).start()

    monkeypatch.setattr(postgres_module, "LEFTOVER_WAIT_S", 0.3)
    monkeypatch.setattr(processes, "signal_quietly", signal_late)
    with _parent(cluster_folder, "stays") as pid:
        server = _cluster(cluster_folder)
        server.start()
        with psycopg.connect(server.superuser_url, autocommit=True) as session:
            backend = session.info.backend_pid
            os.kill(backend, signal.SIGSTOP)  # a worker that cannot see its postmaster die
            os.kill(pid, signal.SIGKILL)
            with _cluster(cluster_folder) as again:
                assert not processes.is_running(backend)
                _write_row(again)


def test_a_stranger_with_the_noted_process_number_is_not_taken_for_the_server(cluster_folder: Path) -> None:
    server = _cluster(cluster_folder)
    server.start()
    _write_row(server)
    note = next(Path(_home(cluster_folder)).glob("cluster/postmaster.pid"))
    lines = note.read_text().splitlines()
    server.stop()
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with _cluster(cluster_folder) as again:
        assert again.pid != os.getpid()
        assert _rows(again) == [7]


def test_a_stranger_with_the_noted_process_number_is_not_stopped(cluster_folder: Path) -> None:
    with _cluster(cluster_folder) as server:
        note = _home(cluster_folder) / "cluster" / "postmaster.pid"
        lines = note.read_text().splitlines()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        try:
            note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
            server.stop()
            with pytest.raises(subprocess.TimeoutExpired):
                stranger.wait(0.5)
        finally:
            stranger.kill()


def test_processes_are_found_in_their_folder_by_way_of_a_link_too(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=tmp_path / "real") as process:
        try:
            assert processes.running_inside(tmp_path / "link") == {process.pid}
        finally:
            process.kill()


def test_a_cluster_deleted_while_another_start_tidies_up_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, read = tmp_path / "other-cluster", Path.read_text
    home.mkdir()
    (home / "belongs-to").write_text("/its/data")

    def delete_and_read(path: Path) -> str:
        shutil.rmtree(home)
        return read(path)

    monkeypatch.setattr(Path, "read_text", delete_and_read)
    places._sweep(tmp_path, "mine")
    assert not home.exists()


def test_a_data_folder_deleted_by_hand_starts_empty_and_leaves_nothing_behind(cluster_folder: Path) -> None:
    server = _cluster(cluster_folder)
    server.start()
    _write_row(server)
    old_home = _home(cluster_folder)
    server.stop()
    shutil.rmtree(cluster_folder)
    with _cluster(cluster_folder) as again, psycopg.connect(again.app_url) as session:
        assert session.execute("SELECT to_regclass('kept')").fetchone() == (None,)
        assert _home(cluster_folder) == old_home or not old_home.exists()


def test_a_first_start_cut_short_is_made_anew(cluster_folder: Path) -> None:
    server = _cluster(cluster_folder)
    server.start()
    server.stop()
    cluster = _home(cluster_folder) / "cluster"
    cluster.rename(cluster.with_name("cluster.new"))
    with _cluster(cluster_folder) as again:
        _write_row(again)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_no_role_is_let_in_without_its_password(postgres: EmbeddedPostgres, password: str) -> None:
    address = urlsplit(postgres.superuser_url)
    host = unquote(address.query.removeprefix("host="))
    for role in ("postgres", "ecard_owner", "ecard_app"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host=host, user=role, dbname="postgres", password=password)


def test_the_socket_and_the_passwords_are_private(cluster_folder: Path) -> None:
    with _cluster(cluster_folder) as server:
        folder = Path(unquote(urlsplit(server.app_url).query.removeprefix("host=")))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((cluster_folder / "passwords.json").stat().st_mode) == 0o600
        with psycopg.connect(server.superuser_url) as session:
            found = session.execute("SHOW listen_addresses").fetchone()
        assert found == ("",)


def test_the_runtime_role_uses_what_the_owner_makes_in_a_new_database(postgres: EmbeddedPostgres) -> None:
    addresses = postgres.create_database("another")
    with psycopg.connect(addresses.owner_url) as session:
        session.execute("CREATE TABLE made_later (id bigserial PRIMARY KEY)")
    with psycopg.connect(addresses.app_url) as session:
        session.execute("INSERT INTO made_later DEFAULT VALUES")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("CREATE TABLE mine (id int)")


def test_a_deep_data_folder_does_not_make_the_socket_unreachable(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 6) / ("b-long-name-" * 6)
    server = _cluster(folder)
    server.start()
    try:
        _write_row(server)
        assert database_settings(server.app_url)["HOST"].startswith("/")
    finally:
        server.destroy()
    assert not folder.exists()


def _home(folder: Path) -> Path:
    noted = folder / "home.json"
    return Path(json.loads(noted.read_text())["home"]) if noted.is_file() else folder / "home"
