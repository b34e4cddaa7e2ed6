"""Terminals as an administrator watches, invites and revokes them; their streams, read-only."""

from __future__ import annotations

import base64
import io
from typing import Any, ClassVar

import qrcode
from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from qrcode.image.pil import PilImage

from ecard.adminkit import (
    BoundedAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    back_to,
    chip_column,
    dialog_action,
    link,
    money,
    page_action,
    signed_in,
)
from ecard.codes.errors import RootMissing
from ecard.terminals import admin_policy as admin_policy
from ecard.terminals import operations, queries
from ecard.terminals.forms import SupervisorForm, TerminalForm, device_settings
from ecard.terminals.models import (
    DeviceKind,
    EnrolmentCode,
    Stream,
    Supervisor,
    Terminal,
    TerminalMode,
    TerminalState,
)
from ecard.terminals.values import Invite

STREAMS_SHOWN = 8
WHERE_SHOWN = 5

_STATE_COLOURS = {"new": "info", "active": "success", "revoked": "danger"}
_AGE_COLOURS = {"late": "warning", "fresh": "success", "plain": "default"}


class StreamInline(ReadOnlyInline):
    model = Stream
    verbose_name_plural = _("newest streams")
    fields = ("page_link", "received", "posted_through", "fork", "created_at")
    readonly_fields = fields[1:]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stream]:
        streams = super().get_queryset(request)
        terminal_id = request.resolver_match.kwargs.get("object_id", 0) if request.resolver_match else 0
        newest = Stream.objects.filter(terminal_id=terminal_id).order_by("-id").values("pk")[:STREAMS_SHOWN]
        return streams.filter(pk__in=newest)

    @admin.display(description=_("received through"))
    def received(self, stream: Stream) -> int:
        return stream.next_seq - 1

    @admin.display(description=_("fork"))
    def fork(self, stream: Stream) -> str:
        return gettext("forked") if stream.forked else gettext("none")


