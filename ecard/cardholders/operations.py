"""Everything that changes a cardholder; each change is recorded for terminals in the same transaction."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from devices.core.code import LIMIT_UNIT_MINOR, MAX_LIMIT_MINOR
from ecard.cardholders.errors import BadLimits, CardholderClosed, NumberTaken, PurseNotEmpty
from ecard.cardholders.models import (
    Cardholder,
    CardholderState,
    Group,
    PriceClass,
    Stop,
    StopKind,
)
from ecard.cardholders.rules import name_keys
from ecard.cardholders.values import NewCardholder
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.errors import AccountInUse
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import close_account, open_accounts, set_floor
from ecard.ledger.values import NewAccount

CARDHOLDERS_PER_INSERT = 2_000


def make_price_class(*, code: int, name: str, name_en: str = "") -> PriceClass:
    """Make, or rename, the price class `code` (0 to 255)."""
    price_class, _created = PriceClass.objects.update_or_create(code=code, defaults={"name": name, "name_en": name_en})
    return price_class


@transaction.atomic
def save_group(
    *,
    code: str,
    name: str,
    price_class: PriceClass,
    offline_limit_minor: int,
    per_sale_limit_minor: int,
    max_offline_sales: int,
    at: datetime,
    debt_floor_minor: int = 0,
    name_en: str = "",
) -> Group:
    """Make or change the group `code`; a change tells terminals of every member and moves their debt floors.

    Raises BadLimits where a limit is no multiple of LIMIT_UNIT_MINOR or does not fit a code.
    """
    for limit_minor in (offline_limit_minor, per_sale_limit_minor):
        if not 0 <= limit_minor <= MAX_LIMIT_MINOR or limit_minor % LIMIT_UNIT_MINOR:
            raise BadLimits(f"a limit is a multiple of {LIMIT_UNIT_MINOR} up to {MAX_LIMIT_MINOR}")
    if not 0 <= max_offline_sales <= 255 or debt_floor_minor > 0:
        raise BadLimits("at most 255 sales without contact, and a debt floor of at most 0")
    known = Group.objects.select_for_update().filter(code=code).first()
    group, created = Group.objects.update_or_create(
        code=code,
        defaults={
            "name": name,
            "name_en": name_en,
            "price_class": price_class,
            "offline_limit_minor": offline_limit_minor,
            "per_sale_limit_minor": per_sale_limit_minor,
            "max_offline_sales": max_offline_sales,
            "debt_floor_minor": debt_floor_minor,
        },
    )
    if not created and known is not None:
        members = list(group.cardholders.order_by("purse_id").values_list("account_ref", "purse_id", "state"))
        if known.debt_floor_minor != debt_floor_minor:
            for _ref, purse_id, state in members:
                if state == CardholderState.ACTIVE:
                    set_floor(account_id=purse_id, floor_minor=debt_floor_minor)
        record(topic=Topic.CARDHOLDER, refs=[ref for ref, _purse, _state in members], at=at)
    return group


def open_cardholder(
    *, number: str, name: str, group: Group, at: datetime, user: AbstractBaseUser | None = None
) -> Cardholder:
    """Open one cardholder with a purse. Raises NumberTaken."""
    new = NewCardholder(number=number, name=name, group_id=group.pk, user_id=user.pk if user else None)
    return open_cardholders(people=[new], at=at)[0]


@transaction.atomic
def open_cardholders(*, people: Sequence[NewCardholder], at: datetime) -> list[Cardholder]:
    """Open many cardholders, each with a purse at the group's debt floor, in the order given.

    All or none: raises NumberTaken where a number is in use or comes twice.
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
    *, cardholder: Cardholder, name: str, group: Group, user: AbstractBaseUser | None, at: datetime
) -> None:
    """Bring name, group and login to what is given; only what differs is changed. Raises CardholderClosed."""
    if cardholder.name != name:
        rename(cardholder=cardholder, name=name, at=at)
    if cardholder.group_id != group.pk:
        move_group(cardholder=cardholder, group=group, at=at)
    if cardholder.user_id != (user.pk if user else None):
        link_user(cardholder=cardholder, user=user, at=at)


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
def stop_codes(
    *, cardholder: Cardholder, before: datetime, by: AbstractBaseUser | None, reason: str, at: datetime
) -> Stop:
    """Refuse the codes issued before a time: the lost phone's, not its successor's."""
    return _stop(cardholder, kind=StopKind.CODES_BEFORE, before=before, by=by, reason=reason, at=at)


@transaction.atomic
def stop_account(*, cardholder: Cardholder, by: AbstractBaseUser | None, reason: str, at: datetime) -> Stop:
    """Refuse everything of this account until the stop is lifted."""
    return _stop(cardholder, kind=StopKind.WHOLE, before=None, by=by, reason=reason, at=at)


@transaction.atomic
def lift_stop(*, stop: Stop, by: AbstractBaseUser | None, at: datetime) -> bool:
    """Mark a stop as lifted; False where it already was."""
    lifted = Stop.objects.filter(pk=stop.pk, lifted_at__isnull=True).update(
        lifted_at=at, lifted_by_id=by.pk if by else None
    )
    if lifted:
        record(topic=Topic.DENY, refs=[stop.cardholder.account_ref], at=at)
    return bool(lifted)


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


def _stop(
    cardholder: Cardholder,
    *,
    kind: StopKind,
    before: datetime | None,
    by: AbstractBaseUser | None,
    reason: str,
    at: datetime,
) -> Stop:
    stop = Stop.objects.create(
        cardholder=cardholder,
        kind=kind,
        before=before,
        reason=reason,
        made_at=at,
        made_by_id=by.pk if by else None,
    )
    record(topic=Topic.DENY, refs=[cardholder.account_ref], at=at)
    return stop


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
        created_at=at,
    )


def _require_active(cardholder: Cardholder) -> None:
    if Cardholder.objects.filter(pk=cardholder.pk, state=CardholderState.ACTIVE).first() is None:
        raise CardholderClosed(cardholder.number)
