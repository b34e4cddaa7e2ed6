"""The role under which web, worker, demo and tests run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import ProgrammingError, connection, transaction

from tests.support.database import OtherThread


@pytest.mark.django_db
def test_django_is_connected_as_the_runtime_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == ("ecard_app", False, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "DROP TABLE django_session",
        "ALTER TABLE django_session DISABLE TRIGGER ALL",
        "TRUNCATE django_session",
        "ALTER ROLE ecard_app SUPERUSER",
        "SET ROLE ecard_owner",
        "SET session_replication_role = replica",
    ],
)
def test_the_runtime_role_may_not_change_what_guards_it(statement: str) -> None:
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_committed_rows_are_seen_by_another_connection(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    Group.objects.create(name="kitchen")
    assert second_connection(lambda: Group.objects.filter(name="kitchen").count()).wait() == 1


def test_committed_rows_are_gone_after_the_test(committed_db: None) -> None:
    assert not Group.objects.filter(name="kitchen").exists()


def test_what_migrations_made_is_back_after_a_committing_test(
    committed_db: None, owner_connection: psycopg.Connection[Any]
) -> None:
    found = owner_connection.execute("SELECT count(*) FROM django_content_type").fetchone()
    assert found is not None
    assert found[0] > 0
