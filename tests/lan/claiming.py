"""Taps that wait for objections as long as a test says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from tests.devices.world import NOON_S
from tests.lan.wire import Wire, shown

WAIT_S = 60
T = TypeVar("T")


class UntilTold(threading.Condition):
    """In place of the real wait: its time is over when the test says so, not when a busy machine took too long."""

    over = False

    def wait_for(self, predicate: Callable[[], T], timeout: float | None = None) -> T:
        super().wait_for(lambda: self.over or predicate(), WAIT_S)
        return predicate()


class Claiming:
    """A tap that waits for objections, in a thread of its own; its claim is under way."""

    def __init__(self, wire: Wire, number: int, account_ref: int = 1) -> None:
        lan = wire.nodes[number].lan
        self._wait = lan._answered = UntilTold(lan._lock)
        code, self._found = shown(account_ref, NOON_S), list[bool]()
        self._thread = threading.Thread(target=lambda: self._found.append(lan.claim(code)))
        self._thread.start()
        while not any(sent.sender == number for sent in wire.under_way):
            assert self._thread.is_alive() or self._found
            time.sleep(0.001)

    def ends(self) -> bool:
        """The wait is over, if an objection has not ended it; whether the code is won."""
        with self._wait:
            self._wait.over = True
            self._wait.notify_all()
        self._thread.join()
        return self._found[0]
