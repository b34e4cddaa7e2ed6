"""A policy's rules in plain sentences, in the reader's language: for whoever edits and publishes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from devices.core.money import format_minor
from devices.core.policy import AgeStep, Limit, Policy, PriceRule, Programme, Text, Where, Who
from ecard.benefits.models import Weekday
from ecard.benefits.rules import Problem, ProblemCode

NAMED_AT_MOST = 4
WHOLE_BP = 10_000


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called; a name that is missing is shown as its number."""

    sites: Mapping[int, Text]
    outlets: Mapping[int, Text]
    periods: Mapping[int, Text]
    classes: Mapping[int, Text]
    groups: Mapping[int, Text]


def policy_sentences(policy: Policy, names: Names) -> list[str]:
    """Every rule of a policy, in the order in which they are applied."""
    return [
        *(price_sentence(rule, names) for rule in policy.prices),
        *(programme_sentence(programme, names) for programme in policy.programmes),
        *(limit_sentence(limit, names) for limit in policy.limits),
        *(step_sentence(step) for step in policy.ages),
    ]


def programme_sentence(programme: Programme, names: Names) -> str:
    """What a grant of the programme pays, and where."""
    told = {"name": _own(programme.name), "where": _where(programme.where, names)}
    if programme.part_payment:
        return _("“%(name)s” pays as much as is left of it, %(where)s.") % told
    return _("“%(name)s” pays only where it covers the whole rest, %(where)s.") % told


def price_sentence(rule: PriceRule, names: Names) -> str:
    """Who pays what share of the list price, and where."""
    percent = f"{rule.percent_bp / 100:g} %"
    told = {
        "name": _own(rule.name),
        "who": _who(rule.who, names),
        "where": _where(rule.where, names),
        "percent": percent,
        "plus": format_minor(rule.add_minor),
    }
    if not rule.add_minor:
        return _("“%(name)s”: for %(who)s the price is %(percent)s of the list price, %(where)s.") % told
    return _("“%(name)s”: for %(who)s the price is %(percent)s of the list price plus %(plus)s, %(where)s.") % told


def limit_sentence(limit: Limit, names: Names) -> str:
    """Who may spend how much, how often, and where."""
    told = {"name": _own(limit.name), "who": _who(limit.who, names), "where": _where(limit.where, names)}
    parts = []
    if limit.max_minor is not None:
        amount = {"amount": format_minor(limit.max_minor)}
        if limit.window == "sale":
            text = (
                _("at most %(amount)s a sale") if limit.on == "total" else _("at most %(amount)s of the purse a sale")
            )
        else:
            text = _("at most %(amount)s a day") if limit.on == "total" else _("at most %(amount)s of the purse a day")
        parts.append(text % amount)
    if limit.max_count is not None:
        counted = ngettext("at most %(count)d sale a day", "at most %(count)d sales a day", limit.max_count)
        parts.append(counted % {"count": limit.max_count})
    told["what"] = _(" and ").join(parts)
    return _("“%(name)s”: for %(who)s, %(what)s, %(where)s.") % told


def step_sentence(step: AgeStep) -> str:
    """How much a terminal out of contact for so long may sell."""
    return _(
        "Out of contact for up to %(age)s, a terminal sells at most %(sale)s at once and %(person)s to a person."
    ) % {
        "age": age_text(step.up_to_s),
        "sale": format_minor(step.sale_minor),
        "person": format_minor(step.person_minor),
    }


def age_text(seconds: int) -> str:
    """Seconds in the largest unit that has no rest."""
    days, hours, minutes = seconds // 86_400, seconds // 3_600, seconds // 60
    if days and seconds % 86_400 == 0:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if hours and seconds % 3_600 == 0:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if minutes and seconds % 60 == 0:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}


def problem_sentence(problem: Problem) -> str:
    """Why a policy cannot be published, for the administrator."""
    told = {"rule": problem.rule, "named": problem.named}
    return {
        ProblemCode.UNKNOWN_SITE: _("“%(rule)s” names a site that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_OUTLET: _("“%(rule)s” names an outlet that is closed or not there (%(named)s)."),
        ProblemCode.UNKNOWN_PERIOD: _("“%(rule)s” names a meal period that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_CLASS: _("“%(rule)s” names a price class that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_GROUP: _("“%(rule)s” names a group that is not there (%(named)s)."),
        ProblemCode.NEVER_APPLIES: _("“%(rule)s” can never apply: its places and meal periods are of different sites."),
        ProblemCode.NO_STEPS: _("There are no offline steps: terminals would never sell out of contact."),
        ProblemCode.STEPS_GROW: _("An older offline step allows more than a newer one."),
        ProblemCode.TOO_MANY_RULES: _("There are more rules than a terminal can hold."),
        ProblemCode.STARTS_IN_THE_PAST: _("A policy starts now or later, never in the past."),
        ProblemCode.UNREADABLE: _("The policy cannot be read back as it was written (%(rule)s)."),
    }[problem.code] % told


def _own(text: Text) -> str:
    return text.in_language(get_language() or "en")


def _where(where: Where, names: Names) -> str:
    places = [*_list(where.sites, names.sites), *_list(where.outlets, names.outlets)]
    parts = [_("at %(places)s") % {"places": _joined(places)}] if places else [_("everywhere")]
    if where.periods:
        parts.append(_("at %(meals)s") % {"meals": _joined(_list(where.periods, names.periods))})
    if where.weekdays:
        parts.append(_("on %(days)s") % {"days": _joined([str(Weekday(day).label) for day in where.weekdays])})
    if not where.periods and not where.weekdays:
        parts.append(_("at any time"))
    return pgettext("between clauses", ", ").join(parts)


def _who(who: Who, names: Names) -> str:
    people = [*_list(who.classes, names.classes), *_list(who.groups, names.groups)]
    return _joined(people) if people else _("everybody")


def _list(ids: Iterable[int], names: Mapping[int, Text]) -> list[str]:
    return [_own(names[each]) if each in names else f"#{each}" for each in ids]


def _joined(parts: list[str]) -> str:
    shown = _(", ").join(parts[:NAMED_AT_MOST])
    more = len(parts) - NAMED_AT_MOST
    if more <= 0:
        return shown
    return ngettext("%(shown)s and %(more)d more", "%(shown)s and %(more)d more", more) % {"shown": shown, "more": more}
