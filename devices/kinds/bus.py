"""A bus: one flat fare, the line as the server set it, and the stop at which it stands."""

import threading

from devices.core.journal import Facts
from devices.kinds.base import NotYet
from devices.master.screen import Controls, Outcome, Said

NO_FARE = Said("本车尚未设置票价，请联系调度", "This bus has no fare yet. Please call the dispatcher")


class Bus:
    """A `Kind`. The driver presses `advance` on leaving a stop; after the last one the bus is at the first again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line, self._at = "", 0
        self._stops: tuple[str, ...] = ()

    @property
    def stop(self) -> str:
        """Where the bus stands, "" where the line has no stops."""
        with self._lock:
            return self._stops[self._at] if self._stops else ""

    def advance(self, controls: Controls, *, by: int = 1) -> str:
        """To the next stop, or back with -1; its name."""
        with self._lock:
            self._follow(controls)
            if self._stops:
                self._at = (self._at + by) % len(self._stops)
        return self.stop

    def prepare(self, controls: Controls) -> None:
        """The fare is the server's, whatever was pressed before."""
        parameters = controls.parameters()
        if parameters is None or not parameters.fixed_minor:
            raise NotYet(NO_FARE)
        with self._lock:
            self._follow(controls)
        screen = controls.screen()
        if (screen.mode, screen.amount_minor) != ("fixed", parameters.fixed_minor):
            controls.set_mode("fixed", fixed_minor=parameters.fixed_minor)

    def facts(self) -> Facts:
        """Line and stop."""
        stop = self.stop
        return Facts(device="bus", line=self._line, stop=stop)

    def after(self, _controls: Controls, _outcome: Outcome) -> None:
        """The next passenger may board."""

    def _follow(self, controls: Controls) -> None:
        """Another line, or other stops, begin at the first."""
        parameters = controls.parameters()
        given = ("", ()) if parameters is None else (parameters.line, parameters.stops)
        if given != (self._line, self._stops):
            (self._line, self._stops), self._at = given, 0
