"""Limits that terminals passed together, each within what it knew. The sales are facts; finance is told, once a case.

A case is one person's meal period, day, week or month. Its newest sale is judged again by the policy that priced it,
with all that is known now of the person's other sales.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate
from devices.core.journal import SaleRecord
from devices.core.limits import Usage as Sums
from devices.core.policy import Entitlement, Policy, Window
from devices.core.quote import Guard, Person, Tally, Used
from devices.core.windows import COUNTED_WINDOWS, keys_of
from ecard.benefits.counting import Usage, needed_of_guards
from ecard.benefits.queries import guards_of, needed, policies_since, usage_in
from ecard.settlement.models import ExceptionKind, ExceptionState, Sale, SaleException
from ecard.settlement.posting.counts import Counts, recalled
from ecard.settlement.queries import policies_of, readable_records
from ecard.settlement.singly import note_too_much, note_too_soon
from ecard.settlement.suspects import Suspect, over_guards, over_policies

LOOKED_BACK = timedelta(days=35)
"""A terminal may upload this late."""
MATTERS_LIMIT = 500
_POLICY_KINDS = (ExceptionKind.OVER_LIMIT, ExceptionKind.ENTITLEMENT_OVERUSED)
_OVER = (
    Why.OVER_PERIOD_LIMIT,
    Why.OVER_DAY_LIMIT,
    Why.OVER_WEEK_LIMIT,
    Why.OVER_MONTH_LIMIT,
    Why.TOO_MANY_SALES,
    Why.TOO_MANY_IN_WINDOW,
)
_OVER_GUARD = (Why.OVER_GUARD, Why.TOO_MANY_GUARD)


def note_over_limits(*, at: datetime) -> int:
    """Make an exception of each window in which a person passed a limit of the rules then in force; gives how many.

    It stands at that window's newest sale; beside these are single sales that were too much or too soon (`singly`).
    Nothing is booked: what the terminal showed was paid.
    """
    policies = policies_since(at - LOOKED_BACK)
    made = 0
    for window in COUNTED_WINDOWS:
        since = _since(window, (at - LOOKED_BACK).date())
        suspects = over_policies(window, policies, since=since, kinds=_POLICY_KINDS, limit=MATTERS_LIMIT)
        made += _note(suspects, by_guardians=False, at=at)
        guarded = over_guards(window, since=since, kinds=[ExceptionKind.OVER_GUARD], limit=MATTERS_LIMIT)
        made += _note(guarded, by_guardians=True, at=at)
    since = (at - LOOKED_BACK).date()
    made += note_too_soon(policies=policies, since=since, at=at)
    return made + note_too_much(policies=policies, since=since, at=at)


def _since(window: Window, day: date) -> date:
    """The first day of the window in which `day` lies: a part of one says nothing."""
    if window == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if window == "month" else day


def _note(suspects: list[Suspect], *, by_guardians: bool, at: datetime) -> int:
    if not suspects:
        return 0
    sales = Sale.objects.in_bulk({sale_id for each in suspects for sale_id in each.sale_ids})
    newest = [(each, sale) for each in suspects if (sale := _counted_in(each, sales)) is not None]
    records = readable_records([sale for _each, sale in newest])
    policies = policies_of(records.values())
    chosen = [
        (each, sale, record, policy)
        for each, sale in newest
        if (record := records.get(sale.pk)) is not None and (policy := policies.get(record.quote.policy)) is not None
    ]
    guards = guards_of({each.account_ref for each in suspects}) if by_guardians else {}
    usage = _usage([sale for _each, sale, *_ in chosen], policies=policies.values(), guards=guards)
    made: dict[tuple[int, int], SaleException] = {}
    for each, sale, record, policy in chosen:
        spent = usage.get((sale.business_date, sale.account_ref), Usage())
        person = _all_knowing(record, sale, spent, guards.get(sale.account_ref, ()))
        matter = _judged(each, sale, record, person, policy, by_guardians=by_guardians)
        if matter is not None:
            kind, params = matter
            exception = _exception(sale, kind, {**params, "case": each.case}, at=at)
            made.setdefault((sale.pk, kind), exception)
    once = list(made.values())
    SaleException.objects.bulk_create(once, ignore_conflicts=True)
    return len(once)


def _judged(
    each: Suspect, sale: Sale, record: SaleRecord, person: Person, policy: Policy, *, by_guardians: bool
) -> tuple[ExceptionKind, dict[str, int | str]] | None:
    """What a terminal would have said to this sale, had it known of all others; None where it would have sold."""
    if each.scope < 0:
        rule = next((rule for rule in policy.entitlements if rule.id == -each.scope), None)
        return _overused(rule, each) if rule is not None else None
    quote = evaluate(policy=policy, person=person, tap=record.tap, basket=record.basket)
    decline = quote.decline
    if decline is None or decline.why not in (_OVER_GUARD if by_guardians else _OVER):
        return None
    if by_guardians:
        return ExceptionKind.OVER_GUARD, _of_guard(decline, sale, record, person)
    return ExceptionKind.OVER_LIMIT, _of_limit(decline, record, person, policy)


def _overused(rule: Entitlement, each: Suspect) -> tuple[ExceptionKind, dict[str, int | str]] | None:
    if each.sales <= rule.count:
        return None
    names = {"name": rule.name.zh, "name_en": rule.name.en}
    params: dict[str, int | str] = {"entitlement": rule.id, "sold": each.sales, "limit": rule.count}
    return ExceptionKind.ENTITLEMENT_OVERUSED, params | names | {"window": rule.window}


def _of_limit(decline: Decline, record: SaleRecord, person: Person, policy: Policy) -> dict[str, int | str]:
    limit = next(each for each in policy.limits if each.id == decline.params["limit"])
    params: dict[str, int | str] = {"rule": limit.id, "window": limit.window}
    if "max_count" in decline.params:
        sold = Sums(person, record.tap).spent(limit.window, limit.scope)[2] + 1
        return params | {"limit": decline.params["max_count"], "sold": sold}
    sold_minor = int(decline.params["used_minor"]) + int(decline.params["amount_minor"])
    return params | {"limit_minor": decline.params["limit_minor"], "sold_minor": sold_minor}


def _of_guard(decline: Decline, sale: Sale, record: SaleRecord, person: Person) -> dict[str, int | str]:
    guard = next(each for each in person.guards if each.id == decline.params["guard"])
    used_minor, _purse_minor, count = Sums(person, record.tap).spent(guard.window, 0)
    params: dict[str, int | str] = {"guard": guard.id, "window": guard.window}
    if "max_count" in decline.params:
        return params | {"limit": decline.params["max_count"], "sold": count + 1}
    sold_minor = used_minor + _counts(sale)[0][1]
    return params | {"limit_minor": decline.params["limit_minor"], "sold_minor": sold_minor}


def _counted_in(each: Suspect, sales: Mapping[int, Sale]) -> Sale | None:
    """The window's newest sale that counts in the scope in question."""
    found = (sales[sale_id] for sale_id in each.sale_ids)
    return next((sale for sale in found if any(scope == each.scope for scope, _, _ in _counts(sale))), None)


