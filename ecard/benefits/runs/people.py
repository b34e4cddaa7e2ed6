"""Who is on a run's list: by groups, attributes or a list of people, or line by line from an upload. Set by set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from devices.core.money import AmountError, parse_amount
from ecard.benefits.models import AMOUNT_MAX_MINOR, LeftOut, Run
from ecard.benefits.runs.errors import BadUpload
from ecard.cardholders.models import CardholderState
from ecard.cardholders.queries import selected
from ecard.tables import ROUNDED, Limits, rows_of_csv

UPLOAD_BYTES_MAX = 4 * 1024 * 1024
UPLOAD_UNPACKED_BYTES_MAX = 32 * 1024 * 1024
UPLOAD_ROWS_MAX = 200_000
UPLOAD_LIMITS = Limits(UPLOAD_BYTES_MAX, UPLOAD_UNPACKED_BYTES_MAX, UPLOAD_ROWS_MAX + 1, columns=2)
NUMBER_LENGTH_MAX = 32

HEADINGS = frozenset({"number", "no", "no.", "id", "amount", "学号", "工号", "编号", "卡号", "金额"})

_BY_SELECTION = """
INSERT INTO benefits_runline (run_id, cardholder_id, number, amount_minor, left_out, duplicate)
SELECT %s, person.id, person.number, %s, 0, 0
FROM cardholders_cardholder AS person WHERE person.id IN ({chosen}) ORDER BY person.id
"""
_BY_UPLOAD = """
INSERT INTO benefits_runline (run_id, cardholder_id, number, amount_minor, left_out, duplicate)
SELECT %s, person.id, given.number, coalesce(given.amount, %s),
       CASE WHEN person.id IS NULL THEN %s WHEN person.state <> %s THEN %s ELSE 0 END, 0
FROM unnest(%s::text[], %s::int[]) AS given (number, amount)
LEFT JOIN cardholders_cardholder AS person ON person.number = given.number ORDER BY person.id
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """Whom a run is for: in one of the groups, with one of the values of every attribute, and on the list.

    What is empty or None asks for nothing, so an empty selection is everybody with an open account.
    """

    groups: tuple[int, ...] = ()
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    list_id: int | None = None

    def as_json(self) -> dict[str, Any]:
        """As a run keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Selection:
        """What `as_json` gave."""
        return cls(
            groups=tuple(kept.get("groups", ())),
            attributes={name: tuple(values) for name, values in kept.get("attributes", {}).items()},
            list_id=kept.get("list_id"),
        )


def upload_from_text(text: str) -> str:
    """The same from text, with commas, semicolons or tabs between the two. Raises BadUpload and tables' BadTable."""
    return upload_from_rows(rows_of_csv(text.lstrip("\ufeff"), limits=UPLOAD_LIMITS))


def upload_from_rows(rows: Iterable[Sequence[str]]) -> str:
    """A list as a run keeps it: a number in each row and, optionally, an amount.

    A first row of words such as "number" is a heading. Raises BadUpload with every row that cannot be read.
    """
    wrong: list[tuple[int, str]] = []
    found: dict[str, str] = {}
    for place, row in enumerate(rows, start=1):
        cells = [cell.strip() for cell in row]
        if not any(cells) or (place == 1 and HEADINGS & {cell.casefold() for cell in cells}):
            continue
        problem = _problem(cells, found)
        if problem:
            wrong.append((place, problem))
        else:
            found[cells[0]] = str(parse_amount(cells[1])) if len(cells) > 1 and cells[1] else ""
    if len(found) > UPLOAD_ROWS_MAX:
        wrong = [(UPLOAD_ROWS_MAX + 1, _("there are too many rows"))]
    if not found and not wrong:
        wrong = [(1, _("there is no number"))]
    if wrong:
        raise BadUpload(wrong)
    return "\n".join(f"{number},{amount}" for number, amount in found.items())


def _problem(cells: list[str], found: dict[str, str]) -> str:
    number, amount = cells[0], cells[1] if len(cells) > 1 else ""
    if any(cells[2:]):
        return _("there is more than a number and an amount: write 1000.00 without a comma")
    if number == ROUNDED:
        return _("the spreadsheet has rounded this number: format the column as text first")
    if not 0 < len(number) <= NUMBER_LENGTH_MAX or any(each in number for each in ",;") or not number.isprintable():
        return _("this is no number of a person")
    if number in found:
        return _("%(number)s stands here twice") % {"number": number}
    try:
        fits = not amount or 0 < parse_amount(amount) <= AMOUNT_MAX_MINOR
    except AmountError:
        fits = False
    return "" if fits else _("“%(amount)s” is no amount") % {"amount": amount}


def list_people(run: Run) -> None:
    """Write the run's lines, in the order of the people's ids, in one statement."""
    with connection.cursor() as cursor:
        if run.uploaded:
            numbers, amounts = zip(*_kept(run.uploaded), strict=True)
            cursor.execute(
                _BY_UPLOAD,
                [
                    run.pk,
                    run.amount_minor,
                    LeftOut.UNKNOWN,
                    CardholderState.ACTIVE,
                    LeftOut.CLOSED,
                    list(numbers),
                    list(amounts),
                ],
            )
            return
        who = Selection.from_json(run.selection)
        people = selected(groups=who.groups, attributes=who.attributes, list_id=who.list_id).order_by().values("pk")
        chosen, given = people.query.sql_with_params()
        cursor.execute(_BY_SELECTION.format(chosen=chosen), [run.pk, run.amount_minor, *given])


def _kept(uploaded: str) -> Iterator[tuple[str, int | None]]:
    for line in uploaded.splitlines():
        number, _comma, amount = line.rpartition(",")
        yield number, int(amount) if amount else None
