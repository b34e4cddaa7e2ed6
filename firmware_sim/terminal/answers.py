"""What the pages of simulated devices send and get: small JSON forms, limits, and errors in words."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devices.core.enrolment import NotAnEnrolmentCode
from devices.core.money import MAX_AMOUNT_MINOR, AmountError, format_minor
from devices.core.wire import MALFORMED
from devices.master.screen import Said
from devices.master.till import BasketError
from firmware_sim.parts.base import BadPress

MAX_PICTURE_BYTES = 8 * 1024 * 1024
MAX_FORM_BYTES = 4 * 1024

Form = TypeVar("Form")
Handler = Callable[[Request], Awaitable[Response]]


class BadFormError(ValueError):
    """The page sent something this terminal does not take; `args[0]` says what is wrong."""


def guarded(act: Handler) -> Handler:
    """Other sites' pages cannot send this header without asking first, and nobody answers them."""

    async def run(request: Request) -> Response:
        if "x-terminal" not in request.headers:
            return JSONResponse({"error": "only this terminal's own page may press its buttons"}, status_code=403)
        try:
            return await act(request)
        except (BasketError, BadPress) as error:
            said = error.said
        except AmountError as error:
            said = Said(f"金额形如 12 或 12.50，最多 {format_minor(MAX_AMOUNT_MINOR)}", str(error))
        except NotAnEnrolmentCode as error:
            said = Said("登记码形如 7K2QF-0M4XN-A9C3E，请核对后再输入", str(error))
        except BadFormError as error:
            said = Said(str(error), str(error))
        language = request.headers.get("accept-language", "zh")
        return JSONResponse({"error": said.in_language(language)}, status_code=400)

    return run


def as_json(value: object, *, status: int = 200) -> Response:
    """Any value that msgspec knows."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json")


async def form_of(request: Request, kind: type[Form]) -> Form:
    """The request's body as a form. Raises BadFormError."""
    body = await body_of(request, MAX_FORM_BYTES)
    try:
        return msgspec.json.decode(body, type=kind)
    except MALFORMED as error:
        raise BadFormError(str(error)) from error


async def body_of(request: Request, limit_bytes: int) -> bytes:
    """The whole body. Raises BadFormError where it is longer."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit_bytes:
            raise BadFormError(f"at most {limit_bytes} bytes are taken")
    return bytes(body)
