"""One PostgreSQL for each test session, made by the owner and used as the runtime role.

- `db` (or `@pytest.mark.django_db`): each test in a transaction that is rolled back.
- `committed_db`: real commits, any number of connections; every table is emptied afterwards.
  (pytest-django's transactional_db is not for here: the runtime role may not truncate.)
- `owner_connection`: a psycopg connection as the owner; `app_connection`: as the runtime role.
- `second_connection`: runs a callable in another thread on its own Django connection.
- `site`: the whole server on a port of this machine, on committed_db; `browser`: a Chromium.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import translation
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from ecard.embedded import DatabaseAddresses, EmbeddedPostgres
from ecard.settlement.authorising import lately
from ecard.terminals.snapshots import base, news
from tests.support import chromium, database, leftovers, schema, sharing

EXPECT_MS = 30_000
"""What a page will show it shows when the machine comes to it; how soon is nobody's promise here."""

settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps an event loop in the main thread from then on.

    The long stories go before the short ones, or one worker is left with them when the others are done.
    """
    items.sort(key=lambda item: ("browser" in getattr(item, "fixturenames", ()), "e2e" not in item.path.parts))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> sharing.Scheduler:
    return sharing.Scheduler(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's own server, in a folder of its own: sessions side by side do not meet."""
    leftovers.sweep(database.FOLDER_PREFIX)
    folder = Path(tempfile.mkdtemp(prefix=f"{database.FOLDER_PREFIX}{os.getpid()}-"))
    server = EmbeddedPostgres(folder, shared_buffers="128MB", durable=False, end_with_parent=True)
    try:
        server.start()
        yield server
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def django_db_setup(postgres: EmbeddedPostgres, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """In place of pytest-django's: that one makes and drops databases as the tests' own role."""
    addresses = postgres.create_database("test_ecard")
    with django_db_blocker.unblock():
        schema.make(addresses)
    yield
    with django_db_blocker.unblock():
        connection.close()


@pytest.fixture(scope="session")
def database_addresses(postgres: EmbeddedPostgres, django_db_setup: None) -> DatabaseAddresses:
    return postgres.create_database("test_ecard")


@pytest.fixture(scope="session")
def first_state(database_addresses: DatabaseAddresses) -> database.FirstState:
    return database.read_first_state(database_addresses.superuser_url)


@pytest.fixture(autouse=True)
def no_rows_of_another_test() -> None:
    """A test's end gives its change numbers back; rows kept under them would be taken for the next test's."""
    base.forget()
    news.forget()
    lately.forget()


@pytest.fixture(autouse=True)
def no_language_of_another_test() -> None:
    """A request in Chinese leaves its language to whatever runs next in the thread."""
    translation.deactivate()


@pytest.fixture
def committed_db(
    database_addresses: DatabaseAddresses,
    first_state: database.FirstState,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Commits are real and seen by other connections; the tables are as new after the test."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connection.close()
            database.restore_first_state(database_addresses.superuser_url, first_state)


@pytest.fixture
def owner_connection(database_addresses: DatabaseAddresses) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_addresses.owner_url) as session:
        yield session


@pytest.fixture
def app_connection(database_addresses: DatabaseAddresses) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_addresses.app_url) as session:
        yield session


@pytest.fixture
def second_connection(committed_db: None) -> Callable[[Callable[[], Any]], database.OtherThread[Any]]:
    """`other = second_connection(work)`; `other.wait()` gives the result or raises the error."""
    return database.OtherThread


@pytest.fixture
def site(committed_db: None) -> Iterator[str]:
    """The address of the whole server, run in a thread, static files included."""
    server = LiveServer("127.0.0.1")
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium; a test opens a context of its own: `browser.new_context()`."""
    executable = chromium.find_or_install()
    # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(executable), args=list(chromium.SAFE_FLAGS), headless=True
        )
        expect.set_options(timeout=EXPECT_MS)
        yield opened
        opened.close()
