"""Price classes, and the groups that set people's limits."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from devices.core.code import LIMIT_UNIT_MINOR, MAX_LIMIT_MINOR
from ecard.cardholders.errors import BadLimits
from ecard.cardholders.models import CardholderState, Group, PriceClass
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.ledger.operations import set_floors


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
            active = (purse_id for _ref, purse_id, state in members if state == CardholderState.ACTIVE)
            set_floors(floors=dict.fromkeys(active, debt_floor_minor))
        record(topic=Topic.CARDHOLDER, refs=[ref for ref, _purse, _state in members], at=at)
    return group