@admin.register(Terminal)
class TerminalAdmin(BoundedAdmin[Terminal]):
    form = TerminalForm
    list_display = (
        "name",
        "outlet",
        "state_chip",
        "seen",
        "snapshot",
        "unsent",
        "device",
        "asks_for",
        "heard",
        "software",
    )
    list_select_related = ("outlet__site",)
    list_filter = ("state", "outlet__site", "device", "mode")
    conditional_fields: ClassVar[dict[str, str]] = {
        "mode": "['canteen', 'cabinet'].includes(device)",
        "fixed_minor": "device == 'bus' || mode == 'fixed'",
        "per_kg_minor": "device == 'weighing'",
        "direction": "device == 'gate'",
        "anti_passback": "device == 'gate'",
        "groups": "device == 'gate'",
        "line": "device == 'bus'",
        "stops": "device == 'bus'",
    }
    search_fields = ("name", "outlet__name", "outlet__code", "public_key__startswith")
    ordering = ("outlet", "name")
    autocomplete_fields = ("outlet", "groups")
    actions_detail = ("invite", "revoke")
    inlines = (StreamInline,)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        of_its_kind = ("per_kg_minor", "direction", "anti_passback", "groups", "line", "stops")
        settings = (None, {"fields": ("name", "outlet", "device", "mode", "fixed_minor", *of_its_kind)})
        around = (_("Server and neighbours"), {"fields": ("floor_minor", "claim_wait_ms")})
        if obj is None:
            return settings, around
        health = ("state", "seen_age", "snapshot_age", "unsent", "heard", "rules", "software")
        device = ("key", "successor", "enrolled_at", "revoked_at", "revoked_by", "created_at")
        return (settings, around, (_("Health"), {"fields": health}), (_("Device"), {"fields": device}))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        health = ("state", "seen_age", "snapshot_age", "unsent", "heard", "rules", "software")
        return (*health, "key", "successor", "enrolled_at", "revoked_at", "revoked_by", "created_at")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return () if obj is None else super().get_inlines(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_invite_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """An invitation makes a device ours: a right of its own."""
        return request.user.has_perm("terminals.invite_terminal")

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("terminals.revoke_terminal")

    @chip_column(description=_("state"), ordering="state", colours=_STATE_COLOURS)
    def state_chip(self, terminal: Terminal) -> tuple[str, str]:
        state = TerminalState(terminal.state)
        return state.name.lower(), str(state.label)

    @chip_column(description=_("last heard"), ordering="last_seen_at", colours=_AGE_COLOURS)
    def seen(self, terminal: Terminal) -> tuple[str, str]:
        status = queries.status_of(terminal, at=timezone.now())
        return _aged(terminal, status.seen_age_s, late=status.silent)

    @chip_column(description=_("snapshot"), ordering="last_snapshot_at", colours=_AGE_COLOURS)
    def snapshot(self, terminal: Terminal) -> tuple[str, str]:
        status = queries.status_of(terminal, at=timezone.now())
        return _aged(terminal, status.snapshot_age_s, late=status.stale)

    @admin.display(description=_("last heard"))
    def seen_age(self, terminal: Terminal) -> str:
        return self.seen(terminal)[1]

    @admin.display(description=_("snapshot"))
    def snapshot_age(self, terminal: Terminal) -> str:
        return self.snapshot(terminal)[1]

    # Sorted by the most, those never heard of come last.
    @admin.display(description=_("unsent"), ordering=F("unsent_count").asc(nulls_first=True), empty_value="–")
    def unsent(self, terminal: Terminal) -> int | None:
        return terminal.unsent_count

    @admin.display(description=_("neighbours heard"), ordering="neighbours_heard", empty_value="–")
    def heard(self, terminal: Terminal) -> int | None:
        return terminal.neighbours_heard

    @admin.display(description=_("decides by"), empty_value="–")
    def rules(self, terminal: Terminal) -> str | None:
        if terminal.newer_policy:
            return gettext("No. %(policy)s: policy No. %(newer)s needs a newer release of this terminal.") % {
                "policy": terminal.policy_number,
                "newer": terminal.newer_policy,
            }
        return gettext("policy No. %(policy)s") % {"policy": terminal.policy_number} if terminal.policy_number else None

    @admin.display(description=_("asks for"))
    def asks_for(self, terminal: Terminal) -> str:
        if terminal.mode == TerminalMode.FIXED:
            return money(terminal.fixed_minor)
        if terminal.device == DeviceKind.WEIGHING:
            return format_html(gettext("{price} a kilogram"), price=money(terminal.per_kg_minor))
        return str(TerminalMode(terminal.mode).label)

    @admin.display(description=_("device key"), empty_value="–")
    def key(self, terminal: Terminal) -> SafeString | None:
        return _key(terminal.public_key)

    @admin.display(description=_("successor waiting to be heard"), empty_value="–")
    def successor(self, terminal: Terminal) -> SafeString | None:
        return _key(terminal.next_public_key)

    def save_model(self, request: HttpRequest, obj: Terminal, form: Any, change: bool) -> None:
        wanted: dict[str, Any] = {
            "name": obj.name,
            "outlet": obj.outlet,
            "mode": TerminalMode(obj.mode),
            "fixed_minor": obj.fixed_minor,
            "device": device_settings(form.cleaned_data),
            "at": timezone.now(),
        }
        if change:
            operations.change(terminal=Terminal.objects.get(pk=obj.pk), **wanted)
        else:
            obj.pk = operations.register(**wanted).pk

    @page_action(description=_("Invite a device"), url_path="invite", icon="qr_code_2", permissions=("invite",))
    def invite(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks first, then shows the code once: it is kept nowhere, and reloading the page makes another."""
        terminal = get_object_or_404(Terminal.objects.select_related("outlet"), pk=object_id)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": terminal,
            "title": gettext("Invite a device: %(terminal)s") % {"terminal": terminal.name},
        }
        if request.method == "POST":
            try:
                made = operations.invite(terminal=terminal, by=signed_in(request), at=timezone.now())
            except RootMissing:
                messages.error(request, _("There is no root key yet: finish the installation first."))
            else:
                self.log_change(request, terminal, [{"added": {"name": "enrolment code", "object": terminal.name}}])
                context |= _shown(made)
        return TemplateResponse(request, "terminals/invite.html", context)

    @dialog_action(
        description=_("Revoke"),
        explanation=_(
            "The device gets no more keys or data, and what it still hands in is kept apart for a person to look at. "
            "A new invitation brings the terminal back, with another key."
        ),
        submit=_("Revoke this terminal"),
        icon="block",
        permissions=("revoke",),
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        terminal = get_object_or_404(Terminal, pk=object_id)
        if operations.revoke(terminal=terminal, by=signed_in(request), at=timezone.now()):
            self.log_change(request, terminal, [{"changed": {"fields": ["state"]}}])
            messages.success(request, _("The terminal is revoked."))
        else:
            messages.info(request, _("It was revoked before."))
        return back_to(terminal)


@admin.register(Supervisor)
class SupervisorAdmin(BoundedAdmin[Supervisor]):
    form = SupervisorForm
    list_display = ("name", "site", "where", "active", "pin_set_at")
    list_select_related = ("site",)
    list_filter = ("site", "active")
    search_fields = ("name",)
    ordering = ("site", "name")
    autocomplete_fields = ("site", "terminals")
    readonly_fields = ("pin_set_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Supervisor]:
        return super().get_queryset(request).prefetch_related("terminals")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("name", "site", "terminals", "active", "pin", "pin_again")
        return ((None, {"fields": fields if obj is None else (*fields, "pin_set_at")}),)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Notes of years ago name them by number."""
        return False

    @admin.display(description=_("where"))
    def where(self, supervisor: Supervisor) -> str:
        named = [terminal.name for terminal in supervisor.terminals.all()[:WHERE_SHOWN]]
        return ", ".join(named) or gettext("the whole site")

    def save_model(self, request: HttpRequest, obj: Supervisor, form: Any, change: bool) -> None:
        wanted: dict[str, Any] = {
            "name": obj.name,
            "site": obj.site,
            "terminals": list(form.cleaned_data.get("terminals") or ()),
            "active": obj.active,
            "pin": form.cleaned_data.get("pin") or None,
            "at": timezone.now(),
        }
        operations.save_supervisor(supervisor=obj, **wanted)


@admin.register(Stream)
class StreamAdmin(ReadOnlyAdmin[Stream]):
    list_display = ("id", "terminal_link", "epoch_hex", "received", "posted_through", "fork", "created_at")
    list_select_related = ("terminal",)
    list_filter = ("forked", "terminal__outlet__site")
    search_fields = ("terminal__name",)
    ordering = ("-id",)
    fields = (
        "terminal_link",
        "epoch_hex",
        "received",
        "posted_through",
        "fork_text",
        "created_at",
        "head_hex",
        "previous_epoch_hex",
        "previous_seq",
        "previous_head_hex",
    )

    @admin.display(description=_("terminal"), ordering="terminal__name")
    def terminal_link(self, stream: Stream) -> SafeString:
        return link(Terminal, stream.terminal_id, stream.terminal.name)

    @admin.display(description=_("epoch"), ordering="epoch")
    def epoch_hex(self, stream: Stream) -> str:
        return f"{stream.epoch:016x}"

    @admin.display(description=_("received through"), ordering="next_seq")
    def received(self, stream: Stream) -> int:
        return stream.next_seq - 1

    @chip_column(description=_("fork"), ordering="forked", colours={"forked": "danger", "plain": "default"})
    def fork(self, stream: Stream) -> tuple[str, str]:
        return ("forked", gettext("forked")) if stream.forked else ("plain", gettext("none"))

    @admin.display(description=_("fork"))
    def fork_text(self, stream: Stream) -> str:
        return self.fork(stream)[1]

    @admin.display(description=_("head"))
    def head_hex(self, stream: Stream) -> str:
        return bytes(stream.head).hex()

    @admin.display(description=_("previous epoch"), empty_value="–")
    def previous_epoch_hex(self, stream: Stream) -> str | None:
        return f"{stream.previous_epoch:016x}" if stream.previous_epoch else None

    @admin.display(description=_("previous head"), empty_value="–")
    def previous_head_hex(self, stream: Stream) -> str | None:
        return bytes(stream.previous_head).hex() or None


@admin.register(EnrolmentCode)
class EnrolmentCodeAdmin(ReadOnlyAdmin[EnrolmentCode]):
    list_display = ("terminal", "made_at", "made_by", "expires_at", "used_at", "void_at", "attempts")
    list_select_related = ("terminal", "made_by")
    search_fields = ("terminal__name",)
    ordering = ("-id",)
    fields = ("terminal", "made_at", "made_by", "expires_at", "used_at", "used_public_key", "void_at", "attempts")


def _aged(terminal: Terminal, age_s: int | None, *, late: bool) -> tuple[str, str]:
    if age_s is None:
        return ("late", gettext("never")) if terminal.state == TerminalState.ACTIVE else ("plain", "–")
    text = gettext("%(age)s ago") % {"age": _age(age_s)}
    if terminal.state != TerminalState.ACTIVE:
        return "plain", text
    return "late" if late else "fresh", text


def _age(age_s: int) -> str:
    """In the largest unit that fits twice."""
    if age_s < 2 * 60:
        return gettext("%(count)d s") % {"count": age_s}
    if age_s < 2 * 3_600:
        return gettext("%(count)d min") % {"count": age_s // 60}
    if age_s < 2 * 86_400:
        return gettext("%(count)d h") % {"count": age_s // 3_600}
    return gettext("%(count)d d") % {"count": age_s // 86_400}


def _key(public: str | None) -> SafeString | None:
    if public is None:
        return None
    return format_html('<span style="font-family: monospace" title="{}">{}…</span>', public, public[:16])


def _shown(made: Invite) -> dict[str, Any]:
    drawing = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=8, border=4)
    drawing.add_data(made.qr_text)
    picture = io.BytesIO()
    drawing.make_image(image_factory=PilImage).save(picture)
    return {
        "code": made.code,
        "qr_png": base64.b64encode(picture.getvalue()).decode(),
        "expires_at": made.expires_at,
        "lasts_s": int((made.expires_at - timezone.now()).total_seconds()),
    }
