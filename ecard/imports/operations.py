"""Reading a file into a preview, applying it, and undoing it. Each is one transaction: all of it or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q

from ecard.imports.errors import MovedOn, NotReady
from ecard.imports.kinds import KINDS
from ecard.imports.kinds.base import Cells, Change, Column, Kind, Problem
from ecard.imports.models import FILE_NAME_LENGTH_MAX, BatchState, ImportBatch, ImportRow, Outcome
from ecard.imports.planning import Plan, changed_cells, columns_of, plan_cells, plan_table, problem_of
from ecard.imports.reading import read_table

ROWS_PER_INSERT = 5_000
PREVIEW_KEPT = timedelta(days=2)
UNDO_KEPT = timedelta(days=120)


Given = tuple[int, Cells, list[Problem]]
"""A row as read: its number, its cells, and what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Written:
    """A table as it goes into a file."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@transaction.atomic
def read_file(*, kind: str, data: bytes, name: str, by: AbstractBaseUser, at: datetime) -> ImportBatch:
    """Keep what a file would change, to be looked at; nothing else is written. Raises FileRefused."""
    plan = plan_table(KINDS[kind], read_table(data, name=name))
    batch = ImportBatch(kind=kind, file_name=name[-FILE_NAME_LENGTH_MAX:], read_at=at, read_by_id=by.pk)
    _keep(batch, plan)
    return batch


def apply_batch(*, batch: ImportBatch, only_good: bool, by: AbstractBaseUser, at: datetime) -> ImportBatch:
    """Import what the preview showed. Rows that are wrong stop it, unless only the good ones are asked for.

    Raises NotReady, and MovedOn where records changed since: the preview is then made anew.
    """
    with transaction.atomic():
        held = _held(batch, state=BatchState.READ)
        kind = KINDS[held.kind]
        if held.refused and not only_good:
            raise NotReady("wrong rows")
        rows = list(held.rows.exclude(outcome=Outcome.WRONG).order_by("number"))
        now = kind.current([row.key for row in rows])
        reread = _reread(held, kind, rows)
        moved = any(problems for _number, _cells, problems in reread)
        moved = moved or any(_differs(now.get(row.key), row.before) for row in rows)
        if moved:
            _plan_anew(held, kind, reread)
        else:
            new = [_change(row) for row in rows if row.outcome == Outcome.NEW]
            kind.apply(new=new, changed=[_change(row) for row in rows if row.before is not None], by=by, at=at)
            held.state, held.applied_at, held.applied_by_id = BatchState.APPLIED, at, by.pk
            held.save()
    if moved:
        raise MovedOn(held.file_name)
    return held


@transaction.atomic
def undo_batch(*, batch: ImportBatch, by: AbstractBaseUser, at: datetime) -> ImportBatch:
    """Bring back what an import changed, cell by cell, where nobody changed it since; the rest is listed on its rows.

    Raises NotReady.
    """
    held = _held(batch, state=BatchState.APPLIED)
    if not may_undo(held):
        raise NotReady("forgotten")
    kind = KINDS[held.kind]
    columns = columns_of(kind, held.columns)
    rows = list(held.rows.exclude(outcome=Outcome.WRONG).order_by("number"))
    now = kind.current([row.key for row in rows])
    left: dict[int, list[Problem]] = {}
    back: list[Change] = []
    made: list[ImportRow] = []
    for row in rows:
        there = now.get(row.key)
        if there is None:
            left[row.number] = [{"kind": "gone"}]
        elif row.before is None:
            moved = changed_cells(row.after, there)
            if moved:
                left[row.number] = [_moved(name, row.after, there) for name in moved]
            else:
                made.append(row)
        else:
            target, kept = _restored(row, there, columns)
            if kept:
                left[row.number] = kept
            if changed_cells(there, target):
                back.append(Change(row.key, there, target))
    kind.apply(new=(), changed=back, by=by, at=at)
    stay = kind.take_back([row.key for row in made], by=by, at=at)
    left.update({row.number: [stay[row.key]] for row in made if row.key in stay})
    _note_left(rows, left)
    held.state, held.undone_at, held.undone_by_id, held.left = BatchState.UNDONE, at, by.pk, len(left)
    held.save()
    return held


def may_undo(batch: ImportBatch) -> bool:
    """Whether what is needed to undo an import is kept still."""
    return batch.state == BatchState.APPLIED and (batch.rows.exists() or not batch.added + batch.changed)


@transaction.atomic
def forget(*, at: datetime) -> int:
    """Drop previews that nobody came back to, and the rows of imports too old to undo; gives how many rows went."""
    stale = ImportBatch.objects.filter(state=BatchState.READ, read_at__lt=at - PREVIEW_KEPT)
    old = ImportBatch.objects.filter(read_at__lt=at - UNDO_KEPT)
    rows, _by_model = ImportRow.objects.filter(Q(batch__in=stale) | Q(batch__in=old)).delete()
    stale.delete()
    return rows


def table_of(name: str) -> Written:
    """All records of a kind as a table that imports again as unchanged; headers in the reader's language."""
    kind = KINDS[name]
    titles = {column.name: str(column.title) for column in kind.columns()}
    records = list(kind.everything())
    more = sorted({each for cells in records for each in cells if kind.column_for(each) is not None} - set(titles))
    names = [*titles, *more]
    return Written(
        header=tuple(titles.get(each, each) for each in names),
        rows=[tuple(cells.get(each, "") for each in names) for cells in records],
    )


