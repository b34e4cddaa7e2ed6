"""Sales with their legs and reasons, uploads, what is kept apart, and the queue of exceptions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from ecard.adminkit import (
    GrowingAdmin,
    back_to,
    chip_column,
    dialog_action,
    link,
    money,
    money_column,
    once_a_page,
    signed_in,
    typed_number,
)
from ecard.cardholders.models import Cardholder
from ecard.cardholders.queries import matching
from ecard.ledger.models import Account, CauseKind, TransferKind
from ecard.ledger.queries import labels, transfers_of
from ecard.settlement import operations, queries
from ecard.settlement.admin_uploads import NoteForm
from ecard.settlement.authorising import admin as authorising_admin
from ecard.settlement.evidence_facts import evidence_facts
from ecard.settlement.models import (
    Batch,
    ExceptionState,
    Sale,
    SaleException,
    SaleReversal,
)
from ecard.settlement.rehearsal import admin as rehearsal_admin
from ecard.settlement.reported import admin as reported_admin
from ecard.settlement.sentences import exception_sentence
from ecard.terminals.models import Terminal

ROOMS = (authorising_admin, rehearsal_admin, reported_admin)
"""Their pages are registered by being imported here."""
PEOPLE_SEARCHED = 200
TERMINALS_SEARCHED = 50


def _lines(items: list[str]) -> SafeString | str:
    listed = format_html_join("", "<li>{}</li>", ((item,) for item in items))
    return format_html('<ul class="office-lines">{}</ul>', listed) if items else "–"


@admin.register(Sale)
class SaleAdmin(GrowingAdmin[Sale]):
    nothing_yet = _("No sale was posted yet. Sales come from terminals, as soon as these have a line.")
    list_display = ("number", "taken_at", "who", "outlet", "terminal", "amount", "state_chip")
    list_select_related = ("outlet", "terminal", "reversal")
    list_filter = ("business_date", ("outlet", AutocompleteSelectFilter))
    list_filter_submit = True
    search_fields = ("id",)
    search_help_text = _("Number of a sale; number, name or pinyin of a cardholder; how a terminal's name begins")
    ordering = ("-business_date", "-taken_at")
    fields = (
        "state_text",
        ("who", "taken_at"),
        ("outlet", "terminal_link"),
        ("amount", "business_date"),
        "why",
        "legs",
        "matters",
        "evidence",
        "checked_again",
        ("batch_link", "policy"),
    )
    amount = money_column("amount_minor", _("amount"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Sale]:
        person = Cardholder.objects.filter(account_ref=OuterRef("account_ref"))
        return (
            super()
            .get_queryset(request)
            .annotate(person_id=Subquery(person.values("id")[:1]), person_name=Subquery(person.values("name")[:1]))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Sale], search_term: str
    ) -> tuple[QuerySet[Sale], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        people = Cardholder.objects.filter(matching(term)).values_list("account_ref", flat=True)[:PEOPLE_SEARCHED]
        found = Q(account_ref__in=list(people))
        number = typed_number(term)
        if number is not None:
            found |= Q(pk=number)
        terminals = Terminal.objects.filter(name__startswith=term).values_list("pk", flat=True)[:TERMINALS_SEARCHED]
        for low, high in queries.sale_ids_of_terminals(list(terminals)):
            found |= Q(pk__range=(low, high))
        return queryset.filter(found), False

    @admin.display(description=_("sale"), ordering="id")
    def number(self, sale: Sale) -> str:
        return f"#{sale.pk}"

    @admin.display(description=_("cardholder"))
    def who(self, sale: Any) -> SafeString | str:
        return link(Cardholder, sale.person_id, sale.person_name) if sale.person_id else gettext("nobody")

    @chip_column(description=_("state"), colours={"posted": "success", "reversed": "info", "suspense": "danger"})
    def state_chip(self, sale: Sale) -> tuple[str, str]:
        if getattr(sale, "reversal", None) is not None:
            return "reversed", gettext("reversed")
        return ("suspense", gettext("in suspense")) if sale.suspense_minor else ("posted", gettext("posted"))

    @admin.display(description=_("state"))
    def state_text(self, sale: Sale) -> str:
        return self.state_chip(sale)[1]

    @admin.display(description=_("terminal"))
    def terminal_link(self, sale: Sale) -> SafeString:
        return link(Terminal, sale.terminal_id, sale.terminal)

    @admin.display(description=_("upload"))
    def batch_link(self, sale: Sale) -> SafeString:
        return link(Batch, sale.batch_id, _("batch %(number)s") % {"number": sale.batch_id})

    @admin.display(description=_("why it cost that"))
    @once_a_page
    def why(self, sale: Sale) -> SafeString | str:
        try:
            return _lines(queries.explain(sale, language=get_language() or "en"))
        except queries.SaleUnreadable:
            return gettext("The terminal's record is not there.")

    @admin.display(description=_("who paid"))
    @once_a_page
    def legs(self, sale: Sale) -> SafeString:
        moved = transfers_of(cause_kind=CauseKind.SALE, cause_id=sale.pk)
        named = {each.debit_account_id for each in moved} | {each.credit_account_id for each in moved}
        accounts = labels(named)
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            (
                (
                    TransferKind(each.kind).label,
                    link(Account, each.debit_account_id, accounts[each.debit_account_id]),
                    link(Account, each.credit_account_id, accounts[each.credit_account_id]),
                    money(each.amount_minor),
                )
                for each in moved
            ),
        )
        head = format_html_join(
            "",
            '<th scope="col" class="text-left">{}</th>',
            ((t,) for t in (_("kind"), _("from"), _("to"), _("amount"))),
        )
        return format_html(
            '<table class="office-lines-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, rows
        )

    @admin.display(description=_("exceptions"))
    @once_a_page
    def matters(self, sale: Sale) -> SafeString | str:
        ids = [sale.pk]
        reversal = getattr(sale, "reversal", None)
        if reversal is not None:
            ids.append(reversal.pk)
        found = queries.exceptions_of(ids)
        listed = format_html_join(
            "", "<li>{} {}</li>", ((link(SaleException, each.pk, each), exception_sentence(each)) for each in found)
        )
        return format_html('<ul class="office-lines">{}</ul>', listed) if found else "–"

    @admin.display(description=_("evidence"))
    @once_a_page
    def evidence(self, sale: Sale) -> SafeString | str:
        try:
            return _lines(evidence_facts(sale, queries.record_of(sale)))
        except queries.SaleUnreadable:
            return "–"

    @admin.display(description=_("evaluated again"))
    @once_a_page
    def checked_again(self, sale: Sale) -> str:
        try:
            same = queries.recheck(sale).same
        except LookupError:
            return gettext("The policy or the record is not there.")
        return gettext("gives the same price, legs and reasons") if same else gettext("comes out differently")


@admin.register(SaleReversal)
class SaleReversalAdmin(GrowingAdmin[SaleReversal]):
    nothing_yet = _("No sale was reversed.")
    list_display = ("number", "sale_link", "amount", "taken_at", "reason")
    list_select_related = ("sale",)
    search_fields = ("id",)
    search_help_text = _("Number of a sale or of a reversal")
    ordering = ("-batch_id", "-id")
    fields = ("sale_link", "amount", "taken_at", "reason", "batch")
    amount = money_column("amount_minor", _("amount"))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SaleReversal], search_term: str
    ) -> tuple[QuerySet[SaleReversal], bool]:
        number = typed_number(search_term)
        if not search_term.strip():
            return queryset, False
        return (queryset.none() if number is None else queryset.filter(Q(pk=number) | Q(sale_id=number))), False

    @admin.display(description=_("reversal"), ordering="id")
    def number(self, reversal: SaleReversal) -> str:
        return f"#{reversal.pk}"

    @admin.display(description=_("sale"))
    def sale_link(self, reversal: SaleReversal) -> SafeString:
        return link(Sale, reversal.sale_id, f"#{reversal.sale_id}")


@admin.register(SaleException)
class SaleExceptionAdmin(GrowingAdmin[SaleException]):
    nothing_yet = _("No exceptions: everything that was uploaded could simply be posted.")
    list_display = ("id", "made_at", "kind", "terminal", "amount", "state_chip")
    list_select_related = ("terminal",)
    list_filter = ("state", "kind")
    search_fields = ("record_id",)
    search_help_text = _("Number of a sale")
    fields = ("said", ("amount", "made_at"), ("record", "terminal"), ("resolved_at", "resolved_by"), "note")
    actions_detail = ("resolve",)
    amount = money_column("amount_minor", _("amount"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[SaleException]:
        posted = Sale.objects.filter(pk=OuterRef("record_id"))
        undone = SaleReversal.objects.filter(pk=OuterRef("record_id"))
        return (
            super()
            .get_queryset(request)
            .annotate(sale_id=Subquery(posted.values("id")[:1]), reversal_of=Subquery(undone.values("sale_id")[:1]))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[SaleException], search_term: str
    ) -> tuple[QuerySet[SaleException], bool]:
        number = typed_number(search_term)
        if not search_term.strip():
            return queryset, False
        return (queryset.none() if number is None else queryset.filter(record_id=number)), False

    @admin.display(description=_("what happened"))
    def said(self, exception: SaleException) -> str:
        return exception_sentence(exception)

    @admin.display(description=_("sale"))
    def record(self, exception: Any) -> SafeString | str:
        sale_id = exception.sale_id or exception.reversal_of
        return link(Sale, sale_id, f"#{sale_id}") if sale_id else gettext("none was posted")

    @chip_column(description=_("state"), colours={"OPEN": "danger", "RESOLVED": "default"}, ordering="state")
    def state_chip(self, exception: SaleException) -> tuple[str, str]:
        state = ExceptionState(exception.state)
        return state.name, str(state.label)

    def has_resolve_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """The record itself is read-only; resolving adds a note."""
        return request.user.has_perm("settlement.change_saleexception")

    @dialog_action(
        description=_("Resolve with a note"),
        explanation=_("Nothing is booked by this. Say what was found, and what was done about it."),
        submit=_("Resolve"),
        form=NoteForm,
        icon="task_alt",
        permissions=("resolve",),
    )
    def resolve(self, request: HttpRequest, form: NoteForm, object_id: str) -> HttpResponse:
        exception = SaleException.objects.get(pk=object_id)
        note = form.cleaned_data["note"]
        if not operations.resolve_exception(exception=exception, by=signed_in(request), note=note, at=timezone.now()):
            messages.warning(request, _("Somebody resolved it before."))
        return back_to(exception)
