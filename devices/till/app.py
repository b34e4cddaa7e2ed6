"""The routes of the register's side over HTTP; `devices.till.http` serves them."""

import hmac
import threading
from collections.abc import Callable
from typing import Annotated

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.core.money import AmountError, parse_amount
from devices.core.wire import MALFORMED
from devices.till.desk import Desk
from devices.till.http import HOST, TOKEN_FILE
from devices.till.sales import BadRequest, Busy, NoSuchOrder, NotApproved, NotReady, OtherAmount, RegisterError

MAX_BODY_BYTES = 2_048
MAX_WAIT_S = 30.0
MAX_WAITERS = 8
STATUS: dict[type[RegisterError], int] = {
    BadRequest: 400,
    NoSuchOrder: 404,
    OtherAmount: 409,
    Busy: 409,
    NotApproved: 409,
    NotReady: 503,
}


class NewSale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /sales: one of the two amounts, minor units or as people write it."""

    order: Annotated[str, msgspec.Meta(max_length=64)]
    amount_minor: int | None = None
    amount: Annotated[str, msgspec.Meta(max_length=32)] | None = None

    def minor(self) -> int:
        """Raises BadRequest."""
        if (self.amount_minor is None) == (self.amount is None):
            raise BadRequest("give either amount_minor or amount")
        try:
            return parse_amount(self.amount) if self.amount is not None else self.amount_minor or 0
        except AmountError as error:
            raise BadRequest(str(error)) from error


class Told(msgspec.Struct, frozen=True):
    """Any refusal."""

    error: str
    detail: str = ""


def till_app(desk: Desk, *, token: str) -> Starlette:
    """`Authorization: Bearer <token>` on every request."""
    return Starlette(routes=_Routes(desk, token).routes())


class _Routes:
    def __init__(self, desk: Desk, token: str) -> None:
        self._desk, self._bearer = desk, f"Bearer {token}".encode()
        self._waiters = threading.Semaphore(MAX_WAITERS)

    def routes(self) -> list[Route]:
        return [
            Route("/", self._status),
            Route("/sales", self._new, methods=["POST"]),
            Route("/sales/{order}", self._find),
            Route("/sales/{order}/cancel", self._cancel, methods=["POST"]),
            Route("/sales/{order}/reverse", self._reverse, methods=["POST"]),
        ]

    async def _status(self, request: Request) -> Response:
        refused = self._refuse(request)
        if refused is not None:
            return refused
        return _json(200, {"ready": self._desk.ready, "waiting": self._desk.waiting})

    async def _new(self, request: Request) -> Response:
        refused = self._refuse(request)
        if refused is not None:
            return refused
        try:
            body = await _body(request)
            asked = msgspec.json.decode(body, type=NewSale)
            sale, began = await run_in_threadpool(self._desk.ask, asked.order, asked.minor())
        except MALFORMED as error:
            return _failed(BadRequest(str(error)))
        except RegisterError as error:
            return _failed(error)
        return _json(201 if began else 200, sale)

    async def _find(self, request: Request) -> Response:
        return await self._about(request, self._waited)

    def _waited(self, order: str, request: Request) -> object:
        given = request.query_params
        if "wait_s" not in given:
            return self._desk.find(order)
        try:
            wait_s, version = float(given["wait_s"]), int(given.get("version", "0"))
        except ValueError as error:
            raise BadRequest("wait_s and version are numbers") from error
        if not 0 <= wait_s <= MAX_WAIT_S:
            raise BadRequest(f"wait_s is at most {MAX_WAIT_S:.0f}")
        if not self._waiters.acquire(blocking=False):
            return self._desk.find(order)
        try:
            return self._desk.wait(order, version=version, timeout_s=wait_s)
        finally:
            self._waiters.release()

    async def _cancel(self, request: Request) -> Response:
        return await self._about(request, lambda order, _: self._desk.cancel(order))

    async def _reverse(self, request: Request) -> Response:
        return await self._about(request, lambda order, _: self._desk.reverse(order))

    async def _about(self, request: Request, act: Callable[[str, Request], object]) -> Response:
        refused = self._refuse(request)
        if refused is not None:
            return refused
        try:
            return _json(200, await run_in_threadpool(act, request.path_params["order"], request))
        except RegisterError as error:
            return _failed(error)

    def _refuse(self, request: Request) -> Response | None:
        """A browser's request, one under another name for this machine, or one without the token."""
        headers = request.headers
        host = headers.get("host", "").rsplit(":", 1)[0]
        if "origin" in headers or "sec-fetch-site" in headers or host not in (HOST, "localhost"):
            return _json(403, Told("browser", "web pages cannot use this"))
        if not hmac.compare_digest(headers.get("authorization", "").encode(), self._bearer):
            return _json(401, Told("token", f"the token is in {TOKEN_FILE}"))
        if request.method == "POST" and headers.get("content-type", "").split(";")[0] != "application/json":
            return _json(415, Told("content_type", "send application/json"))
        return None


async def _body(request: Request) -> bytes:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            raise BadRequest(f"a request is at most {MAX_BODY_BYTES} bytes")
    return body


def _json(status: int, value: object) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json", headers=headers)


def _failed(error: RegisterError) -> Response:
    return _json(STATUS[type(error)], Told(error.code, str(error)))
