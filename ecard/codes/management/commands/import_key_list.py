"""Take in a key list that the root signed elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ecard.codes.errors import CodesError
from ecard.codes.operations import publish_key_list


class Command(BaseCommand):
    help = "Take in a signed key list: its keys are announced, and revoked ones are refused from the next sync."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--in", dest="signed", type=Path, required=True)

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            taken = publish_key_list(signed=options["signed"].read_bytes(), at=timezone.now())
        except (CodesError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"key list {taken.number} is in force")
