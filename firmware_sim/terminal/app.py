"""The web face of a simulated terminal: two views, the buttons, the scanner's pictures, and virtual faults."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import devices
from devices.core.enrolment import NotAnEnrolmentCode
from devices.core.messages import Mode
from devices.core.money import AmountError, parse_amount
from devices.core.wire import MALFORMED
from devices.drivers.camera import decode_qr
from devices.master.screen import Controls, Screen
from devices.master.till import BasketError
from firmware_sim.hardware import VirtualClock, pull_the_plug

MAX_PICTURE_BYTES = 8 * 1024 * 1024
MAX_FORM_BYTES = 4 * 1024
TICK_S = 0.25
POWER_DELAY_S = 0.05
WEB = Path(__file__).parent / "web"
TOKENS = Path(devices.__file__).parent / "design" / "tokens.css"

Form = TypeVar("Form")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Host:
    """What the page drives. `line_control_url` is the relay's switch, "" without a relay."""

    controls: Controls
    enrol: Callable[[str], None]
    clock: VirtualClock
    line_control_url: str = ""


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


class ClockForm(msgspec.Struct, frozen=True):
    """POST /clock: move the wall clock against the real one."""

    offset_s: int


class BadFormError(ValueError):
    """The page sent something this terminal does not take; `args[0]` says what is wrong."""


def terminal_app(host: Host) -> Starlette:
    """All routes of one simulated terminal."""
    actions: dict[str, Handler] = {
        "/amount": partial(_amount, host),
        "/mode": partial(_mode, host),
        "/product": partial(_product, host),
        "/clear": partial(_clear, host),
        "/scan": partial(_scan, host),
        "/reverse": partial(_reverse, host),
        "/confirm-clock": partial(_confirm_clock, host),
        "/enrol": partial(_enrol, host),
        "/line": partial(_line, host),
        "/clock": partial(_clock, host),
        "/power": _power,
    }
    pages = [
        Route("/", _page("cashier.html")),
        Route("/customer", _page("customer.html")),
        Route("/state", lambda _: _json(host.controls.screen())),
        Route("/catalogue", lambda _: _json(host.controls.catalogue())),
        Route("/explained", lambda _: _json(host.controls.explained())),
        Route("/events", lambda _: StreamingResponse(_events(host.controls), media_type="text/event-stream")),
        Route("/line", partial(_line_state, host)),
        Route("/static/tokens.css", lambda _: FileResponse(TOKENS, media_type="text/css")),
        Mount("/static", StaticFiles(directory=WEB)),
    ]
    return Starlette(routes=[Route(path, _guarded(act), methods=["POST"]) for path, act in actions.items()] + pages)


def _guarded(act: Handler) -> Handler:
    """Other sites' pages cannot send this header without asking first, and nobody answers them."""

    async def run(request: Request) -> Response:
        if "x-terminal" not in request.headers:
            return JSONResponse({"error": "only this terminal's own page may press its buttons"}, status_code=403)
        try:
            return await act(request)
        except BasketError as error:
            language = request.headers.get("accept-language", "zh")
            return JSONResponse({"error": error.said.in_language(language)}, status_code=400)
        except (BadFormError, AmountError, NotAnEnrolmentCode) as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return run


def _page(name: str) -> Handler:
    async def show(_: Request) -> Response:
        return FileResponse(WEB / name, headers={"cache-control": "no-store"})

    return show


def _json(value: object, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


async def _events(controls: Controls) -> AsyncIterator[bytes]:
    """The screen at each change, and every tick so that ages and phases move on."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()

    def wake(_: Screen) -> None:
        # The loop may be gone when the last sale of a closing page is decided.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(changed.set)

    stop = controls.subscribe(wake)
    try:
        while True:
            changed.clear()
            yield b"data: " + msgspec.json.encode(await run_in_threadpool(controls.screen)) + b"\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), TICK_S)
    finally:
        stop()


async def _form(request: Request, kind: type[Form]) -> Form:
    body = await _body(request, MAX_FORM_BYTES)
    try:
        return msgspec.json.decode(body, type=kind)
    except MALFORMED as error:
        raise BadFormError(str(error)) from error


async def _body(request: Request, limit_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BadFormError(f"at most {limit_bytes} bytes are taken")
    return bytes(body)


async def _amount(host: Host, request: Request) -> Response:
    form = await _form(request, AmountForm)
    amount_minor = await run_in_threadpool(host.controls.set_amount, form.amount)
    return _json({"amount_minor": amount_minor})


async def _mode(host: Host, request: Request) -> Response:
    form = await _form(request, ModeForm)
    fixed_minor = parse_amount(form.fixed) if form.mode == "fixed" else 0
    await run_in_threadpool(host.controls.set_mode, form.mode, fixed_minor=fixed_minor)
    return _json(host.controls.screen())


async def _product(host: Host, request: Request) -> Response:
    form = await _form(request, ProductForm)
    if form.more:
        await run_in_threadpool(host.controls.add, form.product, quantity=form.quantity)
    else:
        await run_in_threadpool(host.controls.set_quantity, form.product, form.quantity)
    return _json(host.controls.screen())


async def _clear(host: Host, _: Request) -> Response:
    await run_in_threadpool(host.controls.clear_basket)
    return _json(host.controls.screen())


async def _scan(host: Host, request: Request) -> Response:
    """A picture, decoded from its pixels; or, from a scanner that types, text/plain.

    `?frame` marks one of a camera's many: the next comes soon, so it gets the quick look only.
    """
    body = await _body(request, MAX_PICTURE_BYTES)
    if request.headers.get("content-type", "").startswith("text/plain"):
        text: str | None = body.decode(errors="replace")
    else:
        text = await run_in_threadpool(decode_qr, body, thorough="frame" not in request.query_params)
    if not text:
        return _json({"read": False})
    outcome = await run_in_threadpool(host.controls.scan, text)
    return _json({"read": True, "outcome": outcome})


async def _reverse(host: Host, _: Request) -> Response:
    return _json({"outcome": await run_in_threadpool(host.controls.reverse_last)})


async def _confirm_clock(host: Host, _: Request) -> Response:
    return _json({"confirmed": await run_in_threadpool(host.controls.confirm_clock)})


async def _enrol(host: Host, request: Request) -> Response:
    form = await _form(request, EnrolForm)
    await run_in_threadpool(host.enrol, form.code)
    return _json(host.controls.screen())


async def _clock(host: Host, request: Request) -> Response:
    form = await _form(request, ClockForm)
    try:
        host.clock.set_offset(form.offset_s * 1000)
    except ValueError as error:
        raise BadFormError(str(error)) from error
    return _json(host.controls.screen())


async def _line_state(host: Host, _: Request) -> Response:
    return await _ask_line(host, "GET", "/", None)


async def _line(host: Host, request: Request) -> Response:
    form = await _form(request, LineForm)
    return await _ask_line(host, "POST", "/mode", {"mode": form.mode})


async def _ask_line(host: Host, method: str, path: str, wanted: dict[str, str] | None) -> Response:
    if not host.line_control_url:
        return JSONResponse({"error": "this terminal runs without a relay"}, status_code=404)
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            answer = await client.request(method, host.line_control_url + path, json=wanted)
    except httpx.HTTPError:
        return JSONResponse({"error": "the relay does not answer"}, status_code=502)
    return Response(answer.content, status_code=answer.status_code, media_type="application/json")


async def _power(_: Request) -> Response:
    asyncio.get_running_loop().call_later(POWER_DELAY_S, pull_the_plug)
    return _json({"power": "off"})
