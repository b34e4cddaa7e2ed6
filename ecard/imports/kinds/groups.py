"""Groups of people, with the limits they set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from devices.core.code import LIMIT_UNIT_MINOR, MAX_LIMIT_MINOR
from devices.core.money import MAX_AMOUNT_MINOR
from ecard.cardholders import operations
from ecard.cardholders.models import Group, PriceClass
from ecard.imports.kinds.base import Cells, Change, Column, Problem, amount, code, minor, money, one_of, text, whole
from ecard.imports.kinds.references import referred

CODE_LENGTH_MAX = 32
NAME_LENGTH_MAX = 60


class Groups:
    """Undoing deletes a group that nothing names, and leaves any other."""

    name = "groups"
    title = pgettext_lazy("of people", "groups")
    model = Group
    key = ("code",)

    def columns(self) -> tuple[Column, ...]:
        classes = {str(number): pk for number, pk in PriceClass.objects.values_list("code", "pk")}
        limit = amount(least_minor=0, most_minor=MAX_LIMIT_MINOR, unit_minor=LIMIT_UNIT_MINOR)
        debt = amount(least_minor=-MAX_AMOUNT_MINOR, most_minor=0)
        return (
            Column("code", _("code"), code(longest=CODE_LENGTH_MAX), required=True),
            Column("name", _("name"), text(longest=NAME_LENGTH_MAX, shortest=1), required=True),
            Column("name_en", _("name in English"), text(longest=NAME_LENGTH_MAX)),
            Column("price_class", _("price class"), one_of(classes), required=True),
            Column("limit_per_sale", _("limit per sale"), limit, required=True),
            Column("offline_limit", _("offline limit"), limit, required=True),
            Column("sales_without_contact", _("most sales without contact"), whole(least=0, most=255), required=True),
            Column("debt_floor", _("debt floor"), debt, missing=money(0)),
        )

    def column_for(self, header: str) -> Column | None:
        return None

    def current(self, keys: Iterable[str]) -> dict[str, Cells]:
        return {cells["code"]: cells for cells in _cells(Group.objects.filter(code__in=list(keys)))}

    def problems(self, change: Change) -> list[Problem]:
        return []

    def apply(self, *, new: Sequence[Change], changed: Sequence[Change], by: AbstractBaseUser, at: datetime) -> None:
        classes = {str(each.code): each for each in PriceClass.objects.all()}
        for each in (*new, *changed):
            cells = each.after
            operations.save_group(
                code=each.key,
                name=cells["name"],
                name_en=cells["name_en"],
                price_class=classes[cells["price_class"]],
                offline_limit_minor=minor(cells["offline_limit"]),
                per_sale_limit_minor=minor(cells["limit_per_sale"]),
                max_offline_sales=int(cells["sales_without_contact"]),
                debt_floor_minor=minor(cells["debt_floor"]),
                at=at,
            )

    def take_back(self, keys: Sequence[str], *, by: AbstractBaseUser, at: datetime) -> dict[str, Problem]:
        codes = dict(Group.objects.filter(code__in=keys).values_list("pk", "code"))
        in_use = referred(Group, codes)
        Group.objects.filter(pk__in=set(codes) - set(in_use)).delete()
        return {codes[pk]: {"kind": "in use", "about": where} for pk, where in in_use.items()}

    def everything(self) -> Iterator[Cells]:
        yield from _cells(Group.objects.order_by("code"))


def _cells(groups: Iterable[Group]) -> Iterator[Cells]:
    classes = dict(PriceClass.objects.values_list("pk", "code"))
    for group in groups:
        yield {
            "code": group.code,
            "name": group.name,
            "name_en": group.name_en,
            "price_class": str(classes[group.price_class_id]),
            "limit_per_sale": money(group.per_sale_limit_minor),
            "offline_limit": money(group.offline_limit_minor),
            "sales_without_contact": str(group.max_offline_sales),
            "debt_floor": money(group.debt_floor_minor),
        }
