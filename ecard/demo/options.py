"""What the command line asks for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

TAPS_DEFAULT = 500
TAPS_MAX = 5_000
PEOPLE_DEFAULT = 2_000
PEOPLE_MAX = 50_000
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Options:
    """`check` reads earlier rushes back from the ledger and does nothing else.

    With `any_ports` nothing listens on its usual port, so that demos side by side do not meet. A `bare` campus has
    people, places and products, and no rules yet.
    """

    state: Path
    taps: int
    people: int
    once: bool
    lan: bool
    check: bool
    any_ports: bool = False
    bare: bool = False


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; ends the program with a usage line where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m ecard.demo", description="A campus to try, and its lunch rush.")
    parser.add_argument("--once", action="store_true", help="stop after the rush")
    parser.add_argument("--lan", action="store_true", help="let phones on this network open the cardholder's page")
    parser.add_argument("--taps", type=_between(0, TAPS_MAX), default=TAPS_DEFAULT, help="size of the rush")
    parser.add_argument(
        "--people", type=_between(20, PEOPLE_MAX), default=PEOPLE_DEFAULT, help="cardholders seeded at the first start"
    )
    parser.add_argument("--state", type=Path, default=PROJECT / "var" / "demo", help="where everything is kept")
    parser.add_argument("--check", action="store_true", help="read earlier rushes back from the ledger, then stop")
    parser.add_argument("--any-ports", action="store_true", help="take ports at random instead of the usual ones")
    parser.add_argument("--bare", action="store_true", help="seed no rules: build them from the templates")
    chosen = parser.parse_args(arguments)
    return Options(
        state=chosen.state.absolute(),
        taps=chosen.taps,
        people=chosen.people,
        once=chosen.once,
        lan=chosen.lan,
        check=chosen.check,
        any_ports=chosen.any_ports,
        bare=chosen.bare,
    )


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"between {least} and {most}")
        return value

    return number
