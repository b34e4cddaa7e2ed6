"""The web face of a simulated device: its page and the customer's, the buttons, the scanner's pictures, the parts."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import devices
from devices.core.messages import DeviceKind, Mode
from devices.core.money import parse_amount
from devices.drivers.camera import decode_qr
from devices.kinds.base import Device
from devices.master.screen import Controls, Outcome, Screen
from devices.supervisor.menu import Menu
from firmware_sim.hardware import VirtualClock, pull_the_plug
from firmware_sim.parts.base import Part
from firmware_sim.parts.clock import ClockPart
from firmware_sim.terminal import supervisor
from firmware_sim.terminal.answers import (
    MAX_FORM_BYTES,
    MAX_PICTURE_BYTES,
    BadFormError,
    Handler,
    as_json,
    body_of,
    form_of,
    guarded,
)
from firmware_sim.terminal.build import Loop

TICK_S = 0.25
POWER_DELAY_S = 0.05
LINE_TIMEOUT_S = 10.0
WEB = Path(__file__).parent / "web"
TOKENS = Path(devices.__file__).parent / "design" / "tokens.css"
HERE = "<!-- what this kind of device shows -->"


@dataclass(frozen=True, kw_only=True)
class Host:
    """What the page drives. `line_control_url` is the relay's switch, "" without a relay; `loop` is what codes are
    given to, a plain till's where None; `menu` the
    supervisor's; `parts` the hardware on the page by name.
    """

    controls: Controls
    enrol: Callable[[str], None]
    clock: VirtualClock
    line_control_url: str = ""
    kind: DeviceKind = "canteen"
    loop: Loop | None = None
    menu: Menu | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)


class AmountForm(msgspec.Struct, frozen=True):
    """POST /amount, as typed."""

    amount: str


class ModeForm(msgspec.Struct, frozen=True):
    """POST /mode; `fixed` is the price as typed, for the fixed mode."""

    mode: Mode
    fixed: str = ""


class ProductForm(msgspec.Struct, frozen=True):
    """POST /product: so many in the basket; with `more`, so many on top of what is there."""

    product: int
    quantity: int
    more: bool = False


class EnrolForm(msgspec.Struct, frozen=True):
    """POST /enrol."""

    code: str


class LineForm(msgspec.Struct, frozen=True):
    """POST /line; the relay knows the modes."""

    mode: str


def terminal_app(host: Host) -> Starlette:
    """All routes of one simulated device."""
    parts: dict[str, Part] = {"clock": ClockPart(host.clock), **host.parts}
    loop = host.loop or Device(host.controls)
    actions: dict[str, Handler] = {
        "/amount": partial(_amount, host),
        "/mode": partial(_mode, host),
        "/product": partial(_product, host),
        "/clear": partial(_clear, host),
        "/scan": partial(_scan, loop),
        "/reverse": partial(_reverse, host),
        "/confirm-clock": partial(_confirm_clock, host),
        "/enrol": partial(_enrol, host),
        "/line": partial(_line, host),
        "/parts/{part}": partial(_press, parts),
        "/power": _power,
    }
    pages = [
        Route("/", partial(_page, "device.html", host.kind)),
        Route("/customer", partial(_page, "customer.html", host.kind)),
        Route("/state", lambda _: as_json(host.controls.screen())),
        Route("/catalogue", lambda _: as_json(host.controls.catalogue())),
        Route("/explained", lambda _: as_json(host.controls.explained())),
        Route("/parts", lambda _: as_json(_states(parts))),
        Route("/events", lambda _: StreamingResponse(_events(host.controls, parts), media_type="text/event-stream")),
        Route("/line", partial(_line_state, host)),
        Route("/static/tokens.css", lambda _: FileResponse(TOKENS, media_type="text/css")),
        Mount("/static", StaticFiles(directory=WEB)),
    ]
    menu = supervisor.routes(host.menu, host.controls) if host.menu is not None else []
    return Starlette(
        routes=menu + [Route(path, guarded(act), methods=["POST"]) for path, act in actions.items()] + pages
    )


async def _page(name: str, kind: DeviceKind, _: Request) -> Response:
    """A page that all kinds share, with this one's own part in it."""
    own = (WEB / "kinds" / f"{kind}.html").read_text()
    page = (WEB / name).read_text().replace("{kind}", kind).replace(HERE, own)
    return HTMLResponse(page, headers={"cache-control": "no-store"})


