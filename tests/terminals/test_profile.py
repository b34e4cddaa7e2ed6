"""The security profile, held against every address the server has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ecard.terminals import operations, profiles
from tests.support.device import Device, refusal_of, terminal_of

_CONVERTER = re.compile(r"<(?:(\w+):)?\w+>")


def routes() -> Iterator[tuple[str, str]]:
    """(name, path) of every pattern, converters filled with something that fits."""
    yield from _walk(get_resolver().url_patterns, names=(), path="/")


def _walk(patterns: list[URLPattern | URLResolver], *, names: tuple[str, ...], path: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        here = path + _filled(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            inner = (*names, pattern.namespace) if pattern.namespace else names
            yield from _walk(pattern.url_patterns, names=inner, path=here)
        else:
            yield ":".join((*names, pattern.name or "")), here


def _filled(route: str) -> str:
    plain = _CONVERTER.sub(lambda found: "1" if found[1] in (None, "int", "path") else "x", route)
    return re.sub(r"\(\?P<\w+>[^)]*\)", "x", plain).replace("^", "").replace("$", "").replace("\\", "").replace("?", "")


def test_every_route_of_the_profile_exists() -> None:
    assert profiles.TERMINAL_ROUTES | {profiles.ENROLMENT_ROUTE} <= {name for name, _path in routes()}
    assert profiles.REVOKED_ROUTES <= profiles.TERMINAL_ROUTES


def test_the_walk_meets_the_whole_server() -> None:
    found = {name for name, _path in routes()}
    assert {"admin:index", "admin:login", "terminals:keys", "api-schema"} <= found
    assert len(found) > 40


def test_a_terminals_signature_opens_no_other_route(device: Device) -> None:
    """What it gets there is what nobody signed in gets."""
    stranger = Client()
    seen = 0
    for name, path in routes():
        if name in profiles.TERMINAL_ROUTES or name == profiles.ENROLMENT_ROUTE:
            continue
        for method in ("GET", "POST"):
            signed = device.ask(path, method=method)
            plain = stranger.generic(method, path, b"", content_type="application/octet-stream")
            assert signed.status_code == plain.status_code, f"{method} {path} ({name})"
        seen += 1
    assert seen > 40


@pytest.mark.parametrize("route", sorted(profiles.TERMINAL_ROUTES))
def test_a_terminals_route_is_closed_to_people(device: Device, route: str) -> None:
    path = dict(routes())[route]
    administrator = get_user_model().objects.create_superuser("root", password="x")
    signed_in = Client()
    signed_in.force_login(administrator)
    for client in (Client(), signed_in):
        for method in ("GET", "POST"):
            response = client.generic(method, path, b"")
            assert (response.status_code, refusal_of(response)["error"]) == (401, "signature")


@pytest.mark.parametrize("route", sorted(profiles.TERMINAL_ROUTES))
def test_a_revoked_terminal_finds_open_what_its_profile_lists(device: Device, route: str, now: datetime) -> None:
    operations.revoke(terminal=terminal_of(device), by=None, at=now)
    method = "POST" if route == "settlement:batches" else "GET"
    response = device.ask(dict(routes())[route], method=method)
    refused_at_the_door = response.status_code == 403 and refusal_of(response)["detail"].startswith("not open")
    assert refused_at_the_door is (route not in profiles.REVOKED_ROUTES)


def test_a_view_that_takes_signatures_by_mistake_stays_closed(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "TERMINAL_ROUTES", frozenset({"terminals:keys"}))
    response = device.ask("snapshot")
    assert (response.status_code, refusal_of(response)["error"]) == (403, "forbidden")
