"""A turnstile: `python -m devices.examples.gate FOLDER SERVER SCANNER RELAY`, the last two names of serial lines.

Beside the page for makers it beeps, and keeps no code from being held before the scanner a moment too long.
"""

import sys
import time
from pathlib import Path

from devices.decode import Decoder, NotEnrolled
from devices.drivers.scanner import SerialScanner
from devices.drivers.serial_line import SerialLine
from devices.drivers.signals import BellBuzzer, Relay, SerialRelay, SignalError

OPEN_MS = 3_000
SAME_S = 3.0
"""A picture that stays before the scanner this long is one presentation."""


def main(folder: Path, server_url: str, scanner_path: str, relay_path: str) -> None:
    """Ends when the scanner is pulled out."""
    try:
        decoder = Decoder.open(folder)
    except NotEnrolled:
        decoder = Decoder.enrol(folder, server_url, input("Enrolment code: "))
    decoder.start()
    relay, buzzer = SerialRelay(SerialLine.open(relay_path)), BellBuzzer(sys.stderr)
    last, seen_s = "", 0.0
    for text in SerialScanner(SerialLine.open(scanner_path)).texts():
        again, last, seen_s = text == last and time.monotonic() - seen_s < SAME_S, text, time.monotonic()
        if again:
            continue
        verdict = decoder.verify(text, int(time.time()))
        print(verdict.sentence("en"), verdict.name, flush=True)
        buzzer.beep("approved" if verdict.accepted else "declined")
        if verdict.accepted:
            let_through(relay)
    decoder.close()


def let_through(relay: Relay) -> None:
    """A gate that does not open is said, and the next person is served."""
    try:
        relay.pulse(OPEN_MS)
    except SignalError as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), *sys.argv[2:5])
