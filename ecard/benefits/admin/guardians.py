"""Limits that guardians set for one person: added and lifted, never changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import BoundedAdmin, back_to, chip_column, dialog_action
from ecard.benefits import operations
from ecard.benefits.compiler import guard_of, names_of_person_rules
from ecard.benefits.errors import TooManyGuards
from ecard.benefits.guardians import GUARDS_MAX
from ecard.benefits.models import GuardianLimit, Window
from ecard.benefits.sentences import guard_sentence


class GuardianLimitForm(ModelForm[GuardianLimit]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        amount, count, person = (cleaned.get(name) for name in ("max_minor", "max_count", "cardholder"))
        if not self.errors and amount is None and (count is None or cleaned.get("window") == Window.SALE):
            raise ValidationError(_("A guardian limits an amount, or a number of sales in a meal, a day or longer."))
        if cleaned.get("categories") and amount is None:
            self.add_error("max_minor", _("How much of these a sale? 0: none at all."))
        if amount is not None and amount < 0:
            self.add_error("max_minor", _("A limit is not below zero."))
        if person is not None and person.guardian_limits.filter(lifted_at__isnull=True).count() >= GUARDS_MAX:
            self.add_error("cardholder", _("This person has as many limits as there may be: lift one first."))
        return cleaned


@admin.register(GuardianLimit)
class GuardianLimitAdmin(BoundedAdmin[GuardianLimit]):
    form = GuardianLimitForm
    list_display = ("cardholder", "sentence", "state", "made_at", "lifted_at")
    list_select_related = ("cardholder",)
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith")
    search_help_text = _("How a number or a name begins")
    ordering = ("-id",)
    sortable_by = ()
    autocomplete_fields = ("cardholder", "categories")
    actions_detail = ("lift",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("categories")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        told = _("It stands beside the limits of the policy and holds at once: it can only tighten them.")
        if obj is not None:
            return ((None, {"fields": ("cardholder", "sentence", "made_at", "lifted_at"), "description": told}),)
        fields = ("cardholder", "window", ("max_minor", "max_count"), "categories")
        return ((None, {"fields": fields, "description": told}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("cardholder", "sentence", "made_at", "lifted_at")

    def save_model(self, request: HttpRequest, obj: GuardianLimit, form: Any, change: bool) -> None:
        if change:
            return
        given = form.cleaned_data
        try:
            made = operations.set_guardian_limit(
                cardholder=given["cardholder"],
                window=Window(given["window"]),
                max_minor=given["max_minor"],
                max_count=given["max_count"],
                categories=list(given["categories"]),
                at=timezone.now(),
            )
        except TooManyGuards as refused:
            raise ValidationError(_("This person has as many limits as there may be: lift one first.")) from refused
        obj.pk, obj._state.adding = made.pk, False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The operation has written the categories."""

    @dialog_action(
        description=_("Lift this limit"),
        explanation=_("From then on it binds the person no more; it stays in the list."),
        submit=_("Lift"),
        icon="lock_open",
    )
    def lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        limit = GuardianLimit.objects.select_related("cardholder").get(pk=object_id)
        if operations.lift_guardian_limit(limit=limit, at=timezone.now()):
            self.log_change(request, limit, str(_("Lifted.")))
            messages.success(request, _("The limit is lifted; terminals are being told."))
        return back_to(limit)

    @admin.display(description=_("in words"))
    def sentence(self, limit: GuardianLimit) -> str:
        return guard_sentence(guard_of(limit), names_of_person_rules(limit))

    @chip_column(description=_("state"), colours={"on": "success", "off": "default"})
    def state(self, limit: GuardianLimit) -> tuple[str, str]:
        return ("on", str(_("in force"))) if limit.lifted_at is None else ("off", str(_("lifted")))
