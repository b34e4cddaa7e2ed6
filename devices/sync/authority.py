"""Asks the server about a sale over a connection of its own, within a time limit that holds whatever the socket does.

One thread carries the questions; who asks waits for it no longer than the limit. An answer that comes later is dropped
with the question it belongs to: the record that was journaled meanwhile tells the server what to do with its hold.
While that thread is still busy with an earlier question, or the last ones went unanswered, nothing is asked at all.
"""

import logging
import queue
import threading
from collections.abc import Callable

from devices.core.messages import Authorise, Authorised, Enrolled, MessageError
from devices.drivers.network import NoAnswer
from devices.store.held import Held, Keys
from devices.sync.server import Server

logger = logging.getLogger(__name__)

LIMIT_MS = 300
"""The whole of it: connecting, the server's work, the way back."""
WARM_S = 8.0
"""So often the idle connection is used, so that a sale finds it open; servers and relays close sooner or later."""
QUIET_FIRST_MS, QUIET_CAP_MS = 1_000, 30_000


class _Question:
    """What is asked, and a place for the answer that nobody looks at once the time is over."""

    def __init__(self, asked: Authorise) -> None:
        self.asked = asked
        self.answer: Authorised | None = None
        self.answered = False
        self.done = threading.Event()


class ServerAuthority:
    """`online.Authority` over a `Server` that is nobody else's."""

    def __init__(
        self,
        server: Server,
        *,
        identity: Callable[[], Enrolled | None],
        keys: Callable[[], Keys | None],
        held: Callable[[], Held | None],
        monotonic_ms: Callable[[], int],
        limit_ms: int = LIMIT_MS,
    ) -> None:
        self._server, self._identity, self._keys, self._held = server, identity, keys, held
        self._monotonic_ms, self._limit_ms = monotonic_ms, limit_ms
        self._waiting: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = self._stopped = False
        self._thread: threading.Thread | None = None
        self._unanswered, self._quiet_until_ms = 0, 0

    def ready(self) -> bool:
        """Whether a question has a chance now."""
        return not self._busy and not self._stopped and self._monotonic_ms() >= self._quiet_until_ms

    def ask(self, question: Authorise) -> Authorised | None:
        """The answer within the limit, or None."""
        asked = _Question(question)
        with self._lock:
            if not self.ready():
                return None
            self._busy = True
            self._start()
        self._waiting.put(asked)
        in_time = asked.done.wait(self._limit_ms / 1000)
        if not in_time or not asked.answered:
            self._missed()
            return None
        self._unanswered = self._quiet_until_ms = 0
        return asked.answer

    def stop(self, *, timeout_s: float = 1.0) -> None:
        """End the thread, or leave it to its own time limit."""
        self._stopped = True
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._server.close()

    def start(self) -> None:
        """Begin to keep the connection warm."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        if self._thread is None and not self._stopped:
            self._thread = threading.Thread(target=self._run, name="ecard-ask", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            try:
                asked = self._waiting.get(timeout=WARM_S)
            except queue.Empty:
                self._warm()
                continue
            if asked is None:
                return
            try:
                self._carry(asked)
            except Exception:
                logger.exception("a question to the server stumbled")
            finally:
                self._busy = False
                asked.done.set()

    def _carry(self, asked: _Question) -> None:
        identity, keys = self._identity(), self._keys()
        if identity is None or keys is None:
            return
        try:
            answer = self._server.authorise(identity, asked.asked, keys=keys)
        except (NoAnswer, MessageError):
            return
        asked.answer = answer if isinstance(answer, Authorised) else None
        asked.answered = True

    def _missed(self) -> None:
        """Ask no more for a while, each time longer: a line that swallows answers must not slow every sale."""
        self._unanswered += 1
        pause_ms = min(QUIET_CAP_MS, QUIET_FIRST_MS << min(self._unanswered - 1, 8))
        self._quiet_until_ms = self._monotonic_ms() + pause_ms

    def _warm(self) -> None:
        """Use the connection for something that costs nobody anything."""
        identity, held = self._identity(), self._held()
        if identity is None or held is None or held.parameters.floor_minor is None:
            return
        try:
            self._server.news(held)
        except (NoAnswer, MessageError):
            return
        self._unanswered = self._quiet_until_ms = 0
