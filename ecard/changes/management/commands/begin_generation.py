"""After a restore from a backup: every terminal loads everything anew."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ecard.changes.operations import new_generation


class Command(BaseCommand):
    help = (
        "Begin a new generation of the database. Run it once after restoring a backup, before the web server starts: "
        "terminals heard of changes that the backup does not hold, and must not go on from there."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(
            f"generation {new_generation(at=timezone.now()):016x} has begun; terminals load everything anew"
        )
