"""What each kind of record says of itself, so that one plan, one preview and one undo serve them all.

Values travel as text, as a file has them: a kind reads a cell into its one right spelling or names what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model
from django_stubs_ext import StrOrPromise

from devices.core.money import AmountError, format_minor, parse_amount

KEY_SEPARATOR = " · "
YES, NO = "yes", "no"
_YES = frozenset({"yes", "y", "true", "1", "是", "有", "对"})
_NO = frozenset({"no", "n", "false", "0", "否", "无", "不"})

Problem = dict[str, Any]
"""`kind`, and what `sentences.problem_sentence` puts into its sentence."""
Cells = dict[str, str]
"""Text by column."""


class Wrong(Exception):
    """The cell cannot be what it says. `args[0]` is the kind of problem, the rest its particulars by name."""

    def __init__(self, kind: str, **about: Any) -> None:
        super().__init__(kind)
        self.problem: Problem = {"kind": kind, **about}


@dataclass(frozen=True, slots=True)
class Column:
    """`read` gives the cell's right spelling or raises Wrong. A file may do without the column: a new record then has
    what `missing` says, and one that exists keeps what it has, unless `implied` says what every row means."""

    name: str
    title: StrOrPromise
    read: Callable[[str], str]
    required: bool = False
    missing: str = ""
    implied: str | None = None
    aliases: tuple[str, ...] = ()
    """Other headers that files of schools and companies have for it."""


@dataclass(frozen=True, slots=True)
class Change:
    """All cells of one record as they are to be. `before` None makes it new."""

    key: str
    before: Cells | None
    after: Cells


class Kind(Protocol):
    """One kind of record. Every method takes many records at once and asks a bounded number of statements."""

    @property
    def name(self) -> str:
        """The word for it in addresses and tables."""

    @property
    def title(self) -> StrOrPromise:
        """What people call them."""

    @property
    def model(self) -> type[Model]:
        """Whose rights count, and where its records are shown."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that name a record."""

    def columns(self) -> tuple[Column, ...]:
        """The columns a file may have; looked up once for a file."""

    def column_for(self, header: str) -> Column | None:
        """A column that is made by its header, such as an attribute."""

    def current(self, keys: Iterable[str]) -> dict[str, Cells]:
        """All cells of those records that exist."""

    def problems(self, change: Change) -> list[Problem]:
        """What is wrong with the record as a whole; asked after `current`, of new and changed ones."""

    def apply(self, *, new: Sequence[Change], changed: Sequence[Change], by: AbstractBaseUser, at: datetime) -> None:
        """Make and change them through the operations of their app."""

    def take_back(self, keys: Sequence[str], *, by: AbstractBaseUser, at: datetime) -> dict[str, Problem]:
        """Take back records that an import made; gives why for those that stay."""

    def everything(self) -> Iterator[Cells]:
        """All records, for an export, in order of their key."""


def text(*, longest: int, shortest: int = 0) -> Callable[[str], str]:
    """Words in one line."""

    def read(cell: str) -> str:
        found = " ".join(cell.split())
        if not shortest <= len(found) <= longest:
            raise Wrong("empty" if not found else "long", most=longest)
        if not found.isprintable():
            raise Wrong("characters")
        return found

    return read


def code(*, longest: int) -> Callable[[str], str]:
    """An identifier: a number of a person, or a code."""
    words = text(longest=longest, shortest=1)

    def read(cell: str) -> str:
        found = words(cell)
        if " " in found:
            raise Wrong("space", value=found)
        return found

    return read


def one_of(known: Mapping[str, Any]) -> Callable[[str], str]:
    """One of the codes that exist."""

    def read(cell: str) -> str:
        if not cell:
            raise Wrong("empty")
        if cell not in known:
            raise Wrong("unknown", value=cell)
        return cell

    return read


def some_of(known: Mapping[str, Any]) -> Callable[[str], str]:
    """Any of the codes that exist, with commas between, in their order."""

    def read(cell: str) -> str:
        parts = {part.strip() for part in cell.replace("，", ",").replace("、", ",").replace(";", ",").split(",")}
        found = sorted(parts - {""})
        for part in found:
            if part not in known:
                raise Wrong("unknown", value=part)
        return ",".join(found)

    return read


def yes_or_no(cell: str) -> str:
    """Yes or no, in either language."""
    said = cell.strip().casefold()
    if said not in _YES | _NO:
        raise Wrong("yes or no", value=cell)
    return YES if said in _YES else NO


def amount(*, least_minor: int, most_minor: int, unit_minor: int = 1) -> Callable[[str], str]:
    """Money as 12.50."""

    def read(cell: str) -> str:
        plain = cell.replace("¥", "").replace("￥", "").replace(",", "").strip()
        sign = -1 if plain.startswith("-") else 1
        try:
            minor = sign * parse_amount(plain.removeprefix("-"))
        except AmountError as wrong:
            raise Wrong("amount", value=cell) from wrong
        if not least_minor <= minor <= most_minor or minor % unit_minor:
            raise Wrong(
                "amount range", least=money(least_minor), most=money(most_minor), unit=money(unit_minor), value=cell
            )
        return money(minor)

    return read


def whole(*, least: int, most: int) -> Callable[[str], str]:
    """A whole number."""

    def read(cell: str) -> str:
        sign, digits = (-1, cell[1:]) if cell.startswith("-") else (1, cell)
        if not (digits.isascii() and digits.isdigit() and len(digits) < 12 and least <= sign * int(digits) <= most):
            raise Wrong("whole", value=cell, least=least, most=most)
        return str(sign * int(digits))

    return read


def money(amount_minor: int) -> str:
    """Minor units as a cell has them: 12.50."""
    return format_minor(amount_minor, symbol="").replace(",", "")


def minor(cell: str) -> int:
    """Minor units of a cell that `amount` has read."""
    return (-1 if cell.startswith("-") else 1) * parse_amount(cell.removeprefix("-"))