def _held(batch: ImportBatch, *, state: BatchState) -> ImportBatch:
    held = ImportBatch.objects.select_for_update().get(pk=batch.pk)
    if held.state != state:
        raise NotReady("applied" if held.state == BatchState.APPLIED else "undone")
    return held


def _keep(batch: ImportBatch, plan: Plan) -> None:
    batch.columns = list(plan.columns)
    batch.added, batch.changed = plan.count(Outcome.NEW), plan.count(Outcome.CHANGED)
    batch.unchanged, batch.refused = plan.unchanged, plan.count(Outcome.WRONG)
    batch.save()
    ImportRow.objects.bulk_create(
        (
            ImportRow(
                batch=batch,
                number=row.number,
                key=row.key,
                outcome=row.outcome,
                before=row.before,
                after=row.after,
                problems=list(row.problems),
            )
            for row in plan.rows
        ),
        batch_size=ROWS_PER_INSERT,
    )


def _reread(batch: ImportBatch, kind: Kind, rows: Sequence[ImportRow]) -> list[Given]:
    """The cells of the file's own columns, with what is wrong by now: what they name may be called otherwise."""
    columns = columns_of(kind, batch.columns)
    given: list[Given] = []
    for row in rows:
        cells = {name: row.after[name] for name in columns if name in row.after}
        found = (problem_of(columns[name], cell) for name, cell in cells.items())
        given.append((row.number, cells, [problem for problem in found if problem]))
    return given


def _plan_anew(batch: ImportBatch, kind: Kind, given: Sequence[Given]) -> None:
    """The preview again, of the rows that would have been imported."""
    wrong = batch.rows.filter(outcome=Outcome.WRONG)
    still_wrong, unchanged = wrong.count(), batch.unchanged
    batch.rows.exclude(outcome=Outcome.WRONG).delete()
    _keep(batch, plan_cells(kind, given, columns=tuple(batch.columns)))
    batch.refused += still_wrong
    batch.unchanged += unchanged
    batch.save()


def _differs(there: Cells | None, before: Cells | None) -> bool:
    return (there is None) != (before is None) or bool(changed_cells(there or {}, before or {}))


def _change(row: ImportRow) -> Change:
    return Change(row.key, row.before, row.after)


def _restored(row: ImportRow, there: Cells, columns: Mapping[str, Column]) -> tuple[Cells, list[Problem]]:
    """The record as it is to be after undoing; and what stays, changed since or with nothing to go back to."""
    before: Cells = row.before or {}
    target, kept = dict(there), []
    for name in changed_cells(before, row.after):
        if there.get(name, "") != row.after.get(name, ""):
            kept.append(_moved(name, row.after, there))
        elif name in columns and (problem := problem_of(columns[name], before.get(name, ""))):
            kept.append(problem)
        elif name in before:
            target[name] = before[name]
        else:
            target.pop(name, None)
    return target, kept


def _moved(name: str, after: Cells, there: Cells) -> Problem:
    return {"kind": "moved on", "column": name, "value": after.get(name, ""), "now": there.get(name, "")}


def _note_left(rows: Sequence[ImportRow], left: dict[int, list[Problem]]) -> None:
    noted: Iterable[ImportRow] = (row for row in rows if row.number in left)
    changed = []
    for row in noted:
        row.left = left[row.number]
        changed.append(row)
    ImportRow.objects.bulk_update(changed, ["left"], batch_size=1_000)
