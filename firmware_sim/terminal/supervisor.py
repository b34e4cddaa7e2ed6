"""The supervisor's menu of the SDK on the page: one address, the menu's own values as answers."""

from functools import partial
from typing import Literal

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.master.screen import Controls
from devices.supervisor.menu import Menu
from devices.supervisor.values import Named, Refused, Session
from firmware_sim.terminal.answers import BadFormError, as_json, form_of, guarded

Deed = Literal[
    "enter", "leave", "look", "open_shift", "close_shift", "sales", "void", "extend", "let_in_again", "diagnostics"
]


class MenuForm(msgspec.Struct, frozen=True):
    """POST /supervisor: what was pressed, in which session; the rest as the deed needs it."""

    do: Deed
    session: Session | None = None
    supervisor: int = 0
    pin: str = ""
    sale: str = ""
    hours: int = 0
    language: str = "zh"


class Entrance(msgspec.Struct, frozen=True):
    """Who may enter, and the zone in which the page tells the time."""

    people: tuple[Named, ...]
    zone: str


def routes(menu: Menu, controls: Controls) -> list[Route]:
    """Who may enter, and the menu itself."""

    async def entrance(_: Request) -> Response:
        given = controls.parameters()
        return as_json(Entrance(menu.supervisors(), given.zone if given is not None else ""))

    return [
        Route("/supervisors", entrance),
        Route("/supervisor", guarded(partial(_press, menu)), methods=["POST"]),
    ]


async def _press(menu: Menu, request: Request) -> Response:
    form = await form_of(request, MenuForm)
    answer = await run_in_threadpool(_do, menu, form)
    return as_json({"refused": answer} if isinstance(answer, Refused) else {"answer": answer})


def _do(menu: Menu, form: MenuForm) -> object:
    if form.do == "enter":
        return menu.enter(form.supervisor, form.pin)
    session = form.session
    if session is None:
        raise BadFormError("the menu is not open")
    match form.do:
        case "leave":
            menu.leave()
            return None
        case "look":
            return _look(menu, session)
        case "open_shift":
            return menu.open_shift(session)
        case "close_shift":
            return menu.close_shift(session, language=form.language)
        case "sales":
            return _sales(menu, session)
        case "void":
            epoch, seq = _place(form.sale)
            return menu.void(session, epoch=epoch, seq=seq)
        case "extend":
            return menu.extend(session, hours=form.hours, second=form.supervisor, pin=form.pin)
        case "let_in_again":
            return menu.let_in_again(session)
        case "diagnostics":
            return menu.diagnostics(session)


class SaleOnPage(msgspec.Struct, frozen=True):
    """`sale` names it: an epoch is a larger number than a page's script can hold."""

    sale: str
    at_ms: int
    amount_minor: int
    name: str
    reversed: bool


def _sales(menu: Menu, session: Session) -> object:
    sales = menu.sales(session)
    if isinstance(sales, Refused):
        return sales
    return [
        SaleOnPage(f"{each.epoch:x}.{each.seq}", each.at_ms, each.amount_minor, each.name, each.reversed)
        for each in sales
    ]


def _place(sale: str) -> tuple[int, int]:
    epoch, _, seq = sale.partition(".")
    try:
        return int(epoch, 16), int(seq)
    except ValueError as error:
        raise BadFormError("no such sale") from error


def _look(menu: Menu, session: Session) -> object:
    """What the menu's first page shows."""
    shift, offline = menu.shift(session), menu.offline_time(session)
    if isinstance(shift, Refused):
        return shift
    return {"shift": shift, "offline": offline}
