"""The first page: what an administrator wants to know before anything else, each with the way to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from devices.core.money import format_minor
from ecard.benefits.budgets import forecasts
from ecard.benefits.forecast import Outlook
from ecard.codes.queries import role_states, signed_key_list, waiting_draft
from ecard.merchants.models import Site
from ecard.office import queries
from ecard.office.budgets import outlook_sentence
from ecard.office.sites import sites_of
from ecard.terminals.queries import summary


@dataclass(frozen=True, slots=True)
class Card:
    """One fact. `tone`: plain, good, warn or bad; the words say the same as the colour. `needs`: to follow the link."""

    title: str
    value: str
    said: str
    link: str
    icon: str
    tone: str = "plain"
    needs: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback: adds the cards that this person may see."""
    at = timezone.now()
    cards: list[Card] = []
    for permission, make in _CARDS if sites_of(request) is None else ():
        if request.user.has_perm(permission):
            cards += (each if _leads(each, request) else replace(each, link="") for each in make(at))
    limited_to = Site.objects.filter(pk__in=sites_of(request) or ())
    return {**context, "cards": cards, "as_of": at, "limited_to": limited_to}


def _sales(at: datetime) -> list[Card]:
    day = queries.sales_on(queries.business_date(at))
    posting = queries.posting()
    newest = _("none yet") if posting.newest_at is None else _moment(posting.newest_at)
    waiting = ngettext("%(count)s record waits", "%(count)s records wait", posting.waiting_records)
    return [
        Card(
            title=_("Sold today"),
            value=format_minor(day.amount_minor),
            said=ngettext("%(count)s sale", "%(count)s sales", day.count) % {"count": _number(day.count)},
            link=_list("settlement_sale"),
            icon="receipt_long",
        ),
        Card(
            title=_("Posting"),
            value=_("up to date")
            if not posting.waiting_records
            else waiting % {"count": _number(posting.waiting_records)},
            said=_("Last posted: %(when)s") % {"when": newest},
            link=_list("settlement_batch"),
            icon="inventory_2",
            tone="good" if not posting.waiting_records else "plain",
            needs="settlement.view_batch",
        ),
    ]


def _exceptions(_at: datetime) -> list[Card]:
    count = queries.open_exceptions()
    return [
        Card(
            title=_("Open exceptions"),
            value=_at_most(count),
            said=_("Sales that finance has to look at") if count else _("Nothing to look at"),
            link=_list("settlement_saleexception", query="?state__exact=1"),
            icon="report",
            tone="bad" if count else "good",
        )
    ]


def _quarantined(_at: datetime) -> list[Card]:
    count = queries.open_quarantined()
    return [
        Card(
            title=_("In quarantine"),
            value=_at_most(count),
            said=_("Uploads kept apart, posted nowhere") if count else _("Every upload was taken"),
            link=_list("settlement_quarantinedbatch"),
            icon="gpp_maybe",
            tone="bad" if count else "good",
        )
    ]


def _terminals(at: datetime) -> list[Card]:
    fleet = summary(at=at)
    online = fleet.active - fleet.silent
    said = [
        ngettext("%(count)s out of contact", "%(count)s out of contact", fleet.silent) % {"count": fleet.silent}
        if fleet.silent
        else _("all in contact"),
        ngettext("%(count)s with old data", "%(count)s with old data", fleet.stale) % {"count": fleet.stale}
        if fleet.stale
        else _("data fresh"),
    ]
    return [
        Card(
            title=_("Terminals online"),
            value=_("%(online)s of %(all)s") % {"online": online, "all": fleet.active},
            said=pgettext("between clauses", ", ").join(said),
            link=_list("terminals_terminal"),
            icon="point_of_sale",
            tone="warn" if fleet.silent or fleet.stale else "good",
        ),
        Card(
            title=_("Unsent"),
            value=_number(fleet.unsent_count),
            said=_("records still in terminals, as they last said"),
            link=_list("terminals_terminal", query="?o=-5"),
            icon="cloud_upload",
            tone="warn" if fleet.unsent_count else "good",
        ),
    ]


