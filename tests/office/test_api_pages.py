"""The API's schema is complete, and its pages open without the network."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver


def test_the_schema_has_no_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True)
    assert "openapi" in capsys.readouterr().out


def _api_paths(patterns: list[URLPattern | URLResolver], before: str = "") -> list[str]:
    found: list[str] = []
    for each in patterns:
        route = before + str(each.pattern)
        found += _api_paths(each.url_patterns, route) if isinstance(each, URLResolver) else [route]
    return [route for route in found if route.startswith("api/")]


@pytest.mark.django_db
def test_the_schema_names_every_route_of_the_api() -> None:
    shown = Client().get("/api/schema/", headers={"accept": "application/json"}).json()
    routes = {f"/{route}" for route in _api_paths(get_resolver().url_patterns)}
    described = set(shown["paths"])
    assert routes - {"/api/schema/", "/api/docs/"} == {re.sub(r"{(\w+)}", r"<\1>", path) for path in described}
    for path, operations in shown["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description") or operation.get("summary"), (method, path)


@pytest.mark.django_db
def test_the_docs_page_opens_and_loads_nothing_from_elsewhere() -> None:
    shown = Client().get("/api/docs/").content.decode()
    assert "swagger-ui" in shown
    assert not re.findall(r"""(?:src|href)=["']https?://""", shown)
