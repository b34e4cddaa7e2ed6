"""Counting what people spent: written beside posting, read for snapshots and for judging limits, set by set."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from django.db import connection

from devices.core.policy import Policy, Window
from devices.core.quote import Guard, Tally, Used
from devices.core.windows import window_key
from ecard.benefits.values import UsageRow

# Given rows are added up first, so that a person's several sales of a group meet their counter once; a moment of 0 is
# a sale taken back, after which the gap to the next one is forgotten rather than guessed.
_ADD_USAGE = """
INSERT INTO benefits_usagecounter AS known
    (account_ref, business_date, period, scope, total_minor, purse_minor, count, last_s)
SELECT ref, day, period, scope, sum(total), sum(purse), sum(sales), CASE min(last) WHEN 0 THEN 0 ELSE max(last) END
FROM unnest(%s::bigint[], %s::date[], %s::smallint[], %s::int[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[])
    AS given (ref, day, period, scope, total, purse, sales, last)
GROUP BY ref, day, period, scope ORDER BY ref, day, period, scope
ON CONFLICT (account_ref, business_date, period, scope) DO UPDATE SET
    total_minor = known.total_minor + excluded.total_minor,
    purse_minor = known.purse_minor + excluded.purse_minor,
    count = known.count + excluded.count,
    last_s = CASE excluded.last_s WHEN 0 THEN 0 ELSE greatest(known.last_s, excluded.last_s) END
"""
_DAYS = """
SELECT account_ref, business_date, sum(total_minor)::bigint, sum(purse_minor)::bigint, sum(count)::bigint, max(last_s)
FROM benefits_usagecounter
WHERE account_ref = ANY(%s::bigint[]) AND business_date = ANY(%s::date[]) AND scope = 0
GROUP BY account_ref, business_date ORDER BY account_ref, business_date
"""
_PERIODS = """
SELECT account_ref, business_date, period, scope, total_minor, purse_minor, count FROM benefits_usagecounter
WHERE account_ref = ANY(%s::bigint[]) AND business_date = ANY(%s::date[]) AND scope = ANY(%s::int[]) AND period <> 0
ORDER BY account_ref, business_date, period, scope
"""
_SPANS = """
SELECT used.account_ref, span.number,
       sum(used.total_minor)::bigint, sum(used.purse_minor)::bigint, sum(used.count)::bigint
FROM benefits_usagecounter AS used
JOIN unnest(%s::int[], %s::int[], %s::date[], %s::date[]) AS span (number, scope, first, last)
    ON used.scope = span.scope AND used.business_date BETWEEN span.first AND span.last
WHERE used.account_ref = ANY(%s::bigint[]) AND used.business_date BETWEEN %s AND %s
GROUP BY used.account_ref, span.number ORDER BY used.account_ref, span.number
"""


class Needed(NamedTuple):
    """A sum that decisions need besides that of whole days over all sales."""

    window: Window
    scope: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person spent: `used` by whole days, `tallies` by what was needed; `last_s` is 0 where unknown."""

    used: tuple[Used, ...] = ()
    tallies: tuple[Tally, ...] = ()
    last_s: int = 0


class _Span(NamedTuple):
    key: str
    scope: int
    first: date
    last: date


def add_usage(*, rows: Sequence[UsageRow]) -> None:
    """Add to the counters, in one statement and in key order, so that two postings cannot deadlock.

    Belongs in the transaction that writes the transfers. The same key may come several times.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        # As literals: adapting lists element by element takes three times as long (ADR 0001).
        cursor.execute(_ADD_USAGE, ["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)])


def needed(policies: Iterable[Policy]) -> frozenset[Needed]:
    """Which sums the limits and entitlements of these policies are held against."""
    found: set[Needed] = set()
    for policy in policies:
        found.update(Needed(limit.window, limit.scope) for limit in policy.limits)
        found.update(Needed(each.window, -each.id) for each in policy.entitlements)
    # Outside all meal periods a period is the day.
    found.update([Needed("day", each.scope) for each in found if each.window == "period"])
    return frozenset(each for each in found if each.window != "sale" and each != Needed("day", 0))


def needed_of_guards(guards: Iterable[Guard]) -> frozenset[Needed]:
    """The same for limits that guardians set."""
    windows = {guard.window for guard in guards if not guard.categories}
    return frozenset(Needed(window, 0) for window in windows - {"sale", "day"})


def usage_of(account_refs: Iterable[int], dates: Iterable[date]) -> dict[int, tuple[Used, ...]]:
    """What each person spent on the business dates, in order of date; people without are left out."""
    return {ref: usage.used for ref, usage in usage_in(account_refs, dates).items()}


def usage_in(
    account_refs: Iterable[int], dates: Iterable[date], *, sums: Collection[Needed] = frozenset()
) -> dict[int, Usage]:
    """What each person spent on the dates, and in the windows in which these lie; people without are left out.

    At most three statements, whatever the number of refs; the caller bounds them.
    """
    refs, days = _literal(sorted(set(account_refs))), sorted(set(dates))
    used: dict[int, list[Used]] = {}
    last: dict[int, int] = {}
    for ref, day, total_minor, purse_minor, count, last_s in _rows(_DAYS, [refs, _literal(days)]):
        used.setdefault(ref, []).append(Used(day.isoformat(), total_minor, purse_minor, count))
        last[ref] = max(last.get(ref, 0), last_s)
    tallies: dict[int, list[Tally]] = {}
    if sums and days:
        for ref, tally in (*_by_period(refs, days, sums), *_by_span(refs, days, sums)):
            tallies.setdefault(ref, []).append(tally)
    return {
        ref: Usage(tuple(used.get(ref, ())), tuple(tallies.get(ref, ())), last.get(ref, 0))
        for ref in used.keys() | tallies.keys()
    }


def _by_period(refs: str, days: Sequence[date], sums: Collection[Needed]) -> Iterator[tuple[int, Tally]]:
    scopes = sorted({each.scope for each in sums if each.window == "period"})
    if not scopes:
        return
    given = [refs, _literal(days), _literal(scopes)]
    for ref, day, period, scope, total_minor, purse_minor, count in _rows(_PERIODS, given):
        if total_minor or purse_minor or count:
            key = window_key("period", day.isoformat(), period)
            yield ref, Tally(key, scope, total_minor, purse_minor, count)


def _by_span(refs: str, days: Sequence[date], sums: Collection[Needed]) -> Iterator[tuple[int, Tally]]:
    spans = sorted({_span(each, day) for each in sums if each.window != "period" for day in days})
    if not spans:
        return
    columns = [
        _literal(range(len(spans))),
        _literal([span.scope for span in spans]),
        _literal([span.first for span in spans]),
        _literal([span.last for span in spans]),
    ]
    bounds = [min(span.first for span in spans), max(span.last for span in spans)]
    for ref, number, total_minor, purse_minor, count in _rows(_SPANS, [*columns, refs, *bounds]):
        if total_minor or purse_minor or count:
            yield ref, Tally(spans[number].key, spans[number].scope, total_minor, purse_minor, count)


def _span(each: Needed, day: date) -> _Span:
    first = last = day
    if each.window == "week":
        first = day - timedelta(days=day.weekday())
        last = first + timedelta(days=6)
    elif each.window == "month":
        first, last = day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    return _Span(window_key(each.window, day.isoformat(), 0), each.scope, first, last)


def _literal(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
