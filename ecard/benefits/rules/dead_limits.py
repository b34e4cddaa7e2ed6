"""Limits that a tighter one makes idle: nobody can ever reach them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from devices.core.policy import Limit, Where, Who, Window
from ecard.benefits.rules.problems import Known, common_sites

_WITHIN: dict[Window, frozenset[Window]] = {
    "sale": frozenset({"sale", "period", "day", "week", "month"}),
    "period": frozenset({"period", "day", "week", "month"}),
    "day": frozenset({"day", "week", "month"}),
    "week": frozenset({"week"}),
    "month": frozenset({"month"}),
}
"""The windows that hold all of a window; weeks and months cross."""


def dead_limits(limits: Sequence[Limit], *, known: Known, classes: Mapping[int, int]) -> Iterator[tuple[Limit, Limit]]:
    """Each limit that can never be the one that refuses, with the tighter one that always comes first."""
    for limit in limits:
        for tighter in limits:
            if tighter.id == limit.id or not _idles(tighter, limit, known, classes):
                continue
            if tighter.id < limit.id or not _idles(limit, tighter, known, classes):
                yield limit, tighter
                break


def _idles(tighter: Limit, limit: Limit, known: Known, classes: Mapping[int, int]) -> bool:
    """Whether the one always comes first; of two that do so to each other, the higher number is idle."""
    return _kills(tighter, limit) and _covers(tighter, limit, known, classes)


def _kills(tighter: Limit, limit: Limit) -> bool:
    """Whether whatever the one forbids the other forbids before it, for sales that both are for."""
    whole = limit.window in _WITHIN and tighter.window in _WITHIN[limit.window]
    amount = limit.max_minor is None or (
        whole
        and tighter.max_minor is not None
        and tighter.max_minor <= limit.max_minor
        and (tighter.on == limit.on or tighter.on == "total")
    )
    count = (
        limit.max_count is None
        or limit.window == "sale"
        or (whole and tighter.max_count is not None and tighter.max_count <= limit.max_count)
    )
    gap = tighter.min_gap_s >= limit.min_gap_s
    return amount and count and gap


def _covers(wider: Limit, limit: Limit, known: Known, classes: Mapping[int, int]) -> bool:
    return _covers_who(wider.who, limit.who, classes) and _covers_where(wider.where, limit.where, known)


def _covers_who(wider: Who, who: Who, classes: Mapping[int, int]) -> bool:
    of_groups = {classes[group] for group in who.groups if group in classes}
    in_classes = set(who.classes) or (of_groups if len(of_groups) and who.groups else set())
    return (
        (not wider.classes or (bool(in_classes) and in_classes <= set(wider.classes)))
        and (not wider.groups or (bool(who.groups) and set(who.groups) <= set(wider.groups)))
        and (not wider.lists or (bool(who.lists) and set(who.lists) <= set(wider.lists)))
    )


def _covers_where(wider: Where, where: Where, known: Known) -> bool:
    named = (
        (wider.outlets, where.outlets),
        (wider.periods, where.periods),
        (wider.weekdays, where.weekdays),
        (wider.categories, where.categories),
    )
    return (
        all(not wide or (narrow and set(narrow) <= set(wide)) for wide, narrow in named)
        and (not wider.sites or common_sites(where, known) <= set(wider.sites))
        and (not wider.from_date or wider.from_date <= where.from_date)
        and (not wider.to_date or "" < where.to_date <= wider.to_date)
    )
