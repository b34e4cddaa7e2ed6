"""`python -m devices.cabinet.conformance --port /dev/ttyUSB0`: play the terminal against a cabinet, or the reverse."""

import argparse
import sys
from collections.abc import Callable, Sequence

from devices.cabinet.conformance.of_cabinet import OfCabinet
from devices.cabinet.conformance.of_terminal import OfTerminal
from devices.cabinet.conformance.probe import Pace, Probe, run_all
from devices.drivers.extras import MissingExtra
from devices.drivers.serial_line import DEFAULT_BAUD, LineGone, SerialLine

CANNOT_START = 2
READ_TIMEOUT_S = 0.02


def _say_to_a_person(what: str) -> None:
    print(f"        {what}", flush=True)


def main(
    arguments: Sequence[str] | None = None,
    *,
    pace: Pace | None = None,
    notice: Callable[[str], None] = _say_to_a_person,
) -> int:
    """0: all passed. 1: something failed. 2: the line does not open, or was pulled out."""
    given = _parser().parse_args(arguments)
    try:
        line = SerialLine.open(given.port, baud=given.baud, timeout_s=READ_TIMEOUT_S)
    except (LineGone, MissingExtra) as error:
        print(error, file=sys.stderr)
        return CANNOT_START
    if given.as_cabinet:
        checks = OfTerminal(amount_minor=given.amount_minor, slot=given.slot, product=given.product).checks()
    else:
        checks = OfCabinet().checks(slow=given.slow, power=given.power)
    probe = Probe(line, pace=pace or Pace(), notice=notice)
    try:
        return int(run_all(checks, probe, tell=lambda said: print(said, flush=True)) > 0)
    except LineGone as error:
        print(f"the line is gone: {error}", file=sys.stderr)
        return CANNOT_START
    finally:
        line.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devices.cabinet.conformance", description=__doc__)
    parser.add_argument("--port", required=True, help="like /dev/ttyUSB0")
    parser.add_argument("--baud", type=int, default=DEFAULT_BAUD)
    parser.add_argument("--as-cabinet", action="store_true", help="play the cabinet against a terminal")
    parser.add_argument("--slow", action="store_true", help="also what takes minutes")
    parser.add_argument("--power", action="store_true", help="also what needs the cabinet's power to be cut by hand")
    parser.add_argument("--amount-minor", type=int, default=350, help="as cabinet: the price of what is ordered")
    parser.add_argument("--slot", type=int, default=1, help="as cabinet: its slot")
    parser.add_argument("--product", type=int, default=0, help="as cabinet: its number in the catalogue, 0 for none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
