"""`python -m ecard.demo`: a whole campus on this machine. Nothing of Django is loaded before its settings are known."""

from __future__ import annotations

import os
import sys

from ecard.demo.options import parse
from ecard.demo.run import run

if __name__ == "__main__":
    sys.exit(run(parse(), own=os.environ))
