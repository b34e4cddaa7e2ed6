"""Which price rules meet, and which of them wins there: in words, what `rulebook.specificity` decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from devices.core.policy import PriceRule, Where, Who
from devices.core.rulebook import specificity
from ecard.benefits.rules.problems import Known, common_sites


class Because(StrEnum):
    """What the winner names and the other does not, in the order in which it counts; last, the lower number."""

    CATEGORIES = "categories"
    OUTLETS = "outlets"
    PERIODS = "periods"
    SITES = "sites"
    WEEKDAYS = "weekdays"
    LISTS = "lists"
    GROUPS = "groups"
    CLASSES = "classes"
    NUMBER = "number"


_ORDER = tuple(Because)


class Overlap(NamedTuple):
    """`winner` is the price for `who` at `where`, though `loser` is for them too."""

    winner: PriceRule
    loser: PriceRule
    because: Because
    who: Who
    where: Where


def overlaps(
    rule: PriceRule, others: Iterable[PriceRule], *, known: Known, class_of_group: Mapping[int, int]
) -> tuple[Overlap, ...]:
    """Each of `others` that can be for the same sale as `rule`, and which of the two is its price then."""
    found = []
    for other in others:
        if other.id == rule.id:
            continue
        who = meet_who(rule.who, other.who, class_of_group)
        where = meet_where(rule.where, other.where, known)
        if who is not None and where is not None:
            mine, theirs = specificity(rule), specificity(other)
            winner, loser = (rule, other) if mine < theirs else (other, rule)
            place = next(place for place, (one, two) in enumerate(zip(mine, theirs, strict=True)) if one != two)
            found.append(Overlap(winner, loser, _ORDER[place], who, where))
    return tuple(found)


def meet_where(one: Where, two: Where, known: Known) -> Where | None:
    """Where, when and on what both are for; None where never."""
    met: dict[str, tuple[int, ...]] = {}
    for name in ("sites", "outlets", "periods", "weekdays", "categories"):
        mine, theirs = getattr(one, name), getattr(two, name)
        met[name] = _both(mine, theirs)
        if mine and theirs and not met[name]:
            return None
    from_date = max(one.from_date, two.from_date)
    to_date = min(filter(None, (one.to_date, two.to_date)), default="")
    if from_date and to_date and from_date > to_date:
        return None
    where = Where(from_date=from_date, to_date=to_date, **met)
    return where if common_sites(where, known) else None


def meet_who(one: Who, two: Who, class_of_group: Mapping[int, int]) -> Who | None:
    """Whom both are for; None where nobody. A person is in one group, but may be on several lists."""
    classes, groups = _both(one.classes, two.classes), _both(one.groups, two.groups)
    if (one.classes and two.classes and not classes) or (one.groups and two.groups and not groups):
        return None
    if groups and classes:
        groups = tuple(group for group in groups if class_of_group.get(group) in classes)
        if not groups:
            return None
    lists = _both(one.lists, two.lists) or tuple(sorted({*one.lists, *two.lists}))
    return Who(classes, groups, lists)


def _both(mine: tuple[int, ...], theirs: tuple[int, ...]) -> tuple[int, ...]:
    if not mine or not theirs:
        return mine or theirs
    return tuple(sorted(set(mine) & set(theirs)))
