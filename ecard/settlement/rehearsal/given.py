"""What programmes would have issued in a stretch of the past under a draft, and to whom.

Those that are new with it by their calendar; those that were there already as they did, but with their present amount.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from django.db.models import F

from devices.core.policy import Block, Entitlement, Limit, Policy, PriceRule
from ecard.benefits.models import Grant, Programme, Run, RunState, Schedule
from ecard.benefits.runs.posting import keys_of
from ecard.benefits.runs.scheduled import calendar_of, institution_zone, selection_of
from ecard.benefits.schedules import Due, day_after, due, issue_on, midnight, next_issue
from ecard.cardholders.queries import selected
from ecard.settlement.rehearsal.proposal import Altered, Given

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


def altered_runs(draft: Policy, *, from_date: date, to_date: date) -> list[Altered]:
    """Runs by schedule that were running in the stretch, of programmes that issue another amount by now.

    What was paid by hand or is taken back was no matter of the programme's amount, and stays as it was.
    """
    zone = institution_zone()
    terms = {
        pk: amount_minor
        for pk, amount_minor in Programme.objects.exclude(schedule=Schedule.BY_HAND).values_list("pk", "amount_minor")
        if amount_minor
    }
    issuing = [each.id for each in draft.programmes if each.id in terms]
    runs = Run.objects.filter(
        programme_id__in=issuing,
        scheduled=True,
        state=RunState.POSTED,
        expires_at__gt=midnight(from_date, zone),
        posting_at__lt=midnight(day_after(to_date), zone),
    ).order_by("pk")
    found = (
        (pk, was_minor, terms[each]) for pk, each, was_minor in runs.values_list("pk", "programme", "amount_minor")
    )
    return [Altered(pk, was_minor, amount_minor) for pk, was_minor, amount_minor in found if was_minor != amount_minor]


def lots_altered(
    altered: Sequence[Altered], *, part: int = 0, parts: int = 1, ref: int | None = None
) -> dict[int, int]:
    """Account of a lot → what would have been in it more, or below zero less; of a part's people or of one person."""
    more = {each.run: each.amount_minor - each.was_minor for each in altered}
    found: dict[int, int] = {}
    for run in Run.objects.filter(pk__in=more, programme__isnull=False).only(
        "programme_id", "period_key", "pieces", "kind"
    ):
        issued = Grant.objects.filter(programme=run.programme_id, period_key__in=keys_of(run), run=run)
        for lots in (issued, Grant.objects.filter(origin__in=issued.values("pk"))):
            share = lots.annotate(part=F("cardholder__account_ref") % parts).filter(part=part)
            chosen = share if ref is None else share.filter(cardholder__account_ref=ref)
            accounts = chosen.values_list("account_id", flat=True).iterator(chunk_size=5_000)
            found.update(dict.fromkeys(accounts, more[run.pk]))
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
