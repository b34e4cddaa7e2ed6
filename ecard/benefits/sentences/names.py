"""What things are called, and the clauses of place, time and people that sentences share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from devices.core.money import MINOR_PER_UNIT, format_minor
from devices.core.policy import HOLIDAY, Text, Where, Who, Window
from ecard.benefits.models.bases import Weekday

NAMED_AT_MOST = 4


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called; a name that is missing is shown as its number."""

    sites: Mapping[int, Text] = field(default_factory=dict)
    outlets: Mapping[int, Text] = field(default_factory=dict)
    periods: Mapping[int, Text] = field(default_factory=dict)
    classes: Mapping[int, Text] = field(default_factory=dict)
    groups: Mapping[int, Text] = field(default_factory=dict)
    lists: Mapping[int, Text] = field(default_factory=dict)
    categories: Mapping[int, Text] = field(default_factory=dict)
    allergens: Mapping[int, Text] = field(default_factory=dict)
    products: Mapping[int, Text] = field(default_factory=dict)
    programmes: Mapping[int, Text] = field(default_factory=dict)
    sponsors: Mapping[int, Text] = field(default_factory=dict)


def own(text: Text) -> str:
    """A name in the reader's language."""
    return text.in_language(get_language() or "en")


def amount(amount_minor: int) -> str:
    """Money in a sentence: "¥100", "¥12.50"."""
    said = format_minor(amount_minor)
    return said if amount_minor % MINOR_PER_UNIT else said.removesuffix(".00")


def listed(ids: Iterable[int], names: Mapping[int, Text]) -> list[str]:
    """The names of the ids, in their order."""
    return [own(names[each]) if each in names else f"#{each}" for each in ids]


def joined(parts: Sequence[str]) -> str:
    """Names one after the other, not too many."""
    shown = _(", ").join(parts[:NAMED_AT_MOST])
    more = len(parts) - NAMED_AT_MOST
    if more <= 0:
        return shown
    return ngettext("%(shown)s and %(more)d more", "%(shown)s and %(more)d more", more) % {"shown": shown, "more": more}


def clauses(parts: Iterable[str]) -> str:
    """Clauses of one sentence."""
    return pgettext("between clauses", ", ").join(parts)


def days(weekdays: Iterable[int]) -> str:
    """Weekdays by name; runs of three and more as a span."""
    kinds = sorted(set(weekdays))
    if kinds == list(range(5)):
        return _("working days")
    return joined([_weekday(kind) for kind in kinds])


def _weekday(kind: int) -> str:
    return str(Weekday(kind).label) if 0 <= kind <= HOLIDAY else f"#{kind}"


def who(people: Who, names: Names) -> str:
    """Whom a rule is for: several kinds together narrow each other."""
    kinds = (
        listed(people.classes, names.classes),
        listed(people.groups, names.groups),
        listed(people.lists, names.lists),
    )
    named = [joined(each) for each in kinds if each]
    also = pgettext("people of a class who are also in a group", " who are also ")
    return also.join(named) if named else _("everybody")


def those_who(people: Who, names: Names) -> str:
    """The same as what a sentence is about: English counts it as many."""
    named = people.classes or people.groups or people.lists
    return who(people, names) if named else _("all people")


def where(place: Where, names: Names) -> str:
    """Where and when, told in full: "everywhere, at any time" where nothing is named."""
    parts = _places(place, names) or [_("everywhere")]
    times = _times(place, names) or [_("at any time")]
    return clauses((*parts, *times, *_dates(place)))


def only_where(place: Where, names: Names) -> str:
    """What is named of place and time; "" where nothing is."""
    return clauses((*_places(place, names), *_times(place, names), *_dates(place)))


def goods(place: Where, names: Names) -> str:
    """The product categories named; "" where none is."""
    return joined(listed(place.categories, names.categories))


def _places(place: Where, names: Names) -> list[str]:
    named = [*listed(place.sites, names.sites), *listed(place.outlets, names.outlets)]
    return [_("at %(places)s") % {"places": joined(named)}] if named else []


def _times(place: Where, names: Names) -> list[str]:
    parts = []
    if place.periods:
        parts.append(_("at %(meals)s") % {"meals": joined(listed(place.periods, names.periods))})
    if place.weekdays:
        parts.append(_("on %(days)s") % {"days": days(place.weekdays)})
    return parts


def _dates(place: Where) -> list[str]:
    told = {"first": place.from_date, "last": place.to_date}
    if place.from_date and place.to_date:
        return [_("from %(first)s to %(last)s") % told]
    if place.from_date:
        return [_("from %(first)s on") % told]
    return [_("until %(last)s") % told] if place.to_date else []


def each(window: Window) -> str:
    """A window as in "¥20 a day"."""
    return {
        "sale": _("a sale"),
        "period": _("a meal"),
        "day": _("a day"),
        "week": _("a week"),
        "month": _("a month"),
    }[window]
