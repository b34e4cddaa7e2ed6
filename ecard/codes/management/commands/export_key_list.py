"""Write the waiting key list to a file, for the machine where the root lives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ecard.codes.queries import waiting_draft


class Command(BaseCommand):
    help = "Write the key list that awaits the root's signature to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", type=Path, required=True)

    def handle(self, *_args: Any, **options: Any) -> None:
        waiting = waiting_draft()
        if waiting is None:
            raise CommandError("no key list awaits a signature")
        options["out"].write_bytes(waiting.data)
        self.stdout.write(f"key list {waiting.number} is in {options['out']}")