def _states(parts: Mapping[str, Part]) -> dict[str, msgspec.Struct]:
    return {name: part.state() for name, part in parts.items()}


async def _events(controls: Controls, parts: Mapping[str, Part]) -> AsyncIterator[bytes]:
    """The screen at each change, and every tick so that ages and phases move on; the parts where they changed."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake(_: Screen) -> None:
        # The loop may be gone when the last sale of a closing page is decided.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(changed.set)

    stop = controls.subscribe(wake)
    told = b""
    try:
        while True:
            changed.clear()
            states = msgspec.json.encode(_states(parts))
            if states != told:
                told = states
                yield b"event: parts\ndata: " + states + b"\n\n"
            yield b"data: " + msgspec.json.encode(await run_in_threadpool(controls.screen)) + b"\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), TICK_S)
    finally:
        stop()


async def _amount(host: Host, request: Request) -> Response:
    form = await form_of(request, AmountForm)
    amount_minor = await run_in_threadpool(host.controls.set_amount, form.amount)
    return as_json({"amount_minor": amount_minor})


async def _mode(host: Host, request: Request) -> Response:
    form = await form_of(request, ModeForm)
    fixed_minor = parse_amount(form.fixed) if form.mode == "fixed" else 0
    await run_in_threadpool(host.controls.set_mode, form.mode, fixed_minor=fixed_minor)
    return as_json(host.controls.screen())


async def _product(host: Host, request: Request) -> Response:
    form = await form_of(request, ProductForm)
    if form.more:
        await run_in_threadpool(host.controls.add, form.product, quantity=form.quantity)
    else:
        await run_in_threadpool(host.controls.set_quantity, form.product, form.quantity)
    return as_json(host.controls.screen())


async def _clear(host: Host, _: Request) -> Response:
    await run_in_threadpool(host.controls.clear_basket)
    return as_json(host.controls.screen())


async def _scan(loop: Loop, request: Request) -> Response:
    """A picture, decoded from its pixels; or, from a scanner that types, text/plain.

    `?frame` marks one of a camera's many: the next comes soon, so it gets the quick look only. Without an outcome the
    code was read, and there is nothing to pay for yet.
    """
    body = await body_of(request, MAX_PICTURE_BYTES)
    if request.headers.get("content-type", "").startswith("text/plain"):
        text: str | None = body.decode(errors="replace")
    else:
        text = await run_in_threadpool(decode_qr, body, thorough="frame" not in request.query_params)
    if not text:
        return as_json({"read": False})
    outcome: Outcome | None = await run_in_threadpool(loop.scanned, text)
    return as_json({"read": True, "outcome": outcome})


async def _reverse(host: Host, _: Request) -> Response:
    return as_json({"outcome": await run_in_threadpool(host.controls.reverse_last)})


async def _confirm_clock(host: Host, _: Request) -> Response:
    return as_json({"confirmed": await run_in_threadpool(host.controls.confirm_clock)})


async def _enrol(host: Host, request: Request) -> Response:
    form = await form_of(request, EnrolForm)
    await run_in_threadpool(host.enrol, form.code)
    return as_json(host.controls.screen())


async def _press(parts: Mapping[str, Part], request: Request) -> Response:
    part = parts.get(request.path_params["part"])
    if part is None:
        raise BadFormError("this device has no such part")
    await run_in_threadpool(part.press, await body_of(request, MAX_FORM_BYTES))
    return as_json(part.state())


async def _line_state(host: Host, _: Request) -> Response:
    return await _ask_line(host, "GET", "/", None)


async def _line(host: Host, request: Request) -> Response:
    form = await form_of(request, LineForm)
    return await _ask_line(host, "POST", "/mode", {"mode": form.mode})


async def _ask_line(host: Host, method: str, path: str, wanted: dict[str, str] | None) -> Response:
    if not host.line_control_url:
        return JSONResponse({"error": "this terminal runs without a relay"}, status_code=404)
    try:
        async with httpx.AsyncClient(timeout=LINE_TIMEOUT_S, trust_env=False) as client:
            answer = await client.request(method, host.line_control_url + path, json=wanted)
    except httpx.HTTPError:
        return JSONResponse({"error": "the relay does not answer"}, status_code=502)
    return Response(answer.content, status_code=answer.status_code, media_type="application/json")


async def _power(_: Request) -> Response:
    asyncio.get_running_loop().call_later(POWER_DELAY_S, pull_the_plug)
    return as_json({"power": "off"})
