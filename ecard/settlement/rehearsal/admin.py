"""Rehearsals to be read: what would come of the past under a draft, for sponsors, merchants, people and sales."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import (
    GrowingAdmin,
    ReadOnlyAdmin,
    back_to,
    chip_column,
    dialog_action,
    link,
    money_column,
    once_a_page,
)
from ecard.cardholders.models import Cardholder
from ecard.cardholders.queries import matching
from ecard.merchants.models import Outlet
from ecard.settlement.models import Outcome, Rehearsal, RehearsalPerson, RehearsalSale, RehearsalState, Sale
from ecard.settlement.rehearsal import admin_drafts as admin_drafts  # registers its pages
from ecard.settlement.rehearsal import queries, telling, work

PEOPLE_SEARCHED = 200
SHOWN_OF_PERSON = 200
_COLOURS = {"running": "info", "done": "success", "stopped": "default"}
_OUTCOMES = {"1": "danger", "2": "warning", "3": "success", "4": "info"}


@admin.register(Rehearsal)
class RehearsalAdmin(ReadOnlyAdmin[Rehearsal]):
    nothing_yet = _("A rehearsal begins on a draft's page.")
    change_form_template = "settlement/rehearsal_change.html"
    list_display = ("id", "state_chip", "draft", "from_date", "to_date", "sales", "made_by", "made_at")
    list_select_related = ("draft", "made_by")
    list_filter = ("state",)
    ordering = ("-id",)
    fields = ("found", "assumed", ("draft_link", "stretch"), ("made_by", "made_at"), "ended_at")
    readonly_fields = ("found", "assumed", "draft_link", "stretch")
    actions_detail = ("stop",)

    class Media:
        css = {"all": ("settlement/drafts.css",)}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """What is over has no button."""
        running = Rehearsal.objects.filter(pk=object_id, state=RehearsalState.RUNNING).exists()
        own: Any = super()
        return list(own.get_actions_detail(request, object_id)) if running else []

    def has_rehearse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("settlement.add_rehearsal")

    @chip_column(description=_("state"), colours=_COLOURS)
    def state_chip(self, rehearsal: Rehearsal) -> tuple[str, str]:
        return rehearsal.state, str(RehearsalState(rehearsal.state).label)

    @admin.display(description=_("draft"))
    def draft_link(self, rehearsal: Rehearsal) -> SafeString:
        return link(type(rehearsal.draft), rehearsal.draft_id, rehearsal.draft)

    @admin.display(description=_("business dates"))
    def stretch(self, rehearsal: Rehearsal) -> str:
        return f"{date_format(rehearsal.from_date)} – {date_format(rehearsal.to_date)}"

    @admin.display(description=_("what it found"))
    @once_a_page
    def found(self, rehearsal: Rehearsal) -> SafeString:
        if rehearsal.results is not None:
            return render_to_string("settlement/rehearsal_found.html", telling.found(rehearsal))
        passed = queries.passed(rehearsal)
        percent = min(99, 100 * passed // max(1, rehearsal.sales))
        told = {"rehearsal": rehearsal, "passed": passed, "percent": percent}
        return render_to_string("settlement/rehearsal_progress.html", told)

    @admin.display(description=_("what is assumed"))
    @once_a_page
    def assumed(self, rehearsal: Rehearsal) -> SafeString:
        return render_to_string("settlement/lines.html", {"lines": telling.assumptions(rehearsal)})

    @dialog_action(
        description=_("Stop"),
        explanation=_("What was found so far is not shown. You can rehearse again."),
        submit=_("Stop"),
        icon="stop_circle",
        permissions=("rehearse",),
    )
    def stop(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        rehearsal = Rehearsal.objects.get(pk=object_id)
        if work.stop(rehearsal_id=rehearsal.pk, at=timezone.now()):
            self.log_change(request, rehearsal, [{"changed": {"fields": ["state"]}}])
        else:
            messages.info(request, _("It had finished already."))
        return back_to(rehearsal)


class PaysFilter(admin.SimpleListFilter):
    """Whoever would pay more or less, or would have been refused something."""

    title = _("would pay")
    parameter_name = "pays"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("more", _("more")), ("less", _("less")), ("refused", _("was refused a sale"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = {"more": {"more_minor__gt": 0}, "less": {"more_minor__lt": 0}, "refused": {"declined__gt": 0}}
        return queryset.filter(**asked.get(self.value() or "", {}))


class OfRehearsal(GrowingAdmin[Any]):
    """Rows of rehearsals, found by their person; a rehearsal's page leads to its own."""

    list_select_related = ("rehearsal",)
    search_fields = ("account_ref",)
    search_help_text = _("Number, name or pinyin of a cardholder")

    class Media:
        css = {"all": ("settlement/drafts.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        person = Cardholder.objects.filter(account_ref=OuterRef("account_ref"))
        found: QuerySet[Any] = (
            super()
            .get_queryset(request)
            .annotate(
                person_id=Subquery(person.values("id")[:1]),
                person_name=Subquery(person.values("name")[:1]),
                person_number=Subquery(person.values("number")[:1]),
            )
        )
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        people = Cardholder.objects.filter(matching(term)).values_list("account_ref", flat=True)[:PEOPLE_SEARCHED]
        return queryset.filter(account_ref__in=list(people)), False

    @admin.display(description=_("cardholder"))
    def who(self, row: Any) -> str:
        return f"{row.person_name} {row.person_number}" if row.person_id else gettext("nobody")

    @admin.display(description=_("cardholder"))
    def who_link(self, row: Any) -> SafeString | str:
        return link(Cardholder, row.person_id, self.who(row)) if row.person_id else gettext("nobody")


@admin.register(RehearsalPerson)
class RehearsalPersonAdmin(OfRehearsal):
    nothing_yet = _("Whoever bought something in a rehearsed stretch is here once the rehearsal is finished.")
    list_display = ("who", "sales", "changed", "declined", "now", "draft", "more", "rehearsal")
    list_filter = ("rehearsal", PaysFilter)
    fields = (
        "rehearsal",
        "who_link",
        ("now", "draft", "more"),
        ("sales", "changed"),
        ("declined", "worth"),
        "their_sales",
    )
    readonly_fields = ("who_link", "now", "draft", "more", "worth", "their_sales")
    now = money_column("now_minor", _("paid"))
    draft = money_column("draft_minor", _("would pay"))
    more = money_column("more_minor", _("more"))
    worth = money_column("declined_minor", _("not sold, worth"))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Whoever would gain or lose most comes first."""
        if request.GET.get(PaysFilter.parameter_name) == "less":
            return ("rehearsal_id", "more_minor", "id")
        return ("-rehearsal_id", "-more_minor", "-id")

    def get_urls(self) -> list[URLPattern]:
        page = path(
            "<path:object_id>/sale/<int:sale_id>/",
            self.admin_site.admin_view(self.sale_page),
            name="settlement_rehearsalperson_sale",
        )
        return [page, *super().get_urls()]

    @admin.display(description=_("their sales"))
    @once_a_page
    def their_sales(self, person: RehearsalPerson) -> SafeString:
        sales = queries.sales_of_person(person)
        chosen = sorted(sales, key=lambda sale: sale.same)[:SHOWN_OF_PERSON]
        told = {"rows": telling.sale_rows(person, chosen), "rest": len(sales) - len(chosen)}
        return render_to_string("settlement/rehearsal_sales.html", told)

    def sale_page(self, request: HttpRequest, object_id: str, sale_id: int) -> HttpResponse:
        """One sale with both explanations, side by side."""
        person = self.get_object(request, object_id)
        if person is None or not self.has_view_permission(request, person):
            raise Http404
        sale = queries.compared(person.rehearsal, account_ref=person.account_ref, sale_id=sale_id)
        if sale is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Sale #%(number)s, twice") % {"number": sale_id},
            "media": self.media,
            "back": reverse("admin:settlement_rehearsalperson_change", args=[person.pk]),
            **telling.side_by_side(person.rehearsal, sale),
        }
        return TemplateResponse(request, "settlement/rehearsal_sale_page.html", context)


@admin.register(RehearsalSale)
class RehearsalSaleAdmin(OfRehearsal):
    nothing_yet = _("Sales that would have gone otherwise are here once a rehearsal is finished.")
    list_display = ("number", "outcome_chip", "who", "outlet", "taken_at", "amount", "now", "draft", "more")
    list_filter = ("rehearsal", "outcome")
    ordering = ("-rehearsal_id", "outcome", "id")
    fields = ("both", ("who_link", "sale_link"), ("rehearsal", "outlet"))
    readonly_fields = ("both", "who_link", "sale_link", "outlet")
    amount = money_column("amount_minor", _("amount"))
    now = money_column("now_minor", _("paid"))
    draft = money_column("draft_minor", _("would pay"))
    more = money_column("more_minor", _("more"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        outlet = Outlet.objects.filter(pk=OuterRef("outlet_id"))
        found: QuerySet[Any] = super().get_queryset(request).annotate(outlet_name=Subquery(outlet.values("name")[:1]))
        return found

    @admin.display(description=_("sale"))
    def number(self, row: RehearsalSale) -> str:
        return f"#{row.sale_id}"

    @admin.display(description=_("sale"))
    def sale_link(self, row: RehearsalSale) -> SafeString:
        return link(Sale, row.sale_id, f"#{row.sale_id}")

    @admin.display(description=_("outlet"))
    def outlet(self, row: Any) -> str:
        return row.outlet_name or f"#{row.outlet_id}"

    @chip_column(description=_("what becomes of it"), colours=_OUTCOMES)
    def outcome_chip(self, row: RehearsalSale) -> tuple[str, str]:
        return str(row.outcome), str(Outcome(row.outcome).label)

    @admin.display(description=_("side by side"))
    @once_a_page
    def both(self, row: RehearsalSale) -> SafeString | str:
        sale = queries.compared(row.rehearsal, account_ref=row.account_ref, sale_id=row.sale_id)
        if sale is None:
            return gettext("The terminal's record is not there.")
        return render_to_string("settlement/rehearsal_sale.html", telling.side_by_side(row.rehearsal, sale))
