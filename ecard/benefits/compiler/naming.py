"""What the things that rules name are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from devices.core.policy import Text
from ecard.benefits.compiler.rows import text_of
from ecard.benefits.models import (
    Addressed,
    Block,
    Entitlement,
    GuardianLimit,
    Placed,
    Programme,
    Sponsor,
)
from ecard.benefits.sentences.names import Names
from ecard.cardholders.models import Group, PersonList, PriceClass
from ecard.merchants.models import Allergen, Category, MealPeriod, Outlet, Product, Site


def names() -> Names:
    """What everything a policy may name is called, closed outlets included. One statement a kind."""
    return Names(
        sites=_texts(Site.objects.values_list("id", "name", "name_en")),
        outlets=_texts(Outlet.objects.values_list("id", "name", "name_en")),
        periods=_texts(MealPeriod.objects.values_list("id", "name", "name_en")),
        classes=_texts(PriceClass.objects.values_list("code", "name", "name_en")),
        groups=_texts(Group.objects.values_list("id", "name", "name_en")),
        lists=_texts(PersonList.objects.values_list("id", "name", "name_en")),
        categories=_texts(Category.objects.values_list("id", "name", "name_en")),
        allergens=_texts(Allergen.objects.values_list("id", "name", "name_en")),
        products=_texts(Product.objects.values_list("id", "name", "name_en")),
        programmes=_texts(Programme.objects.values_list("id", "name", "name_en")),
        sponsors=_texts(Sponsor.objects.values_list("pk", "name", "name_en")),
    )


def names_around(rule: Placed) -> Names:
    """What this rule's own places, people and products are called, from its prefetched relations."""
    addressed = rule if isinstance(rule, Addressed) else None
    block = rule if isinstance(rule, Block) else None
    programme = rule if isinstance(rule, Programme) else None
    for_list = [programme.for_list] if programme and programme.for_list else []
    sponsor = rule.sponsor if isinstance(rule, Programme | Entitlement) else None
    return Names(
        sites=_by_id(rule.sites.all()),
        outlets=_by_id(rule.outlets.all()),
        periods=_by_id(rule.periods.all()),
        categories=_by_id(rule.categories.all()),
        classes={each.code: text_of(each) for each in addressed.classes.all()} if addressed else {},
        groups=_by_id(addressed.groups.all() if addressed else programme.for_groups.all() if programme else ()),
        lists=_by_id(addressed.lists.all() if addressed else for_list),
        products=_by_id(block.products.all()) if block else {},
        allergens=_by_id(block.allergens.all()) if block else {},
        programmes=_by_id(programme.excludes.all()) if programme else {},
        sponsors={sponsor.pk: text_of(sponsor)} if sponsor else {},
    )


def names_of_person_rules(limit: GuardianLimit) -> Names:
    """What a guardian's limit names, from its prefetched relations."""
    return Names(categories=_by_id(limit.categories.all()))


def _by_id(rows: Iterable[Any]) -> dict[int, Text]:
    return {each.pk: text_of(each) for each in rows}


def _texts(rows: Iterable[tuple[int, str, str]]) -> dict[int, Text]:
    return {number: Text(name, name_en) for number, name, name_en in rows}
