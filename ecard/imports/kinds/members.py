"""Who is on which uploaded list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from ecard.cardholders import operations
from ecard.cardholders.models import Cardholder, ListKind, ListMember, PersonList
from ecard.imports.kinds.base import KEY_SEPARATOR, NO, YES, Cells, Change, Column, Problem, code, one_of, yes_or_no
from ecard.imports.kinds.people import NUMBER_ALIASES, NUMBER_LENGTH_MAX

PER_STATEMENT = 5_000


class Members:
    """A row puts a person on a list, or takes them off where "on the list" says no. Nobody else is touched."""

    name = "members"
    title = _("people on lists")
    model = ListMember
    key = ("list", "number")

    def columns(self) -> tuple[Column, ...]:
        uploaded = dict(PersonList.objects.filter(kind=ListKind.UPLOADED).values_list("code", "pk"))
        return (
            Column("list", _("list"), one_of(uploaded), required=True),
            Column("number", _("number"), code(longest=NUMBER_LENGTH_MAX), required=True, aliases=NUMBER_ALIASES),
            Column("listed", _("on the list"), yes_or_no, implied=YES),
        )

    def column_for(self, header: str) -> Column | None:
        return None

    def current(self, keys: Iterable[str]) -> dict[str, Cells]:
        """Everybody who has a number is known to every list: on it or not."""
        named = [(key, *_parts(key)) for key in keys]
        numbers = {number for _key, _list, number in named}
        exist = set(Cardholder.objects.filter(number__in=numbers).values_list("number", flat=True))
        lists = {list_code for _key, list_code, _number in named}
        found = ListMember.objects.filter(person_list__code__in=lists, cardholder__number__in=numbers)
        on = set(found.values_list("person_list__code", "cardholder__number"))
        return {
            key: {"list": list_code, "number": number, "listed": YES if (list_code, number) in on else NO}
            for key, list_code, number in named
            if number in exist
        }

    def problems(self, change: Change) -> list[Problem]:
        return [{"kind": "nobody", "column": "number"}] if change.before is None else []

    def apply(self, *, new: Sequence[Change], changed: Sequence[Change], by: AbstractBaseUser, at: datetime) -> None:
        people = dict(
            Cardholder.objects.filter(number__in={each.after["number"] for each in changed}).values_list("number", "pk")
        )
        add, remove = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for each in changed:
            (add if each.after["listed"] == YES else remove)[each.after["list"]].append(people[each.after["number"]])
        for person_list in PersonList.objects.filter(code__in={*add, *remove}).order_by("pk"):
            operations.add_members(person_list=person_list, cardholder_ids=add[person_list.code], at=at)
            operations.remove_members(person_list=person_list, cardholder_ids=remove[person_list.code], at=at)

    def take_back(self, keys: Sequence[str], *, by: AbstractBaseUser, at: datetime) -> dict[str, Problem]:
        """Nothing: being on a list or not is a change, never something new."""
        return {}

    def everything(self) -> Iterator[Cells]:
        rows: QuerySet[Any] = ListMember.objects.order_by("person_list__code", "cardholder__number")
        for list_code, number in rows.values_list("person_list__code", "cardholder__number").iterator():
            yield {"list": list_code, "number": number, "listed": YES}


def _parts(key: str) -> tuple[str, str]:
    list_code, _separator, number = key.partition(KEY_SEPARATOR)
    return list_code, number
