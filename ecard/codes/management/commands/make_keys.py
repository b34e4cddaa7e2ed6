"""Give every role a key and a successor, and draft the list that announces them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ecard.codes.errors import CodesError
from ecard.codes.operations import ensure_keys


class Command(BaseCommand):
    help = "Make the keys that are missing: for each role one to use and its successor. Safe to run again."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            draft = ensure_keys(at=timezone.now())
        except CodesError as error:
            raise CommandError(str(error)) from error
        if draft is None:
            self.stdout.write("every role has a key and a successor")
        else:
            self.stdout.write(f"key list {draft.number} awaits the root: manage.py sign_key_list --root FILE")
