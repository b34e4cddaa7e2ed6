"""Rehearsing: begun by a person, done part by part by workers, any of whom may die.

A part's results are written in one transaction at its end. Until then a worker holds it by a lease of some seconds,
renewed with each page: a part that nobody renews is begun anew by whoever comes next.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F, Q

from devices.core.policy import Policy
from ecard.benefits.drafts import policy_of
from ecard.benefits.errors import UnknownPolicy
from ecard.benefits.models import DraftState, Entitlement, PolicyDraft, Programme
from ecard.benefits.queries import policy_by_number
from ecard.cardholders.models import Cardholder
from ecard.merchants.models import Site
from ecard.settlement.checkpoints import checkpoint
from ecard.settlement.models import Rehearsal, RehearsalPart, RehearsalPerson, RehearsalSale, RehearsalState
from ecard.settlement.rehearsal import given, reading, writing
from ecard.settlement.rehearsal.errors import BadStretch
from ecard.settlement.rehearsal.models import PARTS_MAX
from ecard.settlement.rehearsal.proposal import Altered, Given, Proposal, SiteClock
from ecard.settlement.rehearsal.replay import Account, Sums
from ecard.settlement.rehearsal.totals import KEPT, PersonSums, Sponsors, Tally, Totals, added

STRETCH_MAX = timedelta(days=366)
SALES_MAX = 2_000_000
SALES_PER_PART = 250_000
PEOPLE_PER_PART = 12_500
ONE_PART_UPTO = 20_000
LEASE = timedelta(seconds=60)
ROWS_KEPT_OF = 20
"""Of so many rehearsals, the newest, people and sales can be looked up; of all others the totals."""


@transaction.atomic
def start(*, draft_id: int, from_date: date, to_date: date, by: AbstractBaseUser | None, at: datetime) -> Rehearsal:
    """Begin to rehearse a draft against the sales of some business dates, both included. Raises BadStretch."""
    if not timedelta(0) <= to_date - from_date < STRETCH_MAX:
        raise BadStretch(BadStretch.DATES)
    draft = PolicyDraft.objects.exclude(state=DraftState.WITHDRAWN).filter(pk=draft_id).first()
    if draft is None:
        raise BadStretch(BadStretch.WITHDRAWN)
    sales = reading.sales_within(from_date, to_date, at_most=SALES_MAX + 1)
    if not sales or sales > SALES_MAX:
        raise BadStretch(BadStretch.TOO_MANY if sales else BadStretch.NOTHING)
    policy = policy_of(draft)
    governed = _policy_of_the_time(reading.first_policy(from_date, to_date))
    altered = given.altered_runs(policy, from_date=from_date, to_date=to_date)
    issued = given.issues(given.new_programmes(policy, governed), from_date=from_date, to_date=to_date)
    rehearsal = Rehearsal.objects.create(
        draft=draft,
        from_date=from_date,
        to_date=to_date,
        sales=sales,
        parts=_parts(sales),
        given=msgspec.to_builtins(issued),
        altered=msgspec.to_builtins(altered),
        listed=given.new_lists(policy, governed),
        made_by_id=by.pk if by else None,
        made_at=at,
    )
    shares = [RehearsalPart(rehearsal=rehearsal, number=number) for number in range(rehearsal.parts)]
    RehearsalPart.objects.bulk_create(shares)
    _forget_rows(rehearsal)
    return rehearsal


@transaction.atomic
def stop(*, rehearsal_id: int, at: datetime) -> bool:
    """Give a rehearsal up; workers leave it at their next page. False: it was over."""
    running = Rehearsal.objects.filter(pk=rehearsal_id, state=RehearsalState.RUNNING)
    return bool(running.update(state=RehearsalState.STOPPED, ended_at=at))


def work(*, clock: Callable[[], datetime]) -> bool:
    """Do one part of whatever rehearsal waits for one; False where there is nothing to do."""
    part = _take(clock())
    if part is None:
        return False
    run_part(part, clock=clock)
    return True


def run_part(part: RehearsalPart, *, clock: Callable[[], datetime], page_sales: int = reading.PAGE_SALES) -> bool:
    """Replay a part that is held; False where another took it, or it was stopped, meanwhile."""
    with _uncollected():
        return _run_part(part, clock=clock, page_sales=page_sales)


def _run_part(part: RehearsalPart, *, clock: Callable[[], datetime], page_sales: int) -> bool:
    rehearsal = part.rehearsal
    replayed = Replayed(rehearsal, part=part.number)
    for page in reading.pages(
        rehearsal.from_date, rehearsal.to_date, part=part.number, parts=rehearsal.parts, limit=page_sales
    ):
        replayed.add(page)
        checkpoint("rehearse.page")
        if not _renew(part, passed=len(page), at=clock()):
            return False
    return _finish(part, replayed, at=clock())


class Replayed:
    """One part at work: its people, and what it adds up to."""

    def __init__(self, rehearsal: Rehearsal, *, part: int) -> None:
        share = {"part": part, "parts": rehearsal.parts}
        self.proposal = proposal_of(rehearsal)
        self._before = _spent_before(rehearsal, self.proposal, **share)
        programmes = sorted({each.programme for each in self.proposal.given})
        self._given = given.refs_given(programmes, **share)
        self._lists = given.refs_listed(rehearsal.listed, **share)
        self._altered = given.lots_altered(altered_of(rehearsal), **share)
        self.people: dict[int, tuple[PersonSums, Account]] = {}
        self.tally = Tally(sponsors=_sponsors(), kept=max(1, KEPT // rehearsal.parts))

    def add(self, page: list[reading.Place]) -> None:
        """Replay a page of sales."""
        for place, line in zip(page, reading.lines_of(page), strict=True):
            sale = reading.read(line)
            if sale is None:
                self.tally.totals.unread += 1
                continue
            person = self.people.get(sale.account_ref) or self._person(sale.account_ref)
            self.tally.add(place.sale_id, place.merchant_id, sale, person[1].replay(sale), person[0])

    def totals(self) -> Totals:
        """All sales of the part, once they are added."""
        for sums, _account in self.people.values():
            self.tally.add_person(sums)
        return self.tally.totals

    def _person(self, ref: int) -> tuple[PersonSums, Account]:
        account = Account(
            self.proposal,
            given=self._given.get(ref, frozenset()),
            lists=self._lists.get(ref, ()),
            before={key: sums[ref] for key, sums in self._before.items() if ref in sums},
            altered=self._altered,
        )
        found = self.people[ref] = PersonSums(), account
        return found


def _parts(sales: int) -> int:
    """As few as can be: each reads every batch. What a part holds in memory grows with its people."""
    if sales <= ONE_PART_UPTO:
        return 1
    people = Cardholder.objects.count()
    return min(PARTS_MAX, max(2, -(-sales // SALES_PER_PART), -(-people // PEOPLE_PER_PART)))


def _forget_rows(newest: Rehearsal) -> None:
    """What older rehearsals found stays; who and which sales it was goes."""
    kept = Rehearsal.objects.filter(pk__lte=newest.pk).order_by("-pk").values_list("pk", flat=True)[:ROWS_KEPT_OF]
    oldest = min(kept)
    for rows in (RehearsalPerson, RehearsalSale):
        rows.objects.filter(rehearsal_id__lt=oldest).delete()


def proposal_of(rehearsal: Rehearsal) -> Proposal:
    """What a rehearsal replays sales under."""
    sites = Site.objects.values_list("pk", "zone", "day_starts_minute")
    return Proposal(
        policy=policy_of(rehearsal.draft),
        past=_policy_of_the_time,
        sites={pk: SiteClock(ZoneInfo(zone), day_starts_min) for pk, zone, day_starts_min in sites},
        given=msgspec.convert(rehearsal.given, list[Given]),
        numbers=reading.policies_within(rehearsal.from_date, rehearsal.to_date),
    )


def altered_of(rehearsal: Rehearsal) -> list[Altered]:
    """The runs that a rehearsal takes to have issued another amount."""
    return msgspec.convert(rehearsal.altered, list[Altered])


def spans_before(rehearsal: Rehearsal) -> dict[str, date]:
    """The week and the month in which a stretch begins, by key, with the first day of each."""
    first = rehearsal.from_date
    year, week, weekday = first.isocalendar()
    return {f"{year}-W{week:02d}": first - timedelta(days=weekday - 1), f"{first:%Y-%m}": first.replace(day=1)}


def _spent_before(rehearsal: Rehearsal, proposal: Proposal, *, part: int, parts: int) -> dict[str, dict[int, Sums]]:
    if not any(each.window in ("week", "month") and not each.scope for each in proposal.watched):
        return {}
    return {
        key: reading.spent_before(first, rehearsal.from_date, part=part, parts=parts)
        for key, first in spans_before(rehearsal).items()
    }


def _policy_of_the_time(number: int) -> Policy | None:
    try:
        return policy_by_number(number)
    except UnknownPolicy:
        return None


def _sponsors() -> Sponsors:
    return Sponsors(
        of_programmes=dict(Programme.objects.values_list("pk", "sponsor_id")),
        of_entitlements=dict(Entitlement.objects.values_list("pk", "sponsor_id")),
    )


@transaction.atomic
def _take(at: datetime) -> RehearsalPart | None:
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=at)
    waiting = RehearsalPart.objects.filter(free, done_at__isnull=True, rehearsal__state=RehearsalState.RUNNING)
    chosen = waiting.select_for_update(skip_locked=True, of=("self",)).order_by("rehearsal_id", "number")
    part = chosen.select_related("rehearsal__draft").first()
    if part is not None:
        part.lease, part.leased_until, part.passed = secrets.randbits(62), at + LEASE, 0
        part.save(update_fields=["lease", "leased_until", "passed"])
    return part


def _renew(part: RehearsalPart, *, passed: int, at: datetime) -> bool:
    held = RehearsalPart.objects.filter(pk=part.pk, lease=part.lease, rehearsal__state=RehearsalState.RUNNING)
    return bool(held.update(passed=F("passed") + passed, leased_until=at + LEASE))


@transaction.atomic
def _finish(part: RehearsalPart, replayed: Replayed, *, at: datetime) -> bool:
    """Write a part's results, and with the last part the rehearsal's."""
    # The rehearsal's row first: two parts that end at once must not both think that the other is open.
    rehearsal = Rehearsal.objects.select_for_update(no_key=True).get(pk=part.rehearsal_id)
    held = RehearsalPart.objects.filter(pk=part.pk, lease=part.lease, done_at__isnull=True)
    if rehearsal.state != RehearsalState.RUNNING or not held.exists():
        return False
    totals = replayed.totals()
    writing.copy_people(rehearsal, replayed.people)
    writing.copy_sales(rehearsal, replayed.tally.shown())
    held.update(done_at=at, leased_until=None, totals=msgspec.to_builtins(totals, str_keys=True))
    parts = list(rehearsal.shares.values_list("totals", flat=True))
    if None not in parts:
        whole = added(msgspec.convert(each, Totals, str_keys=True, strict=False) for each in parts)
        rehearsal.results = msgspec.to_builtins(whole, str_keys=True)
        rehearsal.state, rehearsal.ended_at = RehearsalState.DONE, at
        rehearsal.save(update_fields=["results", "state", "ended_at"])
    checkpoint("rehearse.written")
    return True


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: a part makes millions of small values and no cycle.

    What the worker held before is set apart, or the next collection would write to all of it, and the worker would get
    a copy of its own of what it shares with the process that it was forked from.
    """
    collecting = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()
