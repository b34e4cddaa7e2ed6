"""What the pages of rehearsals say, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _

from devices.core.declines import Decline, Why
from devices.core.money import format_minor
from devices.core.sentences import decline_sentence
from ecard.benefits.models import Programme, Run, Sponsor
from ecard.merchants.models import Merchant, Outlet
from ecard.merchants.queries import products_called
from ecard.settlement.models import Outcome, Rehearsal, RehearsalPerson
from ecard.settlement.rehearsal import queries, work
from ecard.settlement.rehearsal.proposal import Given
from ecard.settlement.rehearsal.totals import KEPT, Pair, Totals

ROWS_SHOWN = 30
_DECLINES = {
    Why.INSUFFICIENT: _("not enough money"),
    Why.NOT_SOLD_HERE: _("not sold to these people"),
    Why.OVER_SALE_LIMIT: _("over the limit for one sale"),
    Why.OVER_PERIOD_LIMIT: _("over the limit for a meal"),
    Why.OVER_DAY_LIMIT: _("over the limit for a day"),
    Why.OVER_WEEK_LIMIT: _("over the limit for a week"),
    Why.OVER_MONTH_LIMIT: _("over the limit for a month"),
    Why.TOO_MANY_IN_WINDOW: _("too many sales"),
    Why.TOO_SOON: _("too soon after the last sale"),
    Why.OVER_GUARD: _("over a guardian's limit"),
    Why.TOO_MANY_GUARD: _("more often than a guardian allows"),
    Why.GUARD_BLOCKS: _("not allowed by a guardian"),
    Why.NOT_ENTITLED: _("no free meal"),
    Why.NO_AMOUNT: _("nothing to pay"),
}


def decline_title(why: str) -> str:
    """A reason in a few words, without the particulars of one sale."""
    known = _DECLINES.get(Why(why))
    return str(known) if known is not None else decline_sentence(Decline(Why(why)), language=get_language() or "en")


def found(rehearsal: Rehearsal) -> dict[str, Any]:
    """What a finished rehearsal found, for its page."""
    totals = msgspec.convert(rehearsal.results, Totals, str_keys=True, strict=False)
    sponsors = {each.pk: each.shown_name for each in Sponsor.objects.filter(pk__in=totals.sponsors)}
    merchants = {each.pk: str(each) for each in Merchant.objects.filter(pk__in=totals.merchants)}
    declined = sorted(totals.declined.items(), key=lambda each: -each[1].count)
    return {
        "nothing": totals.same == totals.sales,
        "cards": _cards(rehearsal, totals),
        "sponsors": pairs(totals.sponsors, sponsors),
        "merchants": pairs(totals.merchants, merchants),
        "declined": [(decline_title(why), count.count, format_minor(count.amount_minor)) for why, count in declined],
        "outcomes": [
            {
                "label": str(Outcome(outcome).label),
                "count": count.count,
                "page": list_page("rehearsalsale", rehearsal, outcome__exact=outcome),
                "kept": KEPT if count.count > KEPT else 0,
            }
            for outcome, count in sorted(totals.outcomes.items())
        ],
        "unread": totals.unread,
    }


def _cards(rehearsal: Rehearsal, totals: Totals) -> list[dict[str, Any]]:
    """The few figures that decide, each with what it means and where it leads."""
    sponsors = totals.sponsors.values()
    sponsored = Pair(sum(each.now_minor for each in sponsors), sum(each.draft_minor for each in sponsors))
    return [
        _paid_card(_("People pay together"), totals.own),
        _paid_card(_("Sponsors pay together"), sponsored),
        *_people_cards(rehearsal, totals),
        *_sales_cards(rehearsal, totals),
    ]


def _paid_card(title: Any, paid: Pair) -> dict[str, Any]:
    told = {"draft": format_minor(paid.draft_minor), "now": format_minor(paid.now_minor)}
    return _card(title, _change(paid.draft_minor - paid.now_minor), gettext("%(draft)s instead of %(now)s") % told)


def _people_cards(rehearsal: Rehearsal, totals: Totals) -> list[dict[str, Any]]:
    """How many pay more, and how many less."""
    more, less = totals.people_more, totals.people_less
    return [
        _card(
            _("Pay more"),
            ngettext("%(count)s person", "%(count)s people", more.count) % {"count": f"{more.count:,}"},
            gettext("%(amount)s more together") % {"amount": format_minor(more.amount_minor)},
            list_page("rehearsalperson", rehearsal, pays="more"),
        ),
        _card(
            _("Pay less"),
            ngettext("%(count)s person", "%(count)s people", less.count) % {"count": f"{less.count:,}"},
            gettext("%(amount)s less together") % {"amount": format_minor(less.amount_minor)},
            list_page("rehearsalperson", rehearsal, pays="less"),
        ),
    ]


def _sales_cards(rehearsal: Rehearsal, totals: Totals) -> list[dict[str, Any]]:
    """What would not have been sold, and how much was replayed."""
    declined = sum(each.count for each in totals.declined.values())
    return [
        _card(
            _("Would not have been sold"),
            ngettext("%(count)s sale", "%(count)s sales", declined) % {"count": f"{declined:,}"},
            gettext("to %(people)s people, worth %(amount)s")
            % {
                "people": f"{totals.people_declined:,}",
                "amount": format_minor(sum(each.amount_minor for each in totals.declined.values())),
            },
            list_page("rehearsalsale", rehearsal, outcome__exact=int(Outcome.DECLINED)),
            bad=declined > 0,
        ),
        _card(
            _("Replayed"),
            ngettext("%(count)s sale", "%(count)s sales", totals.sales) % {"count": f"{totals.sales:,}"},
            gettext("of %(people)s people; %(same)s come out the same")
            % {"people": f"{totals.people:,}", "same": f"{totals.same:,}"},
            list_page("rehearsalperson", rehearsal),
        ),
    ]


def _card(title: Any, value: Any, said: Any, page: str = "", *, bad: bool = False) -> dict[str, Any]:
    return {"title": title, "value": value, "said": said, "page": page, "bad": bad}


def _change(amount_minor: int) -> str:
    """An amount with its sign: more is +."""
    return f"+{format_minor(amount_minor)}" if amount_minor > 0 else str(format_minor(amount_minor))


def pairs(sums: Mapping[int, Pair], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Rows of a table, the largest first; bars are in percent of the largest sum there is."""
    most_minor = max((max(each.now_minor, each.draft_minor) for each in sums.values()), default=0) or 1
    ordered = sorted(sums.items(), key=lambda each: -max(each[1].now_minor, each[1].draft_minor))
    return [
        {
            "name": names.get(key, f"#{key}"),
            "now": format_minor(pair.now_minor),
            "draft": format_minor(pair.draft_minor),
            "more": _change(pair.draft_minor - pair.now_minor),
            "now_percent": 100 * pair.now_minor // most_minor,
            "draft_percent": 100 * pair.draft_minor // most_minor,
        }
        for key, pair in ordered[:ROWS_SHOWN]
    ]


