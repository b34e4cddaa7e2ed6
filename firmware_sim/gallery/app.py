"""The gallery: what each device shows now, asked of the devices themselves, and one switch for all their lines."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import devices
from devices.core.messages import DeviceKind
from firmware_sim.terminal.answers import as_json, form_of, guarded

ASK_TIMEOUT_S = 2.0
WEB = Path(__file__).parent / "web"
TOKENS = Path(devices.__file__).parent / "design" / "tokens.css"
PATHS = ("/state", "/parts", "/line")
OWN_PAGE: Mapping[str, str] = {"x-terminal": "gallery"}


class Listed(msgspec.Struct, frozen=True):
    """A device on the page: its kind, its name in both languages, where its own page is."""

    kind: DeviceKind
    zh: str
    en: str
    url: str


class Told(msgspec.Struct, frozen=True):
    """A device and what it said: its screen, its parts and its line, each null where it did not answer."""

    device: Listed
    screen: msgspec.Raw
    parts: msgspec.Raw
    line: msgspec.Raw


class LinesForm(msgspec.Struct, frozen=True):
    """POST /lines: what to do with the line of every device; the relay knows the modes."""

    mode: str


def gallery_app(listed: Sequence[Listed], *, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The page, `GET /devices` and `POST /lines`; devices are asked through `transport`, the network where None."""

    def client() -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=ASK_TIMEOUT_S, trust_env=False, transport=transport)

    async def all_devices(_: Request) -> Response:
        async with client() as asking:
            return as_json(await asyncio.gather(*(_ask(asking, each) for each in listed)))

    async def all_lines(request: Request) -> Response:
        form = await form_of(request, LinesForm)
        async with client() as asking:
            done = await asyncio.gather(*(_switch(asking, each, form.mode) for each in listed))
        return as_json({"switched": sum(done)})

    return Starlette(
        routes=[
            Route("/", lambda _: FileResponse(WEB / "gallery.html", headers={"cache-control": "no-store"})),
            Route("/devices", all_devices),
            Route("/lines", guarded(all_lines), methods=["POST"]),
            Route("/static/tokens.css", lambda _: FileResponse(TOKENS, media_type="text/css")),
            Mount("/static", StaticFiles(directory=WEB)),
        ]
    )


async def _ask(client: httpx.AsyncClient, device: Listed) -> Told:
    screen, parts, line = await asyncio.gather(*(_get(client, device.url + path) for path in PATHS))
    return Told(device, screen, parts, line)


async def _get(client: httpx.AsyncClient, url: str) -> msgspec.Raw:
    """What is there, as it came; null where nobody answers."""
    try:
        answer = await client.get(url)
    except httpx.HTTPError:
        return msgspec.Raw(b"null")
    return msgspec.Raw(answer.content if answer.is_success else b"null")


async def _switch(client: httpx.AsyncClient, device: Listed, mode: str) -> bool:
    try:
        return (await client.post(f"{device.url}/line", json={"mode": mode}, headers=dict(OWN_PAGE))).is_success
    except httpx.HTTPError:
        return False
