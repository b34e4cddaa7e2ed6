"""The admin's sidebar, grouped by what people come to do. What a person may not view is not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ecard.approvals.queries import waiting as approvals
from ecard.office import queries
from ecard.office.sites import sites_of


@dataclass(frozen=True, slots=True)
class Entry:
    """A model's list, with its icon; `title` where the model's own name says too little."""

    model: str
    icon: str
    title: str | Promise = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is no model's list, by its address's name, for whoever has the permission."""

    title: str | Promise
    icon: str
    address: str
    permission: str


@dataclass(frozen=True, slots=True)
class Section:
    """A task, and the lists that serve it."""

    title: str | Promise
    entries: tuple[Entry | Page, ...]


SECTIONS: tuple[Section, ...] = (
    Section(
        _("People"),
        (
            Entry("cardholders.Cardholder", "badge"),
            Entry("media.Card", "contactless"),
            Entry("cardholders.Stop", "block"),
            Entry("cardholders.Group", "groups"),
            Entry("cardholders.PersonList", "list_alt"),
            Entry("cardholders.ListMember", "checklist"),
            Entry("cardholders.PriceClass", "sell"),
            Entry("imports.ImportBatch", "upload_file"),
        ),
    ),
    Section(
        _("Money"),
        (
            Entry("payments.TopUp", "add_card"),
            Entry("approvals.Approval", "approval"),
            Entry("benefits.Run", "playlist_add_check"),
            Entry("benefits.RunLine", "list_alt"),
            Entry("ledger.Account", "account_balance"),
            Entry("ledger.Transfer", "swap_horiz"),
            Entry("ledger.Hold", "hourglass_top"),
            Entry("office.AuditRun", "fact_check"),
        ),
    ),
    Section(
        _("Sales"),
        (
            Entry("settlement.Sale", "receipt_long"),
            Entry("settlement.SaleException", "report"),
            Entry("settlement.SaleReversal", "undo"),
            Entry("settlement.AuthorisedHold", "hourglass_bottom"),
            Entry("settlement.QuarantinedBatch", "gpp_maybe"),
            Entry("settlement.Batch", "inventory_2"),
            Entry("settlement.Passage", "door_open"),
            Entry("settlement.TerminalNote", "sticky_note_2"),
        ),
    ),
    Section(
        _("Benefits and rules"),
        (
            Page(_("Templates"), "auto_awesome_mosaic", "office-gallery", "benefits.add_programme"),
            Page(
                pgettext_lazy("what somebody would pay", "Ask"),
                "contact_support",
                "office-ask",
                "cardholders.view_cardholder",
            ),
            Page(_("Budgets"), "savings", "office-budgets", "benefits.view_sponsor"),
            Entry("benefits.PolicyDraft", "edit_document"),
            Entry("settlement.Rehearsal", "theater_comedy"),
            Entry("settlement.RehearsalPerson", "groups_2"),
            Entry("settlement.RehearsalSale", "compare_arrows"),
            Entry("benefits.PublishedPolicy", "verified"),
            Entry("benefits.Programme", "redeem"),
            Entry("benefits.Grant", "volunteer_activism"),
            Entry("benefits.Sponsor", "account_balance_wallet"),
            Entry("benefits.Entitlement", "restaurant"),
            Entry("benefits.PriceRule", "percent"),
            Entry("benefits.SpendLimit", "speed"),
            Entry("benefits.Block", "do_not_disturb_on"),
            Entry("benefits.GuardianLimit", "family_restroom"),
            Entry("benefits.PolicySettings", "low_priority"),
            Entry("benefits.AgeStep", "wifi_off"),
            Entry("history.RuleChange", "manage_history"),
        ),
    ),
    Section(
        _("Terminals"),
        (
            Entry("terminals.Terminal", "point_of_sale"),
            Entry("terminals.EnrolmentCode", "qr_code_2"),
            Entry("terminals.Stream", "timeline"),
            Entry("terminals.Supervisor", "badge"),
            Entry("changes.Change", "campaign"),
            Entry("changes.Generation", "history"),
        ),
    ),
    Section(
        _("Keys"),
        (
            Entry("codes.IssuerKey", "key"),
            Entry("codes.KeyListVersion", "format_list_numbered"),
            Entry("codes.InstitutionRoot", "encrypted"),
            Entry("codes.CredentialIssue", "confirmation_number"),
        ),
    ),
    Section(
        _("Places"),
        (
            Entry("merchants.Site", "location_city"),
            Entry("merchants.Outlet", "storefront"),
            Entry("merchants.Merchant", "handshake"),
            Entry("merchants.MealPeriod", "schedule"),
            Entry("merchants.CalendarDay", "calendar_month", _("Calendar")),
            Entry("merchants.CalendarImport", "event_repeat"),
        ),
    ),
    Section(
        _("Products"),
        (
            Entry("merchants.Product", "lunch_dining"),
            Entry("merchants.Category", "category"),
            Entry("merchants.Allergen", "health_and_safety"),
        ),
    ),
    Section(
        _("Logins"),
        (
            Entry("auth.User", "person"),
            Entry("auth.Group", "admin_panel_settings", _("Groups of rights")),
            Entry("approvals.ApprovalRule", "how_to_reg"),
            Entry("axes.AccessAttempt", "lock_clock"),
        ),
    ),
)

BADGES = {
    "approvals.Approval": approvals,
    "settlement.SaleException": queries.open_exceptions,
    "settlement.QuarantinedBatch": queries.open_quarantined,
}
BADGE_AT_MOST = 99


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's navigation for this person."""
    home = {"title": _("Overview"), "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"title": None, "separator": False, "items": [home]}]
    for section in SECTIONS:
        items = [item for entry in section.entries if (item := _item(entry, request)) is not None]
        if items:
            groups.append({"title": section.title, "separator": True, "items": items})
    return groups


def _item(entry: Entry | Page, request: HttpRequest) -> dict[str, Any] | None:
    if isinstance(entry, Page):
        return _page(entry, request)
    model = apps.get_model(entry.model)
    model_admin = admin.site._registry.get(model)
    if model_admin is None or not model_admin.has_view_or_change_permission(request):
        return None
    meta = model._meta
    item: dict[str, Any] = {
        "title": entry.title or capfirst(meta.verbose_name_plural),
        "icon": entry.icon,
        "link": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
    }
    # What waits in the whole institution is nothing to a login limited to sites.
    count = BADGES[entry.model]() if entry.model in BADGES and sites_of(request) is None else 0
    if count:
        item["badge"] = str(count) if count <= BADGE_AT_MOST else f"{BADGE_AT_MOST}+"
        item["badge_variant"] = "danger"
    return item


def _page(page: Page, request: HttpRequest) -> dict[str, Any] | None:
    if sites_of(request) is not None or not request.user.has_perm(page.permission):
        return None
    return {"title": page.title, "icon": page.icon, "link": reverse(page.address)}
