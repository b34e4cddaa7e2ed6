"""Subsidy and voucher programmes, by name: who gives how much to whom, when and where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db.models import Choices, QuerySet
from django.utils.translation import gettext_lazy as _

from ecard.benefits.models import AMOUNT_MAX_MINOR, Ends, Programme, ProgrammeKind, Schedule, Sponsor
from ecard.cardholders.models import Group, PersonList
from ecard.imports.errors import CannotApply
from ecard.imports.kinds.base import (
    NO,
    YES,
    Cells,
    Change,
    Column,
    Problem,
    Wrong,
    amount,
    minor,
    money,
    one_of,
    some_of,
    text,
    whole,
    yes_or_no,
)
from ecard.imports.kinds.places import outlets_by_code, periods_by_code
from ecard.merchants.models import Category, Site

NAME_LENGTH_MAX = 60
DAYS_MAX = 3_660
WEEKDAYS = {str(number): number - 1 for number in range(1, 9)}
"""1 = Monday to 7, and 8 for holidays."""


class Programmes:
    """Programmes are named by policies, so undoing one that was new takes it out of use and keeps it."""

    name = "programmes"
    title = _("subsidy programmes")
    model = Programme
    key = ("name",)

    def columns(self) -> tuple[Column, ...]:
        limit = _optional(amount(least_minor=0, most_minor=AMOUNT_MAX_MINOR))
        return (
            Column("name", _("name"), text(longest=NAME_LENGTH_MAX, shortest=1), required=True),
            Column("name_en", _("name in English"), text(longest=NAME_LENGTH_MAX)),
            Column("kind", _("kind"), _choice(ProgrammeKind), missing=ProgrammeKind.SUBSIDY),
            Column("sponsor", _("sponsor"), _one_sponsor(), required=True),
            Column("amount", _("amount"), _optional(amount(least_minor=1, most_minor=AMOUNT_MAX_MINOR))),
            Column("pieces", _("pieces each"), whole(least=1, most=31), missing="1"),
            Column("from_price", _("from a price of"), limit),
            Column("most_a_sale", _("a sale at most"), limit),
            Column("percent", _("share of the price, %"), _percent, missing="0"),
            Column("part_payment", _("may pay a part"), yes_or_no, missing=YES),
            Column("groups", _("for groups"), some_of(_coded(Group))),
            Column("list", _("for the list"), _optional(one_of(_coded(PersonList)))),
            Column("issued", _("issued"), _choice(Schedule), missing=Schedule.BY_HAND),
            Column("day", _("on day"), whole(least=1, most=31), missing="1"),
            Column("ends", _("what is left"), _choice(Ends), missing=Ends.PERIOD),
            Column("ends_days", _("days"), _optional(whole(least=1, most=DAYS_MAX))),
            Column("ends_on", _("on"), _optional(_date)),
            Column("goes_over", _("goes over at most"), limit),
            Column("sites", _("sites"), some_of(_coded(Site))),
            Column("outlets", _("outlets"), some_of(outlets_by_code())),
            Column("meals", _("meal periods"), some_of(periods_by_code())),
            Column("categories", _("product categories"), some_of(_coded(Category))),
            Column("weekdays", _("weekdays"), some_of(WEEKDAYS)),
            Column("order", _("order"), whole(least=0, most=9_999), missing="0"),
            Column("in_use", _("in use"), yes_or_no, missing=YES),
        )

    def column_for(self, header: str) -> Column | None:
        return None

    def current(self, keys: Iterable[str]) -> dict[str, Cells]:
        return {cells["name"]: cells for cells in _cells(Programme.objects.filter(name__in=list(keys)))}

    def problems(self, change: Change) -> list[Problem]:
        if change.before is not None and change.before["same"]:
            return [{"kind": "several"}]
        made = _filled(Programme(sponsor_id=0), change.after, lists={change.after["list"]: 0}, sponsors={})
        try:
            made.validate_constraints(exclude={"sponsor", "for_list"})
        except ValidationError:
            return [{"kind": "programme"}]
        return [{"kind": "programme"}] if made.schedule != Schedule.BY_HAND and not made.amount_minor else []

    def apply(self, *, new: Sequence[Change], changed: Sequence[Change], by: AbstractBaseUser, at: datetime) -> None:
        _refuse_issued(changed)
        known = {each.name: each for each in Programme.objects.filter(name__in=[each.key for each in changed])}
        lists, sponsors = _coded(PersonList), _named(Sponsor)
        relations: dict[str, tuple[str, Mapping[str, int]]] = {
            "groups": ("for_groups", _coded(Group)),
            "sites": ("sites", _coded(Site)),
            "outlets": ("outlets", outlets_by_code()),
            "meals": ("periods", periods_by_code()),
            "categories": ("categories", _coded(Category)),
        }
        for each in (*new, *changed):
            programme = _filled(known.get(each.key, Programme()), each.after, lists=lists, sponsors=sponsors)
            programme.save()
            for column, (field, ids) in relations.items():
                wanted = [ids[part] for part in filter(None, each.after[column].split(","))]
                getattr(programme, field).set(wanted)

    def take_back(self, keys: Sequence[str], *, by: AbstractBaseUser, at: datetime) -> dict[str, Problem]:
        for programme in Programme.objects.filter(name__in=list(keys), active=True):
            programme.active = False
            programme.save(update_fields=["active"])
        return {key: {"kind": "out of use"} for key in keys}

    def everything(self) -> Iterator[Cells]:
        yield from _cells(Programme.objects.order_by("name"))


def _filled(
    programme: Programme, cells: Mapping[str, str], *, lists: Mapping[str, int], sponsors: Mapping[str, int]
) -> Programme:
    programme.name, programme.name_en = cells["name"], cells["name_en"]
    programme.kind, programme.schedule, programme.ends = cells["kind"], cells["issued"], cells["ends"]
    programme.sponsor_id = sponsors.get(cells["sponsor"], 0)
    programme.amount_minor = minor(cells["amount"]) if cells["amount"] else None
    programme.threshold_minor = minor(cells["from_price"] or "0")
    programme.most_minor = minor(cells["most_a_sale"] or "0")
    programme.rollover_cap_minor = minor(cells["goes_over"]) if cells["goes_over"] else None
    programme.pieces, programme.percent_bp = int(cells["pieces"]), minor(cells["percent"])
    programme.schedule_day, programme.order = int(cells["day"]), int(cells["order"])
    programme.part_payment, programme.active = cells["part_payment"] == YES, cells["in_use"] == YES
    programme.ends_days = int(cells["ends_days"]) if cells["ends_days"] else None
    programme.ends_on = date.fromisoformat(cells["ends_on"]) if cells["ends_on"] else None
    programme.for_list_id = lists[cells["list"]] if cells["list"] else None
    programme.weekdays = sorted(WEEKDAYS[day] for day in filter(None, cells["weekdays"].split(",")))
    return programme


def _cells(programmes: QuerySet[Programme]) -> Iterator[Cells]:
    found = list(
        programmes.select_related("sponsor", "for_list").prefetch_related(
            "sites", "outlets__site", "periods__site", "categories", "for_groups"
        )
    )
    same = Counter(each.name for each in found)
    for each in found:
        yield {
            "name": each.name,
            "name_en": each.name_en,
            "kind": each.kind,
            "sponsor": each.sponsor.name,
            "amount": _amount(each.amount_minor),
            "pieces": str(each.pieces),
            "from_price": _amount(each.threshold_minor or None),
            "most_a_sale": _amount(each.most_minor or None),
            "percent": f"{each.percent_bp / 100:g}",
            "part_payment": YES if each.part_payment else NO,
            "groups": _codes(each.for_groups.all()),
            "list": each.for_list.code if each.for_list else "",
            "issued": each.schedule,
            "day": str(each.schedule_day),
            "ends": each.ends,
            "ends_days": "" if each.ends_days is None else str(each.ends_days),
            "ends_on": "" if each.ends_on is None else each.ends_on.isoformat(),
            "goes_over": _amount(each.rollover_cap_minor),
            "sites": _codes(each.sites.all()),
            "outlets": ",".join(sorted(f"{one.site.code}/{one.code}" for one in each.outlets.all())),
            "meals": ",".join(sorted(f"{one.site.code}/{one.code}" for one in each.periods.all())),
            "categories": _codes(each.categories.all()),
            "weekdays": ",".join(str(day + 1) for day in sorted(each.weekdays)),
            "order": str(each.order),
            "in_use": YES if each.active else NO,
            "same": "" if same[each.name] == 1 else str(same[each.name]),
        }


def _refuse_issued(changed: Sequence[Change]) -> None:
    """Kind and sponsor of a programme that was issued stay; a trigger says the same."""
    kept = ("kind", "sponsor")
    other = [each.key for each in changed if each.before and any(each.before[one] != each.after[one] for one in kept)]
    issued = list(
        Programme.objects.filter(name__in=other, grants__isnull=False).distinct().values_list("name", flat=True)[:1]
    )
    if issued:
        raise CannotApply({"kind": "issued", "about": issued[0]})


def _amount(amount_minor: int | None) -> str:
    return "" if amount_minor is None else money(amount_minor)


def _codes(records: Iterable[Any]) -> str:
    return ",".join(sorted(each.code for each in records))


def _coded(model: Any) -> dict[str, int]:
    return dict(model.objects.values_list("code", "pk"))


def _named(model: Any) -> dict[str, int]:
    return dict(model.objects.values_list("name", "pk"))


def _choice(choices: type[Choices]) -> Callable[[str], str]:
    return one_of({str(value): value for value in choices.values})


def _optional(read: Callable[[str], str]) -> Callable[[str], str]:
    return lambda cell: read(cell) if cell else ""


def _percent(cell: str) -> str:
    """A share such as 80 or 87.5; as an amount of money has it, with two decimals at most."""
    try:
        share = minor(amount(least_minor=0, most_minor=100_00)(cell.removesuffix("%").strip()))
    except Wrong as wrong:
        raise Wrong("share", value=cell) from wrong
    return f"{share / 100:g}"


def _one_sponsor() -> Callable[[str], str]:
    """One of the sponsors by name; of several with one name a file cannot say which pays."""
    names = Counter(Sponsor.objects.values_list("name", flat=True))
    read = one_of(names)

    def sponsor(cell: str) -> str:
        if names[cell] > 1:
            raise Wrong("several")
        return read(cell)

    return sponsor


def _date(cell: str) -> str:
    try:
        return date.fromisoformat(cell).isoformat()
    except ValueError as wrong:
        raise Wrong("date", value=cell) from wrong
