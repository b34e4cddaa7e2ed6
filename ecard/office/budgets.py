"""How every sponsor's budget stands: spent, left, and when it runs dry at the present pace; a chart for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from devices.core.money import format_minor
from ecard.benefits.budgets import forecasts
from ecard.benefits.forecast import Forecast, Outlook
from ecard.benefits.models import Sponsor

PERMISSION = "benefits.view_sponsor"
PER_PAGE = 20
WIDTH, HEIGHT = 600, 160
TONES = {
    Outlook.FINE: "good",
    Outlook.DRY_BEFORE_END: "warn",
    Outlook.DRY_SOON: "bad",
    Outlook.EXHAUSTED: "bad",
    Outlook.OVER: "plain",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """Points of an SVG of WIDTH × HEIGHT: what was spent, how it goes on, and the height of the budget."""

    spent: str
    ahead: str
    budget_y: int
    today_x: int


@dataclass(frozen=True, slots=True)
class Shown:
    """One sponsor's budget for the page; every fact of the chart stands in words too."""

    sponsor: Sponsor
    said: str
    tone: str
    spent: str
    budget: str
    left: str
    pace: str
    start: date
    end: date
    chart: Chart


def budgets_page(request: HttpRequest) -> HttpResponse:
    """All budgets, the most urgent first."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    page = Paginator(forecasts(at=timezone.now()), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Budgets"),
        "page": page,
        "budgets": [_shown(sponsor, standing) for sponsor, standing in page],
    }
    return TemplateResponse(request, "office/budgets.html", context)


def outlook_sentence(standing: Forecast) -> str:
    """What becomes of a budget, for whoever answers for it."""
    told = {
        "dry": date_format(standing.dry_on, "SHORT_DATE_FORMAT") if standing.dry_on else "",
        "end": date_format(standing.end, "SHORT_DATE_FORMAT"),
        "over": format_minor(max(0, standing.end_minor - standing.budget_minor)),
        "left": format_minor(standing.left_minor),
        "rest": format_minor(max(0, standing.budget_minor - standing.end_minor)),
    }
    return {
        Outlook.FINE: _("Lasts until %(end)s; about %(rest)s will be left at this pace."),
        Outlook.DRY_BEFORE_END: _("Runs dry on %(dry)s at this pace, before its end on %(end)s: %(over)s too little."),
        Outlook.DRY_SOON: _("Runs dry on %(dry)s at this pace: raise the budget, or lower what it pays for."),
        Outlook.EXHAUSTED: _("Spent: %(left)s left until %(end)s. What is sold still is paid, beyond the budget."),
        Outlook.OVER: _("Its dates are over since %(end)s."),
    }[standing.outlook] % told


def chart_of(standing: Forecast) -> Chart:
    """Money upwards from the bottom, days to the right; the taller of budget and forecast fills the height."""
    days = max(1, (standing.end - standing.start).days)
    top = max(standing.budget_minor, standing.end_minor, standing.spent_minor, 1)

    def at(day: date, amount_minor: int) -> str:
        x = WIDTH * min(days, max(0, (day - standing.start).days)) // days
        return f"{x},{HEIGHT - HEIGHT * max(0, amount_minor) // top}"

    today = min(max(standing.today, standing.start), standing.end)
    spent = [at(standing.start, 0), *(at(day, amount) for day, amount in standing.points)]
    return Chart(
        spent=" ".join([*spent, at(today, standing.spent_minor)]),
        ahead=" ".join([at(today, standing.spent_minor), at(standing.end, standing.end_minor)]),
        budget_y=HEIGHT - HEIGHT * standing.budget_minor // top,
        today_x=WIDTH * (today - standing.start).days // days,
    )


def _shown(sponsor: Sponsor, standing: Forecast) -> Shown:
    return Shown(
        sponsor=sponsor,
        said=outlook_sentence(standing),
        tone=TONES[standing.outlook],
        spent=format_minor(standing.spent_minor),
        budget=format_minor(standing.budget_minor),
        left=format_minor(standing.left_minor),
        pace=format_minor(standing.pace_minor),
        start=standing.start,
        end=standing.end,
        chart=chart_of(standing),
    )
