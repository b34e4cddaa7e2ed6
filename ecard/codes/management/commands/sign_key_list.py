"""Have the waiting key list signed by the root: here in one step, or by files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from ecard.codes.errors import CodesError
from ecard.codes.offline import passphrase
from ecard.codes.operations import publish_key_list
from ecard.codes.queries import waiting_draft
from ecard.codes.rootfile import describe, read_draft, sign_draft


class Command(BaseCommand):
    help = (
        "Sign the waiting key list with the root file and take it in. With --in and --out, sign an exported "
        "draft into a file and touch no database; `export_key_list` and `import_key_list` are the other two steps."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--root", type=Path, required=True, help="the root file")
        parser.add_argument("--in", dest="draft", type=Path, help="an exported draft")
        parser.add_argument("--out", type=Path, help="where to write the signed list")

    def handle(self, *_args: Any, **options: Any) -> None:
        draft: Path | None = options["draft"]
        out: Path | None = options["out"]
        if (draft is None) != (out is None):
            raise CommandError("--in and --out go together")
        try:
            body = _waiting() if draft is None else draft.read_bytes()
            self.stdout.write(describe(read_draft(body)))
            signed = sign_draft(body, path=options["root"], passphrase=passphrase())
            if out is not None:
                out.write_bytes(signed)
            else:
                taken = publish_key_list(signed=signed, at=timezone.now())
                self.stdout.write(f"key list {taken.number} is in force")
        except (CodesError, OSError) as error:
            raise CommandError(str(error)) from error


def _waiting() -> bytes:
    waiting = waiting_draft()
    if waiting is None:
        raise CommandError("no key list awaits a signature")
    return waiting.data
