"""Writing what a posting group reported, and forgetting who passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from ecard.settlement.reported.models import Passage, TerminalNote
from ecard.terminals.queries import supervisor_names

ROWS_A_STATEMENT = 2_000
FORGET_LIMIT = 20_000


def write(*, passages: Sequence[Passage], notes: Sequence[TerminalNote]) -> None:
    """Those of one group, in its transaction: no statement where there are none."""
    if passages:
        Passage.objects.bulk_create(passages, batch_size=ROWS_A_STATEMENT)
    if notes:
        known = supervisor_names(_numbers(notes))
        for note in notes:
            note.names = [known.get(_number(each), each) for each in note.by]
        TerminalNote.objects.bulk_create(notes, batch_size=ROWS_A_STATEMENT)


def forget_who_passed(*, at: datetime, limit: int = FORGET_LIMIT) -> int:
    """Let go whose passages of long ago they were; gives how many rows. The rest of them next time."""
    before = at - timedelta(days=settings.ECARD_PASSAGES_KEEP_DAYS)
    with transaction.atomic():
        old = Passage.objects.filter(passed_at__lt=before, account_ref__isnull=False).order_by("passed_at")
        ids = list(old.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:limit])
        return Passage.objects.filter(pk__in=ids).update(account_ref=None)


def _numbers(notes: Iterable[TerminalNote]) -> set[int]:
    return {number for note in notes for each in note.by if (number := _number(each))}


def _number(word: str) -> int:
    """A supervisor's, or 0 for what is none."""
    return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else 0