def _ceiling(at: datetime) -> list[Card]:
    ceiling = queries.offline_ceiling(at)
    said = ngettext(
        "at most sold by %(count)s terminal out of contact",
        "at most sold by %(count)s terminals out of contact",
        ceiling.islands,
    )
    return [
        Card(
            title=_("Offline ceiling now"),
            value=format_minor(ceiling.amount_minor),
            said=(said % {"count": ceiling.islands})
            if ceiling.islands
            else _("Every terminal is in contact; each one cut off could sell %(amount)s")
            % {"amount": format_minor(ceiling.per_island_minor)},
            link=_list("benefits_agestep"),
            icon="wifi_off",
            needs="benefits.view_agestep",
        )
    ]


def _keys(at: datetime) -> list[Card]:
    listed, waiting = signed_key_list(), waiting_draft()
    due = [state.label for state in role_states(at=at) if state.due or state.key_id is None]
    if listed is None:
        value, said, tone = _("none"), _("The root has not signed a list: nothing can be issued"), "bad"
    elif waiting is not None:
        value, tone = f"#{listed.number}", "warn"
        said = _("List #%(number)s awaits the root's signature") % {"number": waiting.number}
    elif due:
        value, tone = f"#{listed.number}", "warn"
        said = _("To be rotated: %(roles)s") % {"roles": _(", ").join(due)}
    else:
        value, tone = f"#{listed.number}", "good"
        said = _("In force since %(when)s") % {"when": _moment(listed.at)}
    return [
        Card(title=_("Key list"), value=value, said=said, link=_list("codes_issuerkey"), icon="key", tone=tone),
    ]


def _audit(_at: datetime) -> list[Card]:
    run = queries.newest_audit()
    if run is None or run.finished_at is None:
        value, said, tone = _("none yet"), _("The first runs tonight"), "plain"
    elif run.faults:
        value, tone = ngettext("%(count)s fault", "%(count)s faults", run.faults) % {"count": run.faults}, "bad"
        said = _("found %(when)s") % {"when": _moment(run.finished_at)}
    else:
        value, tone = _("sound"), "good"
        said = _("Every balance replayed, %(when)s") % {"when": _moment(run.finished_at)}
    return [
        Card(title=_("Ledger"), value=value, said=said, link=_list("office_auditrun"), icon="fact_check", tone=tone),
    ]


def _budgets(at: datetime) -> list[Card]:
    standing = forecasts(at=at)
    if not standing:
        return []
    urgent = [each for each in standing if each[1].outlook in (Outlook.DRY_BEFORE_END, Outlook.DRY_SOON)]
    spent = [each for each in standing if each[1].outlook is Outlook.EXHAUSTED]
    if spent or urgent:
        sponsor, first = (spent or urgent)[0]
        value, tone = str(sponsor), "bad" if spent or first.outlook is Outlook.DRY_SOON else "warn"
        said = outlook_sentence(first)
    else:
        value, tone, said = _("all last"), "good", _("No sponsor runs dry before its budget ends")
    return [Card(title=_("Budgets"), value=value, said=said, link=reverse("office-budgets"), icon="savings", tone=tone)]


_CARDS = (
    ("settlement.view_sale", _sales),
    ("settlement.view_saleexception", _exceptions),
    ("settlement.view_quarantinedbatch", _quarantined),
    ("terminals.view_terminal", _terminals),
    ("ledger.view_account", _ceiling),
    ("benefits.view_sponsor", _budgets),
    ("office.view_auditrun", _audit),
    ("codes.view_issuerkey", _keys),
)


def _leads(card: Card, request: HttpRequest) -> bool:
    return not card.needs or request.user.has_perm(card.needs)


def _list(name: str, *, query: str = "") -> str:
    return reverse(f"admin:{name}_changelist") + query


def _moment(at: datetime) -> str:
    """On one line, wherever it stands."""
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT").replace("-", "\u2011").replace(" ", "\u00a0")


def _number(count: int) -> str:
    return str(number_format(count, use_l10n=True, force_grouping=True))


def _at_most(count: int) -> str:
    return _number(count) if count < queries.COUNTED_AT_MOST else f"{_number(count)}+"
