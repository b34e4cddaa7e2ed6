"""A run in sentences, in the reader's language: for whoever approves it."""

from __future__ import annotations

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core.money import format_minor
from ecard.benefits.compiler import names_around, programme_of, terms_of
from ecard.benefits.models import Programme, Run, RunKind
from ecard.benefits.sentences import preview_sentence


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
    first = _("“%(programme)s” issues by itself from now on, each time %(amount)s a piece, from %(sponsor)s.") % {
        "programme": programme.shown_name,
        "amount": format_minor(programme.amount_minor or 0),
        "sponsor": programme.sponsor.shown_name,
    }
    terms = preview_sentence(programme_of(programme), terms_of(programme), names_around(programme))
    return f"{first}\n{terms}"
