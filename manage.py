#!/usr/bin/env python
"""Django's commands.

Commands that change the schema connect as the owner (DATABASE_OWNER_URL); all others, as the
server itself does, as the runtime role (DATABASE_URL), which may neither change the schema nor
edit the ledger.
"""

from __future__ import annotations

import os
import sys

OWNER_COMMANDS = frozenset({"migrate", "makemigrations", "sqlmigrate", "showmigrations"})


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecard.settings.demo")
    if len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS:
        os.environ.setdefault("ECARD_AS_OWNER", "1")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