def _counts(sale: Sale) -> Counts:
    return recalled(sale.amount_minor, sale.purse_minor + sale.loss_minor, bytes(sale.counted))


def _usage(
    sales: Iterable[Sale], *, policies: Iterable[Policy], guards: Mapping[int, tuple[Guard, ...]]
) -> dict[tuple[date, int], Usage]:
    """What each person spent in all windows around a business date, in three statements a date."""
    sums = needed(policies) | needed_of_guards(guard for each in guards.values() for guard in each)
    refs: dict[date, set[int]] = {}
    for sale in sales:
        refs.setdefault(sale.business_date, set()).add(sale.account_ref)
    return {
        (day, ref): usage for day, people in refs.items() for ref, usage in usage_in(people, [day], sums=sums).items()
    }


def _all_knowing(record: SaleRecord, sale: Sale, usage: Usage, guards: tuple[Guard, ...]) -> Person:
    """The person with all that was sold besides this sale; the least time between two is for `singly`."""
    counts = {scope: (total_minor, purse_minor) for scope, total_minor, purse_minor in _counts(sale)}
    day = sale.business_date.isoformat()
    keys = keys_of(day, sale.period)
    total_minor, purse_minor = counts.get(0, (0, 0))
    used = tuple(
        Used(each.business_date, each.total_minor - total_minor, each.purse_minor - purse_minor, each.count - 1)
        for each in usage.used
        if each.business_date == day
    )
    tallies = tuple(_without(each, counts.get(each.scope)) if each.key in keys else each for each in usage.tallies)
    return msgspec.structs.replace(record.person, used=used, tallies=tallies, guards=guards, last_s=0, purse_only=False)


def _without(tally: Tally, own: tuple[int, int] | None) -> Tally:
    if own is None:
        return tally
    return Tally(tally.key, tally.scope, tally.total_minor - own[0], tally.purse_minor - own[1], tally.count - 1)


def _exception(sale: Sale, kind: ExceptionKind, params: dict[str, int | str], *, at: datetime) -> SaleException:
    return SaleException(
        record_id=sale.pk,
        terminal_id=sale.terminal_id,
        kind=kind,
        params=params,
        amount_minor=_counts(sale)[-1][1] if kind == ExceptionKind.ENTITLEMENT_OVERUSED else sale.amount_minor,
        made_at=at,
        state=ExceptionState.OPEN,
    )
