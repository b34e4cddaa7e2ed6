from __future__ import annotations

from collections.abc import Iterator

import pytest

from devices.drivers.serial_line import SerialLine
from tests.support.wire import Wire


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.pull()


@pytest.fixture
def line(wire: Wire) -> Iterator[SerialLine]:
    """Patient: a machine that is busy for a moment is not taken for silence."""
    opened = SerialLine.open(wire.path, timeout_s=20)
    yield opened
    opened.close()


@pytest.fixture
def hasty_line(wire: Wire) -> Iterator[SerialLine]:
    """For tests of what silence means."""
    opened = SerialLine.open(wire.path, timeout_s=0.1)
    yield opened
    opened.close()
