"""Say of each line typed or scanned who shows it: `python -m devices.examples.verify FOLDER SERVER`."""

import sys
import time
from pathlib import Path

from devices.core.enrolment import NotAnEnrolmentCode
from devices.decode import Decoder, NotEnrolled
from devices.drivers.scanner import LineScanner


def main(folder: Path, server_url: str) -> None:
    """The first line of a new device is its enrolment code. Ends with the input."""
    scanner = LineScanner(sys.stdin).texts()
    try:
        decoder = Decoder.open(folder)
    except NotEnrolled:
        try:
            decoder = Decoder.enrol(folder, server_url, next(scanner, ""))
        except (NotAnEnrolmentCode, NotEnrolled) as refused:
            sys.exit(str(refused))
    decoder.start()
    for text in scanner:
        verdict = decoder.verify(text, int(time.time()))
        print("yes" if verdict.accepted else "no", verdict.why, verdict.name, verdict.sentence("en"), sep="\t")
        sys.stdout.flush()
    decoder.close()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2])
