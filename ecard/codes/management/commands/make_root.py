"""Draw the offline root and pin its public key here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ecard.codes.errors import CodesError
from ecard.codes.offline import passphrase
from ecard.codes.operations import pin_root
from ecard.codes.rootfile import make_root


class Command(BaseCommand):
    help = (
        "Draw the institution's root key into a file encrypted under a passphrase (ECARD_ROOT_PASSPHRASE or a "
        "prompt) and pin its public key. With --public, pin a root that was made on another machine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--out", type=Path, help="the file to write; keep it away from this machine")
        which.add_argument("--public", help="the public key (hex) that `python -m ecard.codes.offline make` printed")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["out"] is not None:
                public = make_root(
                    options["out"], institution=settings.ECARD_INSTITUTION, passphrase=passphrase(confirm=True)
                )
            else:
                public = _public(options["public"])
            pin_root(public=public, at=timezone.now())
        except CodesError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"root {public.hex()} is pinned")


def _public(text: str) -> bytes:
    try:
        public = bytes.fromhex(text)
    except ValueError as error:
        raise CommandError("a public key is 64 hexadecimal digits") from error
    if len(public) != 32:
        raise CommandError("a public key is 64 hexadecimal digits")
    return public
