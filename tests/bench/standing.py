"""The whole SDK on a loaded terminal, in a process of its own: `python -m tests.bench.standing FOLDER CARDS AT_S`.

FOLDER is what a terminal that was loaded left behind; CARDS how many people pay by card, each once, whose cards are
numbered as `uid_of` says. Prints as JSON the most memory that the process ever stood in, and the people it holds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from devices.drivers.network import Answer, NoAnswer
from devices.terminal import Terminal
from tests.bench.loading import peak_mb
from tests.devices.world import FakeClock

PRICE_MINOR = 10
UID_BYTES = 7
APART_MS = 3_000


class NoServer:
    """The line is down."""

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        raise NoAnswer("the line is down")

    def close(self) -> None:
        pass


def uid_of(number: int) -> bytes:
    """The card of the person of this place on the stage."""
    return number.to_bytes(UID_BYTES, "big")


def main() -> None:
    """Boot, take payments, tell."""
    folder, cards, at_s = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    clock = FakeClock(now_ms=at_s * 1000)
    terminal = Terminal.open(folder, server_url="http://server.invalid", clock=clock, transport=NoServer())
    terminal.control.set_mode("fixed", fixed_minor=PRICE_MINOR)
    for number in range(cards):
        outcome = terminal.control.tap_card(uid_of(number))
        assert outcome.approved, outcome
        clock.pass_ms(APART_MS)
    print(json.dumps({"rss_mb": peak_mb()}))
    terminal.close()


if __name__ == "__main__":
    main()
