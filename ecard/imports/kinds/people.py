"""Cardholders: number, name, group, and attributes in columns of their own ("attribute:grade")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ecard.cardholders import operations
from ecard.cardholders.models import Cardholder, CardholderState, Group
from ecard.cardholders.rules import VALUE_LENGTH_MAX, BadAttribute, attributes_of
from ecard.cardholders.values import ChangedCardholder, NewCardholder
from ecard.imports.kinds.base import Cells, Change, Column, Problem, code, one_of, text
from ecard.imports.kinds.references import referred

PREFIX = "attribute:"
PREFIXES = (PREFIX, "attribute：", "属性:", "属性：")
PER_STATEMENT = 5_000
NAME_LENGTH_MAX = 60
NUMBER_LENGTH_MAX = 32
NUMBER_ALIASES = ("学号", "工号", "学工号")


class People:
    """Who has an account. A person is opened with a purse; undoing closes that account and frees its number."""

    name = "people"
    title = _("people")
    model = Cardholder
    key = ("number",)

    def columns(self) -> tuple[Column, ...]:
        groups = dict(Group.objects.values_list("code", "pk"))
        return (
            Column("number", _("number"), code(longest=NUMBER_LENGTH_MAX), required=True, aliases=NUMBER_ALIASES),
            Column(
                "name", pgettext_lazy("of a person", "name"), text(longest=NAME_LENGTH_MAX, shortest=1), required=True
            ),
            Column("group", pgettext_lazy("of people", "group"), one_of(groups), required=True),
        )

    def column_for(self, header: str) -> Column | None:
        prefix = next((each for each in PREFIXES if header.lower().startswith(each)), None)
        if prefix is None:
            return None
        attribute = header[len(prefix) :].strip().lower()
        try:
            attributes_of({attribute: "1"})
        except BadAttribute:
            return None
        return Column(f"{PREFIX}{attribute}", f"{PREFIX}{attribute}", text(longest=VALUE_LENGTH_MAX))

    def current(self, keys: Iterable[str]) -> dict[str, Cells]:
        return {cells["number"]: cells for cells in _cells(_numbered(keys))}

    def problems(self, change: Change) -> list[Problem]:
        try:
            attributes_of(_attributes(change.after))
        except BadAttribute as wrong:
            return [{"kind": "attributes", "about": wrong.args[1]}]
        if change.before is not None and change.before["state"] == "closed":
            return [{"kind": "closed"}]
        return []

    def apply(self, *, new: Sequence[Change], changed: Sequence[Change], by: AbstractBaseUser, at: datetime) -> None:
        groups = dict(Group.objects.values_list("code", "pk"))
        if new:
            operations.open_cardholders(
                people=[
                    NewCardholder(
                        number=each.key,
                        name=each.after["name"],
                        group_id=groups[each.after["group"]],
                        attributes=_attributes(each.after),
                    )
                    for each in new
                ],
                at=at,
            )
        ids = dict(_numbered(each.key for each in changed).values_list("number", "pk"))
        if changed:
            operations.change_cardholders(
                changes=[
                    ChangedCardholder(
                        ids[each.key], each.after["name"], groups[each.after["group"]], _attributes(each.after)
                    )
                    for each in changed
                ],
                at=at,
            )

    def take_back(self, keys: Sequence[str], *, by: AbstractBaseUser, at: datetime) -> dict[str, Problem]:
        numbers = dict(_numbered(keys).values_list("pk", "number"))
        in_use = referred(Cardholder, numbers)
        stay = operations.withdraw_cardholders(cardholder_ids=set(numbers) - set(in_use), at=at)
        return {
            **{numbers[pk]: {"kind": "in use", "about": where} for pk, where in in_use.items()},
            **{numbers[pk]: {"kind": "purse"} for pk in stay},
        }

    def everything(self) -> Iterator[Cells]:
        yield from _cells(Cardholder.objects.filter(state=CardholderState.ACTIVE).order_by("number"))


def _numbered(keys: Iterable[str]) -> QuerySet[Cardholder]:
    return Cardholder.objects.filter(number__in=list(keys))


def _cells(people: QuerySet[Cardholder]) -> Iterator[Cells]:
    rows: Any = people.values_list("number", "name", "group__code", "attributes", "state")
    for number, name, group, attributes, state in rows.iterator(chunk_size=PER_STATEMENT):
        closed = {"state": "closed"} if state == CardholderState.CLOSED else {"state": ""}
        named = {f"{PREFIX}{each}": value for each, value in attributes.items()}
        yield {"number": number, "name": name, "group": group, **closed, **named}


def _attributes(cells: Cells) -> dict[str, str]:
    return {name.removeprefix(PREFIX): value for name, value in cells.items() if name.startswith(PREFIX) and value}