def assumptions(rehearsal: Rehearsal) -> list[str]:
    """What a rehearsal takes for granted."""
    said = [
        gettext("Every sale is asked for again at its time and place with its basket: nobody buys more or less."),
        gettext("Everybody has in the purse what the terminal knew then: nobody tops up more or less."),
        gettext("A person's group, price class, vouchers and subsidies are those of the time."),
        gettext("What was issued by schedule counts with the programme's present amount; by hand, with that of then."),
        gettext("What the draft would have used or left over is carried along from sale to sale."),
        gettext("Sales that were taken back, and sales in suspense, are left out."),
        gettext("A sum that nobody kept then begins with the stretch, or with what was spent in its week and month."),
        gettext("What people pay more or less, and what they pay together, is of sales that would have been made."),
    ]
    said += _altered(rehearsal)
    given = msgspec.convert(rehearsal.given, list[Given])
    named = Programme.objects.filter(pk__in={each.programme for each in given}).order_by("pk")
    for programme in named:
        issues = len({each.begins_s for each in given if each.programme == programme.pk})
        told = {"name": programme.shown_name, "count": issues}
        issued = ngettext(
            "“%(name)s” is new: whoever it is for today is taken to have got it %(count)s time.",
            "“%(name)s” is new: whoever it is for today is taken to have got it %(count)s times.",
            issues,
        )
        said.append(issued % told)
    if given:
        said.append(gettext("An issue by hand, or on a date after the stretch, is taken to be made on its first day."))
    if rehearsal.listed:
        said.append(gettext("Lists of people that the draft is the first to name are those of today."))
    return said


