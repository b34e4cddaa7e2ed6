"""Opening, changing and closing people's accounts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from ecard.cardholders.errors import CardholderClosed, NumberTaken, PurseNotEmpty
from ecard.cardholders.models import Cardholder, CardholderState, Group
from ecard.cardholders.rules import attributes_of, name_keys
from ecard.cardholders.values import ChangedCardholder, NewCardholder
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.errors import AccountInUse
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import close_account, close_accounts, open_accounts, set_floor, set_floors
from ecard.ledger.values import NewAccount

CARDHOLDERS_PER_INSERT = 2_000
CARDHOLDERS_PER_CHANGE = 5_000

_CHANGE = """
UPDATE cardholders_cardholder AS person
SET name = given.name, name_sort = given.name_sort, name_joined = given.name_joined,
    name_initials = given.name_initials, group_id = given.group_id, attributes = given.attributes::jsonb
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[])
    AS given (id, name, name_sort, name_joined, name_initials, group_id, attributes)
WHERE person.id = given.id
"""
_WITHDRAW = """
UPDATE cardholders_cardholder SET state = %s, closed_at = %s, number = left(number, 16) || '~' || id
WHERE id = ANY(%s::bigint[])
"""


def open_cardholder(
    *, number: str, name: str, group: Group, at: datetime, user: AbstractBaseUser | None = None
) -> Cardholder:
    """Open one cardholder with a purse. Raises NumberTaken."""
    new = NewCardholder(number=number, name=name, group_id=group.pk, user_id=user.pk if user else None)
    return open_cardholders(people=[new], at=at)[0]


@transaction.atomic
def open_cardholders(*, people: Sequence[NewCardholder], at: datetime) -> list[Cardholder]:
    """Open many cardholders, each with a purse at the group's debt floor, in the order given.

    All or none: raises NumberTaken where a number is in use or comes twice, and rules.BadAttribute.
    """
    numbers = [person.number for person in people]
    if len(set(numbers)) != len(numbers):
        raise NumberTaken("a number comes twice in the list")
    taken = Cardholder.objects.filter(number__in=numbers).values_list("number", flat=True).first()
    if taken is not None:
        raise NumberTaken(taken)
    groups = Group.objects.in_bulk({person.group_id for person in people})
    purses = open_accounts(
        accounts=[
            NewAccount(
                kind=AccountKind.PURSE,
                label=f"purse {person.number}",
                floor_minor=groups[person.group_id].debt_floor_minor,
            )
            for person in people
        ]
    )
    rows = [
        _row(person, group=groups[person.group_id], purse_id=purse_id, at=at)
        for person, purse_id in zip(people, purses, strict=True)
    ]
    opened = Cardholder.objects.bulk_create(rows, batch_size=CARDHOLDERS_PER_INSERT)
    record(topic=Topic.CARDHOLDER, refs=[row.account_ref for row in opened], at=at)
    return opened


@transaction.atomic
def update_cardholder(
    *,
    cardholder: Cardholder,
    name: str,
    group: Group,
    user: AbstractBaseUser | None,
    at: datetime,
    attributes: Mapping[str, str] | None = None,
    avoid_allergens: Iterable[int] | None = None,
) -> None:
    """Bring a person to what is given (None: left alone); only what differs is changed. Raises CardholderClosed."""
    if cardholder.name != name:
        rename(cardholder=cardholder, name=name, at=at)
    if cardholder.group_id != group.pk:
        move_group(cardholder=cardholder, group=group, at=at)
    if cardholder.user_id != (user.pk if user else None):
        link_user(cardholder=cardholder, user=user, at=at)
    if attributes is not None and cardholder.attributes != attributes_of(attributes):
        set_attributes(cardholder=cardholder, attributes=attributes, at=at)
    if avoid_allergens is not None and cardholder.avoid_allergens != sorted(avoided := set(avoid_allergens)):
        set_avoided(cardholder=cardholder, allergens=avoided, at=at)


@transaction.atomic
def rename(*, cardholder: Cardholder, name: str, at: datetime) -> None:
    """Correct a person's name."""
    keys = name_keys(name)
    cardholder.name = name
    cardholder.name_sort, cardholder.name_joined, cardholder.name_initials = keys.sort, keys.joined, keys.initials
    cardholder.save(update_fields=["name", "name_sort", "name_joined", "name_initials"])
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)


@transaction.atomic
def link_user(*, cardholder: Cardholder, user: AbstractBaseUser | None, at: datetime) -> None:
    """Give the cardholder a login, or take it away. A login belongs to one cardholder at most."""
    Cardholder.objects.filter(pk=cardholder.pk).update(user_id=user.pk if user else None)
    cardholder.refresh_from_db(fields=["user"])
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)


@transaction.atomic
def move_group(*, cardholder: Cardholder, group: Group, at: datetime) -> None:
    """Put the cardholder under another group's limits, debt floor included. Raises CardholderClosed."""
    _require_active(cardholder)
    cardholder.group = group
    cardholder.save(update_fields=["group"])
    set_floor(account_id=cardholder.purse_id, floor_minor=group.debt_floor_minor)
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)


