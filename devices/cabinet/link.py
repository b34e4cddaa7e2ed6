"""The thread between a serial line and the cabinet's host; a line that is pulled out is opened again."""

import logging
import threading
from collections.abc import Callable

from devices.drivers.serial_line import Line, LineGone

logger = logging.getLogger(__name__)

READ_BYTES = 512
REST_S = 0.2
AGAIN_S = 1.0


class CabinetLink:
    """`pump` takes what came and gives what to send; it is called every 200 ms also where the line is gone."""

    def __init__(self, opened: Callable[[], Line], *, pump: Callable[[bytes], bytes]) -> None:
        self._opened, self._pump = opened, pump
        self._line: Line | None = None
        self._stop = threading.Event()
        self._again_in = 0
        self._thread = threading.Thread(target=self._run, name="cabinet", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the line is open; a cabinet need not be there."""
        return self._line is not None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End and give the line back. May be repeated."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._lose()

    def step(self) -> None:
        """Once around: read for a moment, tell the host, send what it says."""
        data = b""
        try:
            if self._line is None:
                self._reopen()
            if self._line is not None:
                data = self._line.read(READ_BYTES)
        except LineGone as error:
            self._gone(error)
        answer = self._pump(data)
        try:
            if answer and self._line is not None:
                self._line.write(answer)
        except LineGone as error:
            self._gone(error)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:
                logger.exception("the host of the line stumbled; the line goes on")
                self._stop.wait(REST_S)
            if self._line is None:
                self._stop.wait(REST_S)

    def _reopen(self) -> None:
        if self._again_in > 0:
            self._again_in -= 1
            return
        self._again_in = round(AGAIN_S / REST_S)
        self._line = self._opened()
        logger.info("the line to the cabinet is open")

    def _gone(self, error: LineGone) -> None:
        if self._line is not None:
            logger.warning("the line to the cabinet is gone: %s", error)
        self._lose()

    def _lose(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()
