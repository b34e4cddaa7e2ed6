"""A policy in sentences, and two policies set against each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from devices.core.policy import HOLIDAY, DayKind, Entitlement, Limit, Policy, PriceRule, Programme, Rule
from ecard.benefits.models.bases import Weekday
from ecard.benefits.rules.values import SETTINGS, Ref, ref_of
from ecard.benefits.sentences.names import Names, joined, listed
from ecard.benefits.sentences.programmes import programme_sentence
from ecard.benefits.sentences.rules import (
    block_sentence,
    entitlement_sentence,
    limit_sentence,
    place_sentences,
    price_sentence,
    settings_sentence,
)
from ecard.benefits.sentences.steps import step_sentence


class Change(NamedTuple):
    """One rule as it was and as it will be; "" where it was or will be none. `ref` is its record, where it has one."""

    ref: Ref | None
    before: str
    after: str


class Difference(NamedTuple):
    """What a new policy brings. `kept` counts the rules that stay as they are."""

    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    changed: tuple[Change, ...]
    kept: int

    @property
    def none(self) -> bool:
        """Whether nothing changes."""
        return not (self.added or self.removed or self.changed)


class _Said(NamedTuple):
    value: object
    sentence: str
    ref: Ref | None


def policy_sentences(policy: Policy, names: Names) -> list[str]:
    """Every rule of a policy, in the order in which they are applied."""
    return [said.sentence for said in _said(policy, names).values()]


def difference(old: Policy | None, new: Policy, names: Names) -> Difference:
    """What `new` adds, removes and changes against `old`; `None` is a policy without rules."""
    first_day = datetime.fromtimestamp(new.starts_at_s, UTC).date().isoformat()
    before = _with_days(old, names, first_day) if old is not None else {}
    after = _with_days(new, names, first_day)
    changed, kept = [], 0
    for key in before.keys() & after.keys():
        was, will = before[key], after[key]
        if was.value == will.value:
            kept += 1
        elif was.sentence != will.sentence:
            changed.append((key, Change(will.ref, was.sentence, will.sentence)))
        else:
            told = _("%(sentence)s (changed in its name in the other language, or in its order)")
            changed.append((key, Change(will.ref, was.sentence, told % {"sentence": will.sentence})))
    place = {key: number for number, key in enumerate(after)}
    return Difference(
        added=tuple(Change(said.ref, "", said.sentence) for key, said in after.items() if key not in before),
        removed=tuple(Change(said.ref, said.sentence, "") for key, said in before.items() if key not in after),
        changed=tuple(change for key, change in sorted(changed, key=lambda each: place[each[0]])),
        kept=kept,
    )


_Key = tuple[str, int | str]


def _said(policy: Policy, names: Names) -> dict[_Key, _Said]:
    rules: tuple[Rule, ...] = (
        *policy.blocks,
        *policy.prices,
        *policy.entitlements,
        *policy.programmes,
        *policy.limits,
    )
    said: dict[_Key, _Said] = {}
    for rule in rules:
        said[type(rule).__name__, rule.id] = _Said(rule, rule_sentence(rule, names), ref_of(rule))
    order = (policy.funding_order, policy.max_vouchers, policy.low_balance_minor)
    said["settings", 0] = _Said(order, settings_sentence(policy), SETTINGS)
    for step in policy.ages:
        said["step", step.up_to_s] = _Said(step, step_sentence(step), None)
    periods = {each.id: each for each in policy.periods}
    for (kind, number), sentence in place_sentences(policy, names):
        said[kind, number] = _Said(periods[number], sentence, Ref("merchants.mealperiod", number))
    return said


def rule_sentence(rule: Rule, names: Names) -> str:
    """Any rule of a policy in its sentence."""
    if isinstance(rule, PriceRule):
        return price_sentence(rule, names)
    if isinstance(rule, Programme):
        return programme_sentence(rule, names)
    if isinstance(rule, Entitlement):
        return entitlement_sentence(rule, names)
    if isinstance(rule, Limit):
        return limit_sentence(rule, names)
    return block_sentence(rule, names)


def _with_days(policy: Policy, names: Names, first_day: str) -> dict[_Key, _Said]:
    """With the calendar from a day on: that days pass out of a policy's sight changes nothing."""
    said = _said(policy, names)
    for day in policy.days:
        if day.date >= first_day:
            said[f"day {day.site}", day.date] = _Said(day.acts_as, day_sentence(day, names), None)
    return said


def day_sentence(day: DayKind, names: Names) -> str:
    """A day of a site's calendar that is not what its weekday says."""
    told = {"date": day.date, "site": joined(listed([day.site], names.sites))}
    if day.acts_as == HOLIDAY:
        return _("%(date)s is a holiday at %(site)s.") % told
    return _("%(date)s counts as a %(weekday)s at %(site)s.") % {**told, "weekday": Weekday(day.acts_as).label}
