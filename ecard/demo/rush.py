"""A lunch rush: many phones before few terminals, the line cut in the middle, one plug pulled. No Django here."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from devices.master.screen import Screen
from ecard.demo.device import Device, DeviceFailed
from ecard.demo.phone import Phone, draw
from ecard.demo.tally import Shown

NOTICE_TIMEOUT_S = 25.0
POWER_TIMEOUT_S = 60.0
READS_MAX = 3
POLL_S = 0.25
MENU_MINOR = (4_00, 6_50, 8_00, 9_00, 11_00, 12_50, 14_00, 16_00, 18_50, 22_00, 26_00)
POSTER = "https://example.org/lunch-menu"
OTHER_CAMPUS = "C1ZZ" + "6BW" * 102

Kind = Literal["pay", "replay", "poster", "other_campus"]


@dataclass(frozen=True, slots=True)
class Tap:
    """Someone before the scanner: with a code, a picture shown before, a poster, or another campus's code."""

    kind: Kind
    amount_minor: int
    phone: Phone | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the rush: what each terminal serves, and what happens before it begins."""

    name: Literal["online", "cut", "dark", "back"]
    taps: tuple[tuple[Tap, ...], ...]


@dataclass
class Count:
    """What has been seen so far; written by the serving threads under `guard`, read by whoever shows it."""

    taps: int = 0
    unread: int = 0
    offline: int = 0
    line: str = "up"
    declined: Counter[str] = field(default_factory=Counter)
    shown: list[Shown] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event, repr=False)
    guard: threading.Lock = field(default_factory=threading.Lock, repr=False)


def plan(phones: Sequence[Phone], *, taps: int, terminals: int, draw_from: Random) -> list[Stage]:
    """Who comes to which terminal when: a quarter before the cut, half while the line is down, a quarter after.

    One tap in forty is not a payment: a picture shown again, a poster, another campus's code.
    """
    queue = [_tap(number, phones, draw_from) for number in range(taps)]
    queues = [queue[number::terminals] for number in range(terminals)]
    names: tuple[Literal["online", "cut", "dark", "back"], ...] = ("online", "cut", "dark", "back")
    return [Stage(name, tuple(tuple(_quarter(each, place)) for each in queues)) for place, name in enumerate(names)]


def _tap(number: int, phones: Sequence[Phone], draw_from: Random) -> Tap:
    amount_minor = draw_from.choice(MENU_MINOR)
    if number % 40 == 20:
        odd: Kind = ("replay", "poster", "other_campus")[number // 40 % 3]
        return Tap(odd, amount_minor)
    return Tap("pay", amount_minor, phones[number % len(phones)])


def _quarter(taps: Sequence[Tap], place: int) -> Sequence[Tap]:
    return taps[len(taps) * place // 4 : len(taps) * (place + 1) // 4]


def play(
    stages: Sequence[Stage],
    *,
    devices: Sequence[Device],
    count: Count,
    now_s: Callable[[], int],
    watch: Callable[[], None],
) -> None:
    """Serve every stage; `watch` is called now and then from this thread. Raises DeviceFailed."""
    with ThreadPoolExecutor(len(devices), thread_name_prefix="queue") as queues:
        try:
            for stage in stages:
                _before(stage, devices, count, watch)
                serving = [
                    queues.submit(_serve, device, taps, count, now_s, plug=stage.name == "dark" and place == 1)
                    for place, (device, taps) in enumerate(zip(devices, stage.taps, strict=True))
                ]
                _wait_for(serving, watch)
        finally:
            # Whatever ends a rush early, nobody else is served.
            count.stop.set()


def _before(stage: Stage, devices: Sequence[Device], count: Count, watch: Callable[[], None]) -> None:
    if stage.name == "cut":
        for device in devices:
            device.set_line("drop")
        count.line = "cut"
        wait_until(lambda: not any(_online(device) for device in devices), timeout_s=NOTICE_TIMEOUT_S, watch=watch)
    elif stage.name == "back":
        for device in devices:
            device.set_line("pass")
        count.line = "up again"


def _online(device: Device) -> bool:
    screen = device.screen()
    return screen is None or screen.network.online


def wait_until(done: Callable[[], bool], *, timeout_s: float, watch: Callable[[], None]) -> bool:
    """Whether `done` came true in time."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        watch()
        time.sleep(POLL_S)
    return True


def screen_of(device: Device, *, gives_up: Callable[[], bool] = lambda: False) -> Screen:
    """What it shows, which a busy machine may take a while to say. Raises DeviceFailed where it is off."""
    deadline = time.monotonic() + POWER_TIMEOUT_S
    while (screen := device.screen()) is None:
        if gives_up() or time.monotonic() > deadline:
            raise DeviceFailed(f"the terminal at {device.url} is off")
        time.sleep(POLL_S)
    return screen


def _wait_for(serving: Sequence[Future[None]], watch: Callable[[], None]) -> None:
    while not all(each.done() for each in serving):
        watch()
        time.sleep(POLL_S)
    for each in serving:
        each.result()


def _serve(device: Device, taps: Sequence[Tap], count: Count, now_s: Callable[[], int], *, plug: bool) -> None:
    """One queue before one terminal; with `plug` its power is cut before the first of them."""
    if plug and taps:
        _power_cycle(device, count)
    screen = screen_of(device, gives_up=count.stop.is_set)
    earlier: list[bytes] = []
    for tap in taps:
        if count.stop.is_set():
            return
        if screen.mode == "typed":
            device.type_amount(tap.amount_minor)
        elif screen.mode == "products":
            device.fill_basket(tap.amount_minor)
        _present(device, tap, earlier, count, now_s, terminal=screen.terminal)
    # What the last one was refused is nobody's who comes later.
    device.clear()


def _power_cycle(device: Device, count: Count) -> None:
    def nobody_waits() -> bool:
        return count.stop.is_set()

    device.pull_the_plug()
    wait_until(lambda: nobody_waits() or not device.is_up(), timeout_s=POWER_TIMEOUT_S, watch=_nothing)
    if not wait_until(lambda: nobody_waits() or device.is_ready(), timeout_s=POWER_TIMEOUT_S, watch=_nothing):
        raise DeviceFailed(f"the terminal at {device.url} did not come back after its power was cut")


def _nothing() -> None:
    """What a queue does while its terminal is off."""


def _present(
    device: Device, tap: Tap, earlier: list[bytes], count: Count, now_s: Callable[[], int], *, terminal: int
) -> None:
    for picture in _pictures(tap, earlier, now_s):
        answer = device.scan(picture)
        if answer.outcome is not None:
            break
    outcome = answer.outcome
    with count.guard:
        count.taps += 1
        if outcome is None:
            count.unread += 1
        elif outcome.approved and not outcome.same_tap:
            count.shown.append(Shown(terminal, outcome.epoch, outcome.seq, outcome.result.amount_minor))
            count.offline += count.line == "cut"
            earlier.append(picture)
        else:
            count.declined["same_tap" if outcome.same_tap else outcome.result.why] += 1


def _pictures(tap: Tap, earlier: Sequence[bytes], now_s: Callable[[], int]) -> Iterator[bytes]:
    """The pictures the scanner sees until it reads one: a phone draws anew, the others stay as they are."""
    for _attempt in range(READS_MAX):
        if tap.phone is not None:
            yield tap.phone.picture(at_s=now_s())
        elif tap.kind == "replay" and earlier:
            yield earlier[max(0, len(earlier) - 2)]
        else:
            yield draw(OTHER_CAMPUS if tap.kind == "other_campus" else POSTER)
