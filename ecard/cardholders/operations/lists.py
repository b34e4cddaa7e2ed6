"""Lists of people. Whoever joins or leaves one, by upload or by what the list asks for, is told to terminals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction

from ecard.cardholders.errors import NotUploaded
from ecard.cardholders.models import Cardholder, Group, ListKind, ListMember, PersonList
from ecard.cardholders.queries import people_of_list
from ecard.cardholders.rules import Condition, conditions_of
from ecard.changes.models import Topic
from ecard.changes.operations import record

PER_STATEMENT = 5_000


@transaction.atomic
def save_list(
    *,
    code: str,
    name: str,
    at: datetime,
    name_en: str = "",
    kind: ListKind = ListKind.UPLOADED,
    conditions: Sequence[Condition] = (),
    groups: Collection[Group] = (),
) -> PersonList:
    """Make or change the list `code`; its kind stays what it was made as.

    Raises NotUploaded where conditions or groups are given for an uploaded list.
    """
    found = PersonList.objects.select_for_update().filter(code=code).first()
    kept = PersonList(code=code, kind=kind) if found is None else found
    if kept.kind == ListKind.UPLOADED and (conditions or groups):
        raise NotUploaded(code)
    asked = [{"attribute": each.attribute, "values": list(each.values)} for each in conditions]
    group_ids = {group.pk for group in groups}
    asks_anew = found is None or _asks(found) != (conditions_of(asked), group_ids)
    before = set(people_of_list(kept.pk)) if found is not None and asks_anew else set()
    kept.name, kept.name_en, kept.conditions = name, name_en, asked
    kept.save()
    kept.groups.set(group_ids)
    if asks_anew:
        _tell(before ^ set(people_of_list(kept.pk)), at=at)
    return kept


@transaction.atomic
def add_members(*, person_list: PersonList, cardholder_ids: Iterable[int], at: datetime) -> int:
    """Put people on an uploaded list; gives how many were not on it. Raises NotUploaded."""
    _require_uploaded(person_list)
    there = set(person_list.members.values_list("cardholder_id", flat=True))
    new = sorted(set(cardholder_ids) - there)
    rows = [ListMember(person_list=person_list, cardholder_id=each) for each in new]
    ListMember.objects.bulk_create(rows, batch_size=PER_STATEMENT, ignore_conflicts=True)
    _tell(new, at=at)
    return len(new)


@transaction.atomic
def remove_members(*, person_list: PersonList, cardholder_ids: Iterable[int], at: datetime) -> int:
    """Take people off an uploaded list; gives how many were on it. Raises NotUploaded."""
    _require_uploaded(person_list)
    found = person_list.members.filter(cardholder_id__in=set(cardholder_ids))
    gone = list(found.values_list("cardholder_id", flat=True))
    found.delete()
    _tell(gone, at=at)
    return len(gone)


def _asks(person_list: PersonList) -> tuple[tuple[Condition, ...], set[int]]:
    return conditions_of(person_list.conditions), set(person_list.groups.values_list("pk", flat=True))


def _require_uploaded(person_list: PersonList) -> None:
    # Locked, so that two uploads of one list come after each other.
    if PersonList.objects.select_for_update().get(pk=person_list.pk).kind != ListKind.UPLOADED:
        raise NotUploaded(person_list.code)


def _tell(cardholder_ids: Iterable[int], *, at: datetime) -> None:
    refs = Cardholder.objects.filter(pk__in=set(cardholder_ids)).order_by("account_ref")
    record(topic=Topic.CARDHOLDER, refs=list(refs.values_list("account_ref", flat=True)), at=at)