@transaction.atomic
def set_attributes(*, cardholder: Cardholder, attributes: Mapping[str, str], at: datetime) -> None:
    """Give the cardholder these attributes and no others. Raises rules.BadAttribute."""
    cardholder.attributes = attributes_of(attributes)
    cardholder.save(update_fields=["attributes"])
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)


@transaction.atomic
def set_avoided(*, cardholder: Cardholder, allergens: Iterable[int], at: datetime) -> None:
    """Have terminals warn of these allergens (ids) and no others."""
    cardholder.avoid_allergens = sorted(set(allergens))
    cardholder.save(update_fields=["avoid_allergens"])
    record(topic=Topic.CARDHOLDER, refs=[cardholder.account_ref], at=at)


@transaction.atomic
def change_cardholders(*, changes: Sequence[ChangedCardholder], at: datetime) -> None:
    """Bring many people's names, groups and attributes to what is given, all or none, each named once.

    Raises CardholderClosed where somebody whose account is closed would change group, and rules.BadAttribute.
    """
    ordered = sorted(changes, key=lambda change: change.id)
    locked = Cardholder.objects.select_for_update().filter(pk__in=[change.id for change in ordered]).order_by("pk")
    known = {row[0]: row[1:] for row in locked.values_list("pk", "account_ref", "purse_id", "group_id", "state")}
    floors = dict(Group.objects.values_list("pk", "debt_floor_minor"))
    moved: dict[int, int] = {}
    for change in ordered:
        _ref, purse_id, group_id, state = known[change.id]
        if group_id == change.group_id:
            continue
        if state != CardholderState.ACTIVE:
            raise CardholderClosed(str(change.id))
        if floors[group_id] != floors[change.group_id]:
            moved[purse_id] = floors[change.group_id]
    if moved:
        set_floors(floors=moved)
    for start in range(0, len(ordered), CARDHOLDERS_PER_CHANGE):
        _write(ordered[start : start + CARDHOLDERS_PER_CHANGE])
    record(topic=Topic.CARDHOLDER, refs=[known[change.id][0] for change in ordered], at=at)


def _write(changes: Sequence[ChangedCardholder]) -> None:
    keys = [name_keys(change.name) for change in changes]
    with connection.cursor() as cursor:
        cursor.execute(
            _CHANGE,
            [
                [change.id for change in changes],
                [change.name for change in changes],
                [key.sort for key in keys],
                [key.joined for key in keys],
                [key.initials for key in keys],
                [change.group_id for change in changes],
                [json.dumps(attributes_of(change.attributes), ensure_ascii=False) for change in changes],
            ],
        )


@transaction.atomic
def close_cardholder(*, cardholder: Cardholder, at: datetime) -> None:
    """Close the person's account for good. Raises PurseNotEmpty, CardholderClosed."""
    _require_active(cardholder)
    try:
        close_account(account_id=cardholder.purse_id, at=at)
    except AccountInUse as refusal:
        raise PurseNotEmpty(str(refusal)) from refusal
    cardholder.state, cardholder.closed_at = CardholderState.CLOSED, at
    cardholder.save(update_fields=["state", "closed_at"])
    for topic in (Topic.CARDHOLDER, Topic.DENY):
        record(topic=topic, refs=[cardholder.account_ref], at=at)


@transaction.atomic
def withdraw_cardholders(*, cardholder_ids: Iterable[int], at: datetime) -> set[int]:
    """Close accounts that were opened by mistake and give their numbers back, for others to be opened by.

    Gives those that stay as they are: closed already, or with something in the purse.
    """
    wanted = set(cardholder_ids)
    people = Cardholder.objects.select_for_update().filter(pk__in=wanted, state=CardholderState.ACTIVE)
    active = {row[0]: row[1:] for row in people.order_by("pk").values_list("pk", "account_ref", "purse_id")}
    in_use = close_accounts(account_ids=[purse_id for _ref, purse_id in active.values()], at=at)
    gone = {pk: ref for pk, (ref, purse_id) in active.items() if purse_id not in in_use}
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, [CardholderState.CLOSED, at, list(gone)])
    for topic in (Topic.CARDHOLDER, Topic.DENY):
        record(topic=topic, refs=list(gone.values()), at=at)
    return wanted - set(gone)


def _row(person: NewCardholder, *, group: Group, purse_id: int, at: datetime) -> Cardholder:
    keys = name_keys(person.name)
    return Cardholder(
        account_ref=secrets.randbelow(2**63 - 1) + 1,
        number=person.number,
        name=person.name,
        name_sort=keys.sort,
        name_joined=keys.joined,
        name_initials=keys.initials,
        group=group,
        user_id=person.user_id,
        purse_id=purse_id,
        attributes=attributes_of(person.attributes),
        created_at=at,
    )


def _require_active(cardholder: Cardholder) -> None:
    if Cardholder.objects.filter(pk=cardholder.pk, state=CardholderState.ACTIVE).first() is None:
        raise CardholderClosed(cardholder.number)
