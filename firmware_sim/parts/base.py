"""What every piece of virtual hardware is to the page: a state that is drawn, and presses that change it."""

from typing import Protocol, TypeVar

import msgspec

from devices.core.wire import MALFORMED
from devices.master.screen import Said

Form = TypeVar("Form")


class BadPress(ValueError):
    """The page asked for what this part cannot do; `said` is for whoever pressed.

    What only a broken page would ask for is said in English alone.
    """

    def __init__(self, en: str, *, zh: str = "") -> None:
        super().__init__(en)
        self.said = Said(zh or en, en)


class Part(Protocol):
    """A piece of hardware on the page. Both may be called from any thread."""

    def state(self) -> msgspec.Struct:
        """All that the page draws of it."""
        ...

    def press(self, form: bytes) -> None:
        """What a hand did to it, as JSON. Raises BadPress."""
        ...


def read_form(body: bytes, kind: type[Form]) -> Form:
    """Raises BadPress."""
    try:
        return msgspec.json.decode(body, type=kind)
    except MALFORMED as error:
        raise BadPress(str(error)) from error