def _altered(rehearsal: Rehearsal) -> list[str]:
    """Programmes that issue another amount by now, and what their runs of the stretch come to with it."""
    altered = {each.run: each for each in work.altered_of(rehearsal)}
    sums: dict[tuple[str, int, int], Pair] = {}
    runs = Run.objects.filter(pk__in=altered).select_related("programme").order_by("programme_id", "pk")
    rolls = False
    for run in runs:
        each = altered[run.pk]
        name = run.programme.shown_name if run.programme is not None else ""
        pair = sums.setdefault((name, each.was_minor, each.amount_minor), Pair())
        pair.now_minor += run.total_minor
        pair.draft_minor += run.total_minor // each.was_minor * each.amount_minor
        rolls = rolls or run.rollover_cap_minor is not None
    said = [
        gettext("“%(name)s” is %(draft)s instead of %(now)s: its runs paid %(paid)s, and would have paid %(would)s.")
        % {
            "name": name,
            "draft": format_minor(amount_minor),
            "now": format_minor(was_minor),
            "paid": format_minor(pair.now_minor),
            "would": format_minor(pair.draft_minor),
        }
        for (name, was_minor, amount_minor), pair in sums.items()
    ]
    if rolls:
        said.append(gettext("What goes over to the next period is what went over then, whatever the amount is now."))
    return said


def sale_rows(person: RehearsalPerson, sales: list[queries.Compared]) -> list[dict[str, Any]]:
    """A person's sales as rows of a table, each leading to its own page."""
    outlets = Outlet.objects.in_bulk({sale.record.tap.outlet for sale in sales})
    rows = []
    for sale in sales:
        outlet, declined = outlets.get(sale.record.tap.outlet), sale.quote.decline
        rows.append(
            {
                "taken_at": sale.taken_at,
                "outlet": outlet.shown_name if outlet is not None else f"#{sale.record.tap.outlet}",
                "now": format_minor(sale.now_minor),
                "draft": format_minor(sale.draft_minor) if declined is None else decline_title(declined.why.value),
                "same": sale.same,
                "page": reverse("admin:settlement_rehearsalperson_sale", args=[person.pk, sale.sale_id]),
            }
        )
    return rows


def side_by_side(rehearsal: Rehearsal, sale: queries.Compared) -> dict[str, Any]:
    """One sale with both explanations."""
    called = products_called(line.product for line in sale.record.basket)
    language = get_language() or "en"
    then, draft = queries.explanations(sale, rehearsal, language=language, catalogue=called)
    declined = sale.quote.decline is not None
    return {
        "policy": sale.record.quote.policy,
        "draft": rehearsal.draft.name,
        "taken_at": sale.taken_at,
        "then": {
            "own": format_minor(sale.now_minor),
            "amount": format_minor(sale.record.quote.amount_minor),
            "steps": then,
        },
        "now": {
            "own": gettext("not sold") if declined else format_minor(sale.draft_minor),
            "amount": None if declined else format_minor(sale.quote.amount_minor),
            "steps": draft,
        },
    }


def list_page(model: str, rehearsal: Rehearsal, **more: str | int) -> str:
    """A list of the rehearsal's own rows."""
    asked: dict[str, str | int] = {"rehearsal__id__exact": rehearsal.pk, **more}
    query = urlencode(asked)
    return f"{reverse(f'admin:settlement_{model}_changelist')}?{query}"
