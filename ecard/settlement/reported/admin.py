"""Who passed a gate, and what terminals noted, to be looked at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from devices.core.declines import Decline
from devices.core.notes import note_sentence
from devices.core.sentences import decline_sentence
from ecard.adminkit import GrowingAdmin, chip_column, link, money, once_a_page
from ecard.cardholders.models import Cardholder
from ecard.cardholders.queries import matching
from ecard.settlement.models import Batch, Passage, TerminalNote, Way
from ecard.settlement.reported.queries import Counted, shift_posted
from ecard.settlement.rules import WHY, Finding
from ecard.terminals.models import Terminal

PEOPLE_SEARCHED = 200
TERMINALS_SEARCHED = 50

_FOUND = {
    Finding.OTHER_ACCOUNT: _("the code is another person's"),
    Finding.CARD_STOPPED: _("the card was stopped"),
    Finding.CARD_REPLACED: _("the card was replaced"),
    Finding.CARD_OTHER_ACCOUNT: _("the card is another person's"),
    Finding.CARD_UNKNOWN: _("the card is not known"),
}
_LINES = {
    "sales": _("sales"),
    "sales_minor": _("taken"),
    "reversals": _("reversed"),
    "reversed_minor": _("amount reversed"),
}


class _OfTerminals(GrowingAdmin[Any]):
    """What both lists share."""

    list_select_related = ("terminal",)

    @admin.display(description=_("terminal"))
    def terminal_link(self, row: Any) -> SafeString:
        return link(Terminal, row.terminal_id, row.terminal)

    @admin.display(description=_("upload"))
    def batch_link(self, row: Any) -> SafeString:
        return link(Batch, row.batch_id, _("batch %(number)s") % {"number": row.batch_id})


@admin.register(Passage)
class PassageAdmin(_OfTerminals):
    nothing_yet = _("Nobody passed a gate yet. Passages come from terminals of the kind gate.")
    list_display = ("passed_at", "who", "way_chip", "terminal_link", "finding_chip")
    list_filter = ("way", "terminal__outlet__site")
    search_fields = ("id",)
    search_help_text = _("Number, name or pinyin of a cardholder; how a terminal's name begins")
    ordering = ("-passed_at", "-id")
    fields = (("who", "passed_at"), ("way_text", "terminal_link"), "finding_text", "batch_link")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passage]:
        passages: QuerySet[Passage] = super().get_queryset(request)
        person = Cardholder.objects.filter(account_ref=OuterRef("account_ref"))
        return passages.annotate(
            person_id=Subquery(person.values("id")[:1]), person_name=Subquery(person.values("name")[:1])
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Passage], search_term: str
    ) -> tuple[QuerySet[Passage], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        people = Cardholder.objects.filter(matching(term)).values_list("account_ref", flat=True)[:PEOPLE_SEARCHED]
        terminals = Terminal.objects.filter(name__startswith=term).values_list("pk", flat=True)[:TERMINALS_SEARCHED]
        return queryset.filter(Q(account_ref__in=list(people)) | Q(terminal_id__in=list(terminals))), False

    @admin.display(description=_("cardholder"))
    def who(self, passage: Any) -> SafeString | str:
        if passage.account_ref is None:
            return gettext("forgotten")
        return link(Cardholder, passage.person_id, passage.person_name) if passage.person_id else gettext("nobody")

    @chip_column(description=_("direction"), colours={"IN": "success", "OUT": "info"})
    def way_chip(self, passage: Passage) -> tuple[str, str]:
        way = Way(passage.way)
        return way.name, str(way.label)

    @admin.display(description=_("direction"))
    def way_text(self, passage: Passage) -> str:
        return self.way_chip(passage)[1]

    @chip_column(description=_("evidence"), colours={"fine": "success", "bad": "danger"})
    def finding_chip(self, passage: Passage) -> tuple[str, str]:
        if passage.finding == Finding.FINE:
            return "fine", gettext("holds")
        return "bad", gettext("does not hold")

    @admin.display(description=_("evidence"))
    def finding_text(self, passage: Passage) -> str:
        finding = Finding(passage.finding)
        if finding == Finding.FINE:
            return gettext("holds")
        why = WHY.get(finding)
        if why is not None:
            return decline_sentence(Decline(why), language=get_language() or "en")
        return str(_FOUND.get(finding, gettext("does not hold")))


@admin.register(TerminalNote)
class TerminalNoteAdmin(_OfTerminals):
    nothing_yet = _("No notes yet. Supervisors and devices leave them at terminals.")
    list_display = ("noted_at", "terminal_link", "told")
    list_filter = ("terminal__outlet__site",)
    search_fields = ("id",)
    search_help_text = _("How a terminal's name begins, or a word such as shift")
    ordering = ("-noted_at", "-id")
    fields = ("told", ("noted_at", "terminal_link"), "posted_beside", "batch_link")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[TerminalNote], search_term: str
    ) -> tuple[QuerySet[TerminalNote], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        terminals = Terminal.objects.filter(name__startswith=term).values_list("pk", flat=True)[:TERMINALS_SEARCHED]
        return queryset.filter(Q(terminal_id__in=list(terminals)) | Q(what__startswith=term)), False

    @admin.display(description=_("what happened"))
    def told(self, note: TerminalNote) -> str:
        return note_sentence(note.what, note.params, by=note.names, language=get_language() or "en")

    @admin.display(description=_("posted of this shift"))
    @once_a_page
    def posted_beside(self, note: TerminalNote) -> SafeString | str:
        """The terminal's count beside the ledger's."""
        found = shift_posted(note)
        if found is None:
            return "–"
        head = format_html_join(
            "",
            '<th scope="col" class="text-right">{}</th>',
            ((text,) for text in (_("the terminal counted"), _("posted"), _("difference"))),
        )
        row = (
            '<tr><th scope="row" class="text-left">{}</th><td class="text-right">{}</td><td class="text-right">{}</td>'
        )
        row += '<td class="text-right">{}</td></tr>'
        rows = format_html_join("", row, map(_row, found.lines))
        table = format_html(
            '<table class="office-lines-table"><thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table>', head, rows
        )
        return format_html("{}<p>{}</p>", table, _verdict(same=found.same, waiting=found.waiting))


def _row(line: Counted) -> tuple[Any, Any, Any, Any]:
    def shown(value: int) -> SafeString | str:
        return money(value) if line.name.endswith("_minor") else str(value)

    return _LINES[line.name], shown(line.reported), shown(line.posted), shown(line.posted - line.reported)


def _verdict(*, same: bool, waiting: int) -> str:
    if waiting:
        return gettext("%(count)s records of this shift are not posted yet.") % {"count": waiting}
    if same:
        return gettext("What was posted is what the terminal counted.")
    return gettext("The two differ: look at the exceptions of this terminal, and at uploads kept apart.")
