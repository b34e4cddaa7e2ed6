"""The server as a whole: how it is deployed, and what it says to a stranger."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ecard.embedded import EmbeddedPostgres

REPOSITORY = Path(__file__).resolve().parents[2]
SETTINGS = {
    "ECARD_SECRET_KEY": base64.b85encode(bytes(range(60))).decode(),
    "ECARD_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
    "ECARD_REDIS_URL": "redis://127.0.0.1:1/0",
    "ECARD_PUBLIC_URL": "https://card.example.org",
}
# What a stranger may reach below /api/: the schema's two pages, and a terminal's first call, which
# carries a one-time code instead of a credential.
OPEN_ROUTES = frozenset({"api/schema/", "api/docs/", "api/terminal/v1/enrol", "api/terminal/v1/news"})


def _manage(*command: str, settings: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, **SETTINGS, **variables, "DJANGO_SETTINGS_MODULE": settings}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_migrate_runs_as_the_owner_and_the_server_as_the_runtime_role(postgres: EmbeddedPostgres) -> None:
    addresses = postgres.create_database("deployed")
    variables = {"DATABASE_URL": addresses.app_url, "DATABASE_OWNER_URL": addresses.owner_url}
    done = _manage("migrate", "--verbosity=0", settings="ecard.settings.production", **variables)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(addresses.superuser_url) as session:
        owners = session.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert owners == [("ecard_owner",)]
    check = _manage("check", "--deploy", "--fail-level=WARNING", settings="ecard.settings.production", **variables)
    assert check.returncode == 0, check.stderr


def test_a_start_without_its_variables_says_which_to_set() -> None:
    done = _manage("check", settings="ecard.settings.production")
    assert done.returncode != 0
    assert "Set DATABASE_URL in the environment" in done.stderr


def _routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern, route)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_a_stranger_gets_nothing_from_any_route_of_the_api(client: Client, method: str) -> None:
    routes = {route for route in _routes(get_resolver()) if route.startswith("api/")} - OPEN_ROUTES
    answered = {}
    for route in routes:
        path = "/" + route.replace("<int:", "1<").split("<", maxsplit=1)[0]
        status = getattr(client, method)(path, content_type="application/json").status_code
        if status not in {401, 403, 404, 405}:
            answered[route] = status
    assert not answered


@pytest.mark.django_db
def test_the_schema_and_its_page_are_served(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"//cdn" not in page.content


@pytest.mark.django_db
def test_every_page_says_what_a_browser_may_do(client: Client) -> None:
    strict = client.get("/no-such-page/").headers
    assert "script-src 'self';" in strict["Content-Security-Policy"]
    assert strict["X-Content-Type-Options"] == "nosniff"
    assert strict["X-Frame-Options"] == "DENY"
    admin = client.get("/admin/login/").headers
    assert "frame-ancestors 'none'" in admin["Content-Security-Policy"]
