"""The lines of runs, and what is said of a run beside them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import GrowingAdmin, chip_column, link, money, money_column
from ecard.approvals.models import Approval, State
from ecard.benefits.models import Duplicate, LeftOut, Run, RunLine
from ecard.cardholders.models import Cardholder


class SpentFilter(admin.SimpleListFilter):
    """Lines of reversed runs that could not be taken back whole."""

    title = _("spent before it was taken back")
    parameter_name = "spent_minor__gt"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("0", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(spent_minor__gt=0) if self.value() == "0" else queryset


@admin.register(RunLine)
class RunLineAdmin(GrowingAdmin[RunLine]):
    nothing_yet = _("No run has listed anybody.")
    list_display = ("number", "person", "amount", "paid_chip", "duplicate_chip", "returned", "spent", "run_link")
    list_select_related = ("cardholder", "run")
    list_filter: ClassVar[tuple[Any, ...]] = ("left_out", "duplicate", SpentFilter)
    search_fields = ("number__startswith", "cardholder__name__startswith")
    search_help_text = _("How a number or a name begins")
    ordering = ("-id",)
    fields = ("run_link", "number", "person", "amount", "left_out", "duplicate", "returned", "spent")
    amount = money_column("amount_minor", _("amount each"))
    returned = money_column("returned_minor", _("taken back"))
    spent = money_column("spent_minor", _("spent before"))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup in ("run__id__exact", "left_out__gt", "duplicate__gt") or super().lookup_allowed(
            lookup, value, request
        )

    @admin.display(description=_("cardholder"))
    def person(self, line: RunLine) -> SafeString | str:
        return link(Cardholder, line.cardholder_id, line.cardholder.name) if line.cardholder else gettext("nobody")

    @admin.display(description=pgettext_lazy("that creates money", "run"))
    def run_link(self, line: RunLine) -> SafeString:
        return link(Run, line.run_id, line.run)

    @chip_column(description=_("paid"), colours={"yes": "success", "no": "danger"})
    def paid_chip(self, line: RunLine) -> tuple[str, str]:
        return ("no" if line.left_out else "yes"), str(LeftOut(line.left_out).label)

    @chip_column(description=_("duplicate"), colours={"yes": "warning", "no": "default"})
    def duplicate_chip(self, line: RunLine) -> tuple[str, str]:
        return ("yes" if line.duplicate else "no"), str(Duplicate(line.duplicate).label)


def approval_told(approval: Approval) -> str:
    """What became of a request, for the page of what it is about."""
    label = str(State(approval.state).label)
    if approval.state == State.REFUSED:
        return gettext("%(state)s by %(who)s: %(why)s") % {
            "state": label,
            "who": approval.decided_by,
            "why": approval.reason,
        }
    if approval.state == State.APPROVED and approval.effective_at and approval.effective_at > timezone.now():
        moment = date_format(timezone.localtime(approval.effective_at), "SHORT_DATETIME_FORMAT")
        return gettext("%(state)s, takes effect at %(moment)s") % {"state": label, "moment": moment}
    return label


def lines_table(lines: list[RunLine], *, spent: bool) -> SafeString:
    """Some lines for a run's page: what is paid, or what was spent before it was taken back."""
    rows = format_html_join(
        "",
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        (
            (
                line.number,
                line.cardholder.name if line.cardholder else "–",
                money(line.spent_minor if spent else line.amount_minor),
                "" if spent else _remark(line),
            )
            for line in lines
        ),
    )
    return format_html('<table class="office-lines-table"><tbody>{}</tbody></table>', rows)


def _remark(line: RunLine) -> str:
    if line.left_out:
        return str(LeftOut(line.left_out).label)
    return str(Duplicate(line.duplicate).label) if line.duplicate else ""
