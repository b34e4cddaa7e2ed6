"""What an administrator should know before publishing: contradictions, rules that never apply, people left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from devices.core.policy import Entitlement, Policy, Programme, Rule
from ecard.benefits.rules import never
from ecard.benefits.rules.dead_limits import dead_limits
from ecard.benefits.rules.facts import Facts, GroupFacts, ProgrammeFacts
from ecard.benefits.rules.overlap import Because, overlaps
from ecard.benefits.rules.people import left_out
from ecard.benefits.rules.problems import SOURCES, Known
from ecard.benefits.rules.tills import free_prices, many_sets
from ecard.benefits.rules.values import SETTINGS, Finding, FindingCode, Ref, ref_of

__all__ = ["FINDINGS_MAX", "Facts", "GroupFacts", "ProgrammeFacts", "findings"]

FINDINGS_MAX = 500
COMPARED_MAX = 400
"""So many rules of a kind are compared with each other: pairs grow with the square."""

Check = Callable[[Policy, Known, Facts], Iterator[Finding]]


def findings(policy: Policy, *, known: Known, facts: Facts) -> tuple[Finding, ...]:
    """Everything odd that does not forbid publishing, contradictions first; at most FINDINGS_MAX."""
    found: list[Finding] = []
    for check in _CHECKS:
        for finding in check(policy, known, facts):
            found.append(finding)
            if len(found) == FINDINGS_MAX:
                return tuple(found)
    return tuple(found)


def _tied_prices(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    prices, classes = policy.prices[:COMPARED_MAX], facts.class_of_group
    for place, rule in enumerate(prices):
        for met in overlaps(rule, prices[place + 1 :], known=known, class_of_group=classes):
            if met.because is Because.NUMBER:
                yield Finding(
                    FindingCode.TIED_PRICES,
                    ref_of(met.loser),
                    met.loser.name,
                    other=met.winner.name,
                    other_ref=ref_of(met.winner),
                )


def _dead_limits(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    for limit, tighter in dead_limits(policy.limits[:COMPARED_MAX], known=known, classes=facts.class_of_group):
        yield Finding(FindingCode.DEAD_LIMIT, ref_of(limit), limit.name, other=tighter.name, other_ref=ref_of(tighter))


def _exclusions(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    """Each pair on a circle once: that two exclude each other needs to be said of one alone."""
    programmes = {each.id: each for each in policy.programmes}
    for one in policy.programmes:
        for number in one.excludes:
            two = programmes.get(number)
            if two is not None and one.id < two.id and _reaches(two, one, programmes):
                yield Finding(
                    FindingCode.EXCLUDES_EACH_OTHER, ref_of(one), one.name, other=two.name, other_ref=ref_of(two)
                )


def _reaches(start: Programme, goal: Programme, programmes: dict[int, Programme]) -> bool:
    seen, waiting = {start.id}, [start]
    while waiting:
        for number in waiting.pop().excludes:
            if number == goal.id:
                return True
            if number in programmes and number not in seen:
                seen.add(number)
                waiting.append(programmes[number])
    return False


def _thresholds(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    """A voucher from a price that none of those who get it may ever pay at once."""
    for programme in policy.programmes:
        given = facts.programmes.get(programme.id)
        if not programme.threshold_minor or not facts.groups:
            continue
        numbers = given.groups if given is not None and given.groups else tuple(facts.groups)
        most_minor = max(
            (_most_minor(policy, number, facts) for number in numbers if number in facts.groups), default=0
        )
        if 0 < most_minor < programme.threshold_minor:
            yield Finding(FindingCode.THRESHOLD_TOO_HIGH, ref_of(programme), programme.name, amount_minor=most_minor)


def _most_minor(policy: Policy, group: int, facts: Facts) -> int:
    """The most that somebody of the group may spend at once, as far as that holds everywhere."""
    of_group = facts.groups[group]
    everywhere = [
        limit.max_minor
        for limit in policy.limits
        if limit.max_minor is not None
        and limit.on == "total"
        and limit.where.anywhere
        and not (limit.where.from_date or limit.where.to_date or limit.who.lists)
        and (not limit.who.groups or group in limit.who.groups)
        and (not limit.who.classes or of_group.price_class in limit.who.classes)
    ]
    return min([of_group.per_sale_minor, *everywhere])


def _sponsors(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    rules: tuple[Programme | Entitlement, ...] = (*policy.entitlements, *policy.programmes)
    for rule in rules:
        given = facts.programmes.get(rule.id) if isinstance(rule, Programme) else None
        sponsor = facts.sponsor_of_entitlement.get(rule.id) if isinstance(rule, Entitlement) else None
        sponsor = given.sponsor if given is not None else sponsor
        if sponsor is not None and sponsor in facts.spent_budgets:
            yield Finding(
                FindingCode.SPONSOR_DRY,
                ref_of(rule),
                rule.name,
                other=facts.sponsors.get(sponsor),
                other_ref=Ref("benefits.sponsor", sponsor),
            )


def _never_applies(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    rules: tuple[Rule, ...] = (
        *policy.prices,
        *policy.entitlements,
        *policy.programmes,
        *policy.limits,
        *policy.blocks,
    )
    for rule in rules:
        yield from never.at_no_time(rule, policy, today=facts.today)
        yield from never.of_nothing(rule, known, facts)
        yield from never.for_nobody(rule, facts)


def _issuing(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    for programme in policy.programmes:
        given = facts.programmes.get(programme.id)
        if given is None or given.by_hand:
            continue
        if given.nobody:
            yield Finding(FindingCode.NOBODY_GETS_IT, ref_of(programme), programme.name)
        elif given.last_date and given.last_date < facts.today:
            yield Finding(FindingCode.NEVER_ISSUED, ref_of(programme), programme.name)


def _sources(policy: Policy, known: Known, facts: Facts) -> Iterator[Finding]:
    """A kind of rule whose source is not in the order of payment never pays."""
    for source in sorted(SOURCES.difference(policy.funding_order)):
        rules: dict[str, tuple[Rule, ...]] = {
            "entitlement": policy.entitlements,
            "voucher": tuple(each for each in policy.programmes if each.kind == "voucher"),
            "lots": tuple(each for each in policy.programmes if each.kind == "subsidy"),
        }
        for rule in rules.get(source, ()):
            yield Finding(FindingCode.SOURCE_LEFT_OUT, SETTINGS, rule.name)


_CHECKS: tuple[Check, ...] = (
    _tied_prices,
    free_prices,
    _dead_limits,
    _exclusions,
    many_sets,
    _thresholds,
    _sponsors,
    _sources,
    _never_applies,
    _issuing,
    left_out,
)
