"""Run one command beside a fresh PostgreSQL that goes away with it.

python -m ecard.embedded run [--settings MODULE] -- COMMAND ...
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ecard.embedded.postgres import EmbeddedPostgres


def run(command: list[str], *, settings: str | None) -> int:
    """The command's exit status; it finds the database in DATABASE_URL and DATABASE_OWNER_URL."""
    server = EmbeddedPostgres(Path(tempfile.mkdtemp(prefix="ecard-run-")), durable=False, end_with_parent=True)
    try:
        server.start()
        environment = {**os.environ, "DATABASE_URL": server.app_url, "DATABASE_OWNER_URL": server.owner_url}
        if settings:
            environment["DJANGO_SETTINGS_MODULE"] = settings
        return subprocess.run(command, env=environment, check=False).returncode
    finally:
        server.destroy()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ecard.embedded", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run_parser = verbs.add_parser("run", help="run a command beside a fresh PostgreSQL")
    run_parser.add_argument("--settings", help="Django settings module for the command")
    run_parser.add_argument("command", nargs="+")
    chosen = parser.parse_args()
    return run(chosen.command, settings=chosen.settings)


if __name__ == "__main__":
    sys.exit(main())
