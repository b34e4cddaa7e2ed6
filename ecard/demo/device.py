"""The simulated terminal and its line, as a person at them: over their own pages' requests. No Django here."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from devices.core.catalogue import Catalogue
from devices.core.money import format_minor
from devices.master.screen import Outcome, Phase, Screen

TIMEOUT_S = 20.0
FRESH_S = 60
# Shorter than the 5 s after which the other side closes an idle line: a request never meets one being closed.
LIMITS = httpx.Limits(keepalive_expiry=2.0)


class DeviceFailed(Exception):
    """A terminal or its line did not do what its page was asked to; the text says which."""


class ScanAnswer(msgspec.Struct, frozen=True):
    """The answer to a picture; `outcome` is missing where nothing was read in it."""

    read: bool
    outcome: Outcome | None = None


class Device:
    """One simulated terminal on a port of this machine, and the switch of its line."""

    def __init__(self, *, port: int, control_port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._http = _client(self.url, {"x-terminal": "demo"})
        self._line = _client(f"http://127.0.0.1:{control_port}", {})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        self._line.close()

    def screen(self) -> Screen | None:
        """What it shows, or None while it is off."""
        try:
            answer = self._http.get("/state", timeout=5)
        except httpx.TransportError:
            return None
        return msgspec.json.decode(answer.raise_for_status().content, type=Screen)

    def is_up(self) -> bool:
        """Whether its page answers."""
        return self.screen() is not None

    def is_ready(self) -> bool:
        """Whether it would sell."""
        screen = self.screen()
        return screen is not None and screen.phase in (Phase.READY, Phase.APPROVED, Phase.DECLINED)

    def is_up_to_date(self) -> bool:
        """Whether it would sell, from data that it has just been given."""
        screen = self.screen()
        fresh = screen is not None and screen.snapshot_age_s is not None and screen.snapshot_age_s <= FRESH_S
        return fresh and self.is_ready()

    def enrol(self, code: str) -> None:
        """Type an enrolment code."""
        self._send(self._http, "/enrol", json={"code": code})

    def type_amount(self, amount_minor: int) -> None:
        """Type what the next tap shall pay; without effect on a fixed price."""
        self._send(self._http, "/amount", json={"amount": format_minor(amount_minor, symbol="").replace(",", "")})

    def clear(self) -> None:
        """Take back what was typed or lies in the basket; without effect on a fixed price."""
        self._send(self._http, "/clear", json={})

    def fill_basket(self, up_to_minor: int) -> None:
        """Clear the basket, and put into it what is sold here for about this much."""
        self.clear()
        answer = self._http.get("/catalogue").raise_for_status()
        for product in choose(msgspec.json.decode(answer.content, type=Catalogue), up_to_minor=up_to_minor):
            self._send(self._http, "/product", json={"product": product, "quantity": 1})

    def scan(self, picture: bytes) -> ScanAnswer:
        """Hold a picture before the scanner."""
        answer = self._send(self._http, "/scan", content=picture, headers={"content-type": "image/png"})
        return msgspec.json.decode(answer.content, type=ScanAnswer)

    def pull_the_plug(self) -> None:
        """Press the power button; it comes back when the process manager starts it again."""
        self._send(self._http, "/power", json={})

    def set_line(self, mode: str) -> None:
        """Cut the line ("drop") or mend it ("pass"); the terminal is not told."""
        self._send(self._line, "/mode", json={"mode": mode})

    def line_is_up(self) -> bool:
        """Whether the relay's switch answers."""
        try:
            return self._line.get("/", timeout=2).is_success
        except httpx.TransportError:
            return False

    def _send(self, client: httpx.Client, path: str, **content: Any) -> httpx.Response:
        where = f"{client.base_url}{path}"
        try:
            answer = client.post(path, **content)
        except httpx.TransportError as error:
            raise DeviceFailed(f"{where}: {error!r}") from error
        if answer.is_error:
            raise DeviceFailed(f"{where}: {answer.status_code} {answer.text[:500]}")
        return answer


def choose(catalogue: Catalogue, *, up_to_minor: int) -> list[int]:
    """Products that come to no more than this, the dearest first; the cheapest one where all cost more."""
    by_price = sorted(catalogue.products, key=lambda each: each.price_minor, reverse=True)
    chosen: list[int] = []
    rest_minor = up_to_minor
    for product in by_price:
        if product.price_minor <= rest_minor:
            chosen.append(product.id)
            rest_minor -= product.price_minor
    return chosen or [product.id for product in by_price[-1:]]


def _client(url: str, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_S, trust_env=False, limits=LIMITS)
