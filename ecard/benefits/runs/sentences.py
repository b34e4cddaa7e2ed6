"""A run in sentences, in the reader's language: for whoever approves it."""

from __future__ import annotations

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core.money import format_minor
from ecard.benefits.models import Programme, Run, RunKind, Weekday
from ecard.benefits.models.programmes import Ends, Schedule


def run_summary(run: Run) -> str:
    """What paying out this run means: the first line says it all, more lines the particulars."""
    told = {
        "people": ngettext("%(count)d person", "%(count)d people", run.people) % {"count": run.people},
        "total": format_minor(run.total_minor),
        "sponsor": run.sponsor.shown_name,
        "programme": run.programme.shown_name if run.programme else "",
        "period": run.period_key,
        "pieces": run.pieces,
    }
    if run.kind == RunKind.CREDIT:
        first = _("%(total)s as credit to the purses of %(people)s, from %(sponsor)s.")
    elif run.kind == RunKind.VOUCHER:
        first = _("Vouchers “%(programme)s” worth at most %(total)s to %(people)s for %(period)s, from %(sponsor)s.")
    else:
        first = _("Subsidy “%(programme)s”: %(total)s to %(people)s for %(period)s, from %(sponsor)s.")
    lines = [first % told, _("Reason: %(reason)s") % {"reason": run.reason}]
    if run.expires_at:
        moment = date_format(timezone.localtime(run.expires_at), "DATETIME_FORMAT")
        lines.append(_("What is left expires at %(moment)s.") % {"moment": moment})
    if run.pieces > 1:
        lines.append(_("%(pieces)d vouchers each.") % told)
    if run.left_out:
        lines.append(
            ngettext("%(count)d line is left out.", "%(count)d lines are left out.", run.left_out)
            % {"count": run.left_out}
        )
    if run.duplicates:
        lines.append(_duplicates_told(run))
    return "\n".join(lines)


def _duplicates_told(run: Run) -> str:
    told = {"count": run.duplicates, "who": run.duplicates_overruled_by}
    if run.duplicates_overruled_by_id is None:
        return ngettext("%(count)d possible duplicate.", "%(count)d possible duplicates.", run.duplicates) % told
    text = ngettext(
        "%(count)d possible duplicate is paid: overruled by %(who)s.",
        "%(count)d possible duplicates are paid: overruled by %(who)s.",
        run.duplicates,
    )
    return text % told


def schedule_summary(programme: Programme) -> str:
    """What letting this schedule run means."""
    told = {
        "programme": programme.shown_name,
        "amount": format_minor(programme.amount_minor or 0),
        "pieces": programme.pieces,
        "sponsor": programme.sponsor.shown_name,
    }
    first = _("“%(programme)s” issues by itself: %(amount)s each, from %(sponsor)s.") % told
    lines = [first, schedule_sentence(programme), people_sentence(programme), ends_sentence(programme)]
    if programme.pieces > 1:
        lines.append(_("%(pieces)d vouchers each.") % told)
    return "\n".join(lines)


def schedule_sentence(programme: Programme) -> str:
    """When a programme is issued."""
    if programme.schedule == Schedule.MONTHLY:
        return _("Every month on day %(day)d, or the last day of a shorter month.") % {"day": programme.schedule_day}
    if programme.schedule == Schedule.WEEKLY:
        return _("Every week on %(day)s.") % {"day": Weekday(programme.schedule_day - 1).label}
    if programme.schedule == Schedule.BY_HAND:
        return _("Issued by hand.")
    days = sorted(programme.schedule_dates)[: 1 if programme.schedule == Schedule.ONCE else None]
    return _("On %(dates)s.") % {"dates": _(", ").join(date_format(each, "SHORT_DATE_FORMAT") for each in days)}


def people_sentence(programme: Programme) -> str:
    """Whom a programme is for."""
    parts = [group.shown_name for group in programme.for_groups.all()]
    parts += [f"{name}: {_(', ').join(values)}" for name, values in programme.for_attributes.items()]
    if programme.for_list is not None:
        parts.append(programme.for_list.shown_name)
    return _("For: %(people)s.") % {"people": "; ".join(parts) if parts else _("everybody")}


def ends_sentence(programme: Programme) -> str:
    """What becomes of what is left."""
    if programme.ends == Ends.DAYS:
        days = programme.ends_days or 0
        return ngettext("What is left ends after %(count)d day.", "What is left ends after %(count)d days.", days) % {
            "count": days
        }
    if programme.ends == Ends.DATE and programme.ends_on:
        return _("What is left ends after %(date)s.") % {"date": date_format(programme.ends_on, "SHORT_DATE_FORMAT")}
    if programme.ends == Ends.ROLLOVER:
        return _("What is left goes over to the next period up to %(cap)s; the rest returns to the sponsor.") % {
            "cap": format_minor(programme.rollover_cap_minor or 0)
        }
    return _("What is left ends with the period and returns to the sponsor.")
