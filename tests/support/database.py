"""The tests' database: made by the owner, used as the runtime role, as the server is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg
from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from ecard.embedded import DatabaseAddresses
from ecard.settings.env import database_settings

THREAD_TIMEOUT_S = 60.0
FOLDER_PREFIX = "ecard-tests-"

T = TypeVar("T")


def use(url: str) -> None:
    """Point Django's default connection, in this thread and those to come, at `url`."""
    connections["default"].close()
    connections.settings["default"].update(database_settings(url))
    # The pool of settings is shared by all threads, the open connection is this thread's own.
    connections["default"].settings_dict.update(database_settings(url))


def migrate_as_owner(addresses: DatabaseAddresses) -> None:
    """Make the schema as a deployment does, then go on as the runtime role."""
    use(addresses.owner_url)
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        use(addresses.app_url)


@dataclass(frozen=True, slots=True)
class FirstState:
    """The rows that migrations made, by table, as COPY writes them."""

    tables: tuple[str, ...]
    rows: dict[str, bytes]


def read_first_state(superuser_url: str) -> FirstState:
    """All tables but the migrations' own record, and what stands in them now."""
    with psycopg.connect(superuser_url) as session:
        found = session.execute(
            "SELECT tablename FROM pg_tables"
            " WHERE schemaname = 'public' AND tablename <> 'django_migrations' ORDER BY 1"
        )
        tables = tuple(row[0] for row in found)
        rows = {}
        for table in tables:
            with session.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
                content = b"".join(bytes(piece) for piece in copy)
            if content:
                rows[table] = content
    return FirstState(tables=tables, rows=rows)


def restore_first_state(superuser_url: str, first: FirstState) -> None:
    """Empty every table and put back what migrations made.

    As the superuser and with triggers off: the runtime role may not truncate, and the ledger's
    triggers refuse on purpose.
    """
    with psycopg.connect(superuser_url) as session:
        session.execute("SET session_replication_role = replica")
        session.execute("SET lock_timeout = '60s'")
        names = sql.SQL(", ").join(sql.Identifier(table) for table in first.tables)
        session.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(names))
        for table, content in first.rows.items():
            with session.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
                copy.write(content)
        _move_sequences_past(session, first.rows)


def _move_sequences_past(session: psycopg.Connection[Any], rows: dict[str, bytes]) -> None:
    for table in rows:
        columns = session.execute(
            "SELECT column_name, pg_get_serial_sequence(quote_ident(table_name), column_name)"
            " FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s"
            " AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL",
            (table,),
        ).fetchall()
        for column, sequence in columns:
            statement = sql.SQL("SELECT setval({}, max({})) FROM {}").format(
                sql.Literal(sequence), sql.Identifier(column), sql.Identifier(table)
            )
            session.execute(statement)


class OtherThread(Generic[T]):
    """A callable running in a thread of its own, on a Django connection of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self, *, timeout_s: float = THREAD_TIMEOUT_S) -> T:
        """What the callable gave, or raise what it raised; AssertionError when it hangs."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            raise AssertionError(f"the second connection is still busy after {timeout_s:.0f} s")
        if self._errors:
            raise self._errors[0]
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001  (handed to the waiting test)
            self._errors.append(error)
        finally:
            connection.close()
