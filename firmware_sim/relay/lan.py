"""A site's network between terminals of one machine: datagrams pass, vanish, come twice, come late or not at all.

Each terminal has a face here. What a terminal sends to another's face comes to that other one from the sender's face,
so that both speak and answer as they would on a real network.
"""

import heapq
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

Address = tuple[str, int]

LOOPBACK = "127.0.0.1"
MAX_BYTES = 2_048
MAX_UNDER_WAY = 10_000
MAX_DELAY_MS = 10_000
LOOK_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Faults:
    """Chances are 0 to 1 for each datagram and listener; a delay is even between none and `delay_ms`, and reorders."""

    loss: float = 0.0
    twice: float = 0.0
    delay_ms: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.loss <= 1 and 0 <= self.twice <= 1 and 0 <= self.delay_ms <= MAX_DELAY_MS):
            raise ValueError("chances are between 0 and 1, a delay is at most ten seconds")


class LanRelay:
    """Stands between `terminals`, given by their real addresses. The same seed loses the same datagrams in a row."""

    def __init__(self, terminals: Sequence[Address], *, seed: int = 1, faults: Faults | None = None) -> None:
        self._terminals = tuple(terminals)
        self._place = {address: place for place, address in enumerate(self._terminals)}
        self._random = random.Random(seed)  # noqa: S311 - faults to be had again, not secrets
        self._faults = faults or Faults()
        self._cut: frozenset[frozenset[int]] = frozenset()
        self._under_way: list[tuple[float, int, int, int, bytes]] = []
        self._order = count()
        self._faces = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in self._terminals]
        for face in self._faces:
            face.bind((LOOPBACK, 0))
            face.setblocking(False)
        self.passed, self.lost = 0, 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lan-relay", daemon=True)

    def peers_of(self, place: int) -> tuple[Address, ...]:
        """What the terminal at `place` lists as its peers."""
        return tuple((LOOPBACK, int(face.getsockname()[1])) for at, face in enumerate(self._faces) if at != place)

    def start(self) -> None:
        """Begin to pass datagrams on, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and give the sockets back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)
        for face in self._faces:
            face.close()

    def set_faults(self, faults: Faults, *, seed: int | None = None) -> None:
        """From the next datagram on; with a seed, chance begins anew."""
        self._faults = faults
        if seed is not None:
            self._random.seed(seed)

    def cut(self, pairs: Iterable[tuple[int, int]]) -> None:
        """These terminals, by place, do not reach each other any more; the others do."""
        self._cut = frozenset(frozenset(pair) for pair in pairs)

    def heal(self) -> None:
        """Everybody reaches everybody."""
        self._cut = frozenset()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for place, face in enumerate(self._faces):
                selector.register(face, selectors.EVENT_READ, place)
            while not self._stopping.is_set():
                due_s = self._under_way[0][0] - time.monotonic() if self._under_way else LOOK_S
                for key, _ in selector.select(max(0.0, min(due_s, LOOK_S))):
                    self._take(key.data)
                self._deliver()

    def _take(self, to: int) -> None:
        with suppress(OSError):
            while True:
                data, source = self._faces[to].recvfrom(MAX_BYTES)
                sender = self._place.get(source)
                if sender is not None:
                    self._pass_on(sender, to, data)

    def _pass_on(self, sender: int, to: int, data: bytes) -> None:
        faults = self._faults
        cut = frozenset((sender, to)) in self._cut
        if self._random.random() < faults.loss or cut or len(self._under_way) >= MAX_UNDER_WAY:
            self.lost += 1
            return
        for _copy in range(2 if self._random.random() < faults.twice else 1):
            due = time.monotonic() + self._random.random() * faults.delay_ms / 1000
            heapq.heappush(self._under_way, (due, next(self._order), sender, to, data))

    def _deliver(self) -> None:
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            _due, _number, sender, to, data = heapq.heappop(self._under_way)
            with suppress(OSError):
                self._faces[sender].sendto(data, self._terminals[to])
                self.passed += 1
