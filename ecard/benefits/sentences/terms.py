"""A programme's whole preview in one sentence: who gets how much and when, where it may be spent, how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from devices.core.policy import Programme, Text, Who
from ecard.benefits.models.bases import Weekday
from ecard.benefits.models.programmes import Ends, Schedule
from ecard.benefits.sentences.names import NAMED_AT_MOST, Names, amount, clauses, joined, own, those_who
from ecard.benefits.sentences.programmes import spent, worth

SHORTEST_MONTH = 28


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a programme no policy carries. 0 and None where it does not matter."""

    for_whom: Who
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    amount_minor: int
    pieces: int
    schedule: Schedule
    schedule_day: int
    schedule_dates: tuple[date, ...]
    ends: Ends
    ends_days: int
    ends_on: date | None
    rollover_cap_minor: int
    transferable: bool
    sponsor: Text


def preview_sentence(programme: Programme, terms: Terms, names: Names) -> str:
    """On the 1st of each month undergraduates get ¥100, to be spent only at the gym; what is left … is lost."""
    how = spent(programme, names)
    if terms.transferable:
        how = clauses((how, _("may be given to somebody else")))
    told = {
        "name": own(programme.name),
        "when": _when(terms),
        "who": _whom(terms, names),
        "what": _what(programme, terms),
        "spent": how,
        "end": _end(terms),
    }
    return _("“%(name)s”: %(when)s %(who)s get %(what)s, %(spent)s; %(end)s.") % told


def _when(terms: Terms) -> str:
    if terms.schedule == Schedule.BY_HAND:
        return _("whenever somebody issues it,")
    if terms.schedule == Schedule.ONCE:
        return _("once, on %(dates)s,") % {"dates": _dates(terms.schedule_dates[:1])}
    if terms.schedule == Schedule.WEEKLY:
        day = Weekday((terms.schedule_day - 1) % len(Weekday.choices[:7]))
        return _("every %(weekday)s") % {"weekday": day.label}
    if terms.schedule == Schedule.DATES:
        return _("on %(dates)s") % {"dates": _dates(terms.schedule_dates)}
    if terms.schedule_day > SHORTEST_MONTH:
        return _("on day %(day)d of each month, or on its last,") % {"day": terms.schedule_day}
    return _on_the_day(terms.schedule_day)


def _on_the_day(day: int) -> str:
    """English counts with an ending, Chinese without."""
    told = {"day": day}
    if day in (1, 21):
        return _("on the %(day)dst of each month") % told
    if day in (2, 22):
        return _("on the %(day)dnd of each month") % told
    if day in (3, 23):
        return _("on the %(day)drd of each month") % told
    return _("on the %(day)dth of each month") % told


def _dates(dates: Sequence[date]) -> str:
    if not dates:
        return pgettext("dates", "no date")
    return joined([each.isoformat() for each in dates])


def _whom(terms: Terms, names: Names) -> str:
    people = those_who(terms.for_whom, names)
    asked = [f"{name} = {' / '.join(values[:NAMED_AT_MOST])}" for name, values in terms.attributes]
    if not asked:
        return people
    attributes = joined(asked)
    if not terms.for_whom.groups and not terms.for_whom.lists:
        return _("people with %(attributes)s") % {"attributes": attributes}
    return _("%(people)s with %(attributes)s") % {"people": people, "attributes": attributes}


def _what(programme: Programme, terms: Terms) -> str:
    if programme.kind == "voucher":
        value = worth(programme, terms.amount_minor) or pgettext("a voucher's value", "an amount named then")
        told = {"count": terms.pieces, "worth": value}
        return (_("a voucher (%(worth)s)") if terms.pieces == 1 else _("%(count)d vouchers (%(worth)s)")) % told
    if not terms.amount_minor:
        return _("an amount named then")
    if terms.pieces > 1:
        return _("%(count)d times %(amount)s") % {"count": terms.pieces, "amount": amount(terms.amount_minor)}
    return amount(terms.amount_minor)


def _end(terms: Terms) -> str:
    if terms.ends == Ends.DAYS:
        after = ngettext(
            "what is left after %(count)d day is lost", "what is left after %(count)d days is lost", terms.ends_days
        )
        return after % {"count": terms.ends_days}
    if terms.ends == Ends.DATE:
        last = terms.ends_on.isoformat() if terms.ends_on is not None else "?"
        return _("what is left after %(date)s is lost") % {"date": last}
    if terms.ends == Ends.ROLLOVER:
        told = {"cap": amount(terms.rollover_cap_minor)}
        return _("up to %(cap)s of what is left goes over to the next time, the rest is lost") % told
    if terms.schedule == Schedule.MONTHLY and terms.schedule_day == 1:
        return _("what is left at the end of the month is lost")
    if terms.schedule == Schedule.WEEKLY and terms.schedule_day == 1:
        return _("what is left at the end of the week is lost")
    if terms.schedule == Schedule.ONCE:
        return _("what is left after a year is lost")
    if terms.schedule == Schedule.BY_HAND:
        return _("what is left at the end named then is lost")
    return _("what is left when the next is issued is lost")
