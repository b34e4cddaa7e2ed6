"""The gallery asks each device what it shows, and goes on where one has lost its power."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from firmware_sim.gallery.app import Listed, gallery_app

DEVICES = (
    Listed("canteen", "北苑", "North", "http://till"),
    Listed("gate", "闸机", "Gate", "http://gate"),
)
Ask = Callable[..., httpx.Response]


@pytest.fixture
def switched() -> list[str]:
    return []


@pytest.fixture
def ask(switched: list[str]) -> Ask:
    """A request to the gallery, whose second device has no power."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "gate":
            raise httpx.ConnectError("no power")
        if request.method == "POST":
            switched.append(f"{request.url} {request.content.decode()} {request.headers['x-terminal']}")
            return httpx.Response(200, json={})
        return httpx.Response(404 if request.url.path == "/line" else 200, json={"asked": request.url.path})

    app = gallery_app(DEVICES, transport=httpx.MockTransport(answer))

    def send(method: str, path: str, **given: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gallery") as client:
                return await client.request(method, path, **given)

        return asyncio.run(once())

    return send


def test_each_device_says_what_it_shows_and_one_without_power_says_nothing(ask: Ask) -> None:
    till, gate = ask("GET", "/devices").json()
    assert till["device"] == {"kind": "canteen", "zh": "北苑", "en": "North", "url": "http://till"}
    assert (till["screen"], till["parts"], till["line"]) == ({"asked": "/state"}, {"asked": "/parts"}, None)
    assert (gate["screen"], gate["parts"], gate["line"]) == (None, None, None)


def test_all_lines_are_cut_at_once_by_the_gallerys_own_page_alone(ask: Ask, switched: list[str]) -> None:
    assert ask("POST", "/lines", json={"mode": "drop"}).status_code == 403
    assert not switched
    done = ask("POST", "/lines", json={"mode": "drop"}, headers={"x-terminal": "1"})
    assert done.json() == {"switched": 1}
    assert switched == ['http://till/line {"mode":"drop"} gallery']
    assert ask("POST", "/lines", content=b"?", headers={"x-terminal": "1"}).status_code == 400


def test_the_page_and_its_files_are_there(ask: Ask) -> None:
    assert "gallery.js" in ask("GET", "/").text
    for path in ("gallery.js", "gallery.css", "texts.json", "tokens.css"):
        assert ask("GET", f"/static/{path}").status_code == 200
