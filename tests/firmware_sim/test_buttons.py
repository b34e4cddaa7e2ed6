"""The buttons of a simulated terminal take what its own page sends, and refuse the rest in words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from firmware_sim.hardware import VirtualClock
from firmware_sim.parts.base import Part
from firmware_sim.parts.reader import VirtualReader
from firmware_sim.terminal.answers import MAX_FORM_BYTES
from firmware_sim.terminal.app import Host, terminal_app
from tests.devices.conftest import Bench, make_bench

__all__ = ["make_bench"]

OWN = {"x-terminal": "test"}


Press = Callable[..., httpx.Response]


@pytest.fixture
def press(make_bench: Callable[..., Bench]) -> Press:
    """Send something to a button, as the terminal's own page does unless `headers` say otherwise."""
    bench = make_bench()
    parts: dict[str, Part] = {"reader": VirtualReader(tuple)}
    app = terminal_app(Host(controls=bench.control, enrol=bench.terminal.enrol, clock=VirtualClock(), parts=parts))

    def send(path: str, content: bytes, *, headers: dict[str, str] = OWN) -> httpx.Response:
        async def once() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://terminal") as client:
                return await client.post(path, content=content, headers=headers)

        return asyncio.run(once())

    return send


@pytest.mark.parametrize("path", ["/amount", "/mode", "/product", "/enrol", "/line", "/parts/clock"])
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"amount":"\xff"}', b"[" * 4_000, b" " * (MAX_FORM_BYTES + 1)])
def test_a_form_that_is_none_is_refused_in_words(press: Press, path: str, body: bytes) -> None:
    answer = press(path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/amount", "/product", "/clear", "/scan", "/reverse", "/power", "/enrol", "/confirm-clock"]
)
def test_another_sites_page_cannot_press_a_button(press: Press, path: str) -> None:
    assert press(path, b"{}", headers={}).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "zh", "en"),
    [
        ("/amount", b'{"amount":"1e9"}', "金额形如 12 或 12.50", "an amount looks like 12 or 12.50"),
        ("/amount", b'{"amount":"999999"}', "最多 ¥100,000.00", "at most ¥100,000.00"),
        ("/enrol", b'{"code":"x"}', "登记码形如", "an enrolment code"),
        ("/parts/reader", b'{"lay":"nobody"}', "这里没有人有这张卡", "nobody here has this card"),
    ],
)
def test_what_no_terminal_takes_is_refused_in_the_language_of_the_page(
    press: Press, path: str, body: bytes, zh: str, en: str
) -> None:
    for language, said in (("zh", zh), ("en", en)):
        answer = press(path, body, headers={**OWN, "accept-language": language})
        assert answer.status_code == 400
        assert said in answer.json()["error"]


def test_a_product_that_no_basket_takes_is_refused_in_the_language_of_the_page(press: Press) -> None:
    press("/mode", b'{"mode":"products"}')
    for language, said in (("zh", "这个商品已不在此处销售"), ("en", "This product is no longer sold here")):
        answer = press("/product", b'{"product":9,"quantity":1}', headers={**OWN, "accept-language": language})
        assert (answer.status_code, answer.json()["error"]) == (400, said)
