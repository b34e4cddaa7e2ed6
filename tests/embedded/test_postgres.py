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
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from ecard.embedded import EmbeddedPostgres, processes
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


def test_a_killed_servers_open_connections_do_not_stop_the_next_start(
    cluster_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "LEFTOVER_WAIT_S", 0.3)
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
