"""What programmes that are new with a draft would have issued in a stretch of the past, and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from devices.core.policy import Block, Entitlement, Limit, Policy, PriceRule
from ecard.benefits.models import Grant, Programme
from ecard.benefits.runs.scheduled import calendar_of, institution_zone, selection_of
from ecard.benefits.schedules import Due, due, issue_on, midnight, next_issue
from ecard.cardholders.queries import selected
from ecard.settlement.rehearsal.replay import Given

FIRST_LOT = 1 << 60
"""Above any ledger account's number: these lots are in nobody's books."""
LOTS_PER_PROGRAMME = 10_000
ISSUES_MAX = 400
LOOKED_BACK = timedelta(days=366)


def new_programmes(draft: Policy, governed: Policy | None) -> list[int]:
    """The programmes of the draft that the policy of the time did not have."""
    had = {each.id for each in governed.programmes} if governed is not None else set()
    return sorted(each.id for each in draft.programmes if each.id not in had)


def new_lists(draft: Policy, governed: Policy | None) -> list[int]:
    """The lists of people that the draft names and the policy of the time did not."""
    return sorted(_lists_named(draft) - (_lists_named(governed) if governed is not None else set()))


def issues(programme_ids: list[int], *, from_date: date, to_date: date) -> list[Given]:
    """Every issue that counts somewhere in the stretch and was not made in truth; pieces are lots of their own."""
    zone = institution_zone()
    found: list[Given] = []
    for programme in Programme.objects.filter(pk__in=programme_ids, amount_minor__gt=0).order_by("pk"):
        lot = FIRST_LOT + programme.pk * LOTS_PER_PROGRAMME
        for each in _dues(programme, from_date, to_date):
            if Grant.objects.filter(programme=programme, period_key__startswith=each.key).exists():
                continue
            begins_s = int(midnight(max(each.begins, from_date), zone).timestamp())
            ends_s = int(midnight(each.ends, zone).timestamp())
            for _piece in range(programme.pieces):
                found.append(Given(lot, programme.pk, programme.amount_minor or 0, begins_s, ends_s))
                lot += 1
    return found


def refs_given(programme_ids: list[int], *, part: int, parts: int) -> dict[int, frozenset[int]]:
    """Account ref → those of the programmes that are for this person of the part; whoever gets none is left out."""
    found: dict[int, set[int]] = {}
    for programme in Programme.objects.filter(pk__in=programme_ids):
        asked = selection_of(programme)
        people = selected(groups=asked.groups, attributes=asked.attributes, list_id=asked.list_id)
        for ref in people.values_list("account_ref", flat=True).iterator(chunk_size=5_000):
            if ref % parts == part:
                found.setdefault(ref, set()).add(programme.pk)
    return {ref: frozenset(programmes) for ref, programmes in found.items()}


def refs_listed(list_ids: list[int], *, part: int, parts: int) -> dict[int, tuple[int, ...]]:
    """Account ref → those of the lists on which this person of the part is today."""
    found: dict[int, tuple[int, ...]] = {}
    for list_id in sorted(list_ids):
        people = selected(groups=(), attributes={}, list_id=list_id)
        for ref in people.values_list("account_ref", flat=True).iterator(chunk_size=5_000):
            if ref % parts == part:
                found[ref] = (*found.get(ref, ()), list_id)
    return found


def _lists_named(policy: Policy) -> set[int]:
    rules: tuple[PriceRule | Limit | Entitlement | Block, ...] = (
        *policy.prices,
        *policy.limits,
        *policy.entitlements,
        *policy.blocks,
    )
    return {each for rule in rules for each in rule.who.lists}


def _dues(programme: Programme, from_date: date, to_date: date) -> Iterator[Due]:
    """The issue that runs when the stretch begins, and those within it.

    One that is issued by hand, or on dates all of which lie after the stretch, is taken to be issued on its first day.
    """
    calendar = calendar_of(programme)
    made = 0
    running = due(calendar, today=from_date, since=from_date - LOOKED_BACK)
    if running is not None and running.ends > from_date:
        made += 1
        yield running
    begins = next_issue(calendar, running.begins if running is not None else from_date - timedelta(days=1))
    while begins is not None and begins <= to_date and made < ISSUES_MAX:
        if begins >= from_date and (running is None or begins > running.begins):
            made += 1
            yield issue_on(calendar, begins)
        begins = next_issue(calendar, begins)
    if not made:
        yield issue_on(calendar, from_date)
