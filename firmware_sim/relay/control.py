"""The switch of a line, for people, tests and the demo; the terminal never talks to it."""

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from firmware_sim.relay.line import Line, Mode


class Wanted(msgspec.Struct, frozen=True):
    """The body of POST /mode."""

    mode: Mode
    delay_ms: int | None = None


def control_app(line: Line) -> Starlette:
    """GET / tells the line's state, POST /mode changes it."""

    async def state(_: Request) -> Response:
        return JSONResponse(
            {
                "mode": line.mode,
                "delay_ms": line.delay_ms,
                "connections": line.connections,
                "bytes_up": line.bytes_up,
                "bytes_down": line.bytes_down,
            }
        )

    async def change(request: Request) -> Response:
        try:
            wanted = msgspec.json.decode(await request.body(), type=Wanted)
            line.set_mode(wanted.mode, delay_ms=wanted.delay_ms)
        except (msgspec.MsgspecError, ValueError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return await state(request)

    return Starlette(routes=[Route("/", state), Route("/mode", change, methods=["POST"])])
