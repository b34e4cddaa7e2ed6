"""Who may do what: the owner makes tables, the runtime role only uses them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

OWNER_ROLE = "ecard_owner"
RUNTIME_ROLE = "ecard_app"
SUPERUSER_ROLE = "postgres"


def make_roles(session: psycopg.Connection[Any], passwords: Mapping[str, str]) -> None:
    """The owner and the runtime role, neither of them a superuser, with their passwords."""
    known = {row[0] for row in session.execute("SELECT rolname FROM pg_roles")}
    for role in (OWNER_ROLE, RUNTIME_ROLE):
        verb = sql.SQL("ALTER" if role in known else "CREATE")
        options = sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}")
        session.execute(options.format(verb, sql.Identifier(role), sql.Literal(passwords[role])))


def make_database(session: psycopg.Connection[Any], name: str) -> None:
    """A database of the owner's; one that exists is kept."""
    if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
        database, owner = sql.Identifier(name), sql.Identifier(OWNER_ROLE)
        session.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))


def grant(session: psycopg.Connection[Any], name: str) -> None:
    """Let the runtime role use, and only use, what the owner will make in database `name`.

    A migration takes back what must not be edited, such as UPDATE and DELETE on transfers.
    """
    names = {
        "database": sql.Identifier(name),
        "owner": sql.Identifier(OWNER_ROLE),
        "app": sql.Identifier(RUNTIME_ROLE),
    }
    for statement in (
        "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC, {app}",
        "GRANT USAGE ON SCHEMA public TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app}",
    ):
        session.execute(sql.SQL(statement).format(**names))
