"""People, groups and stops, changed through operations."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.code import LIMIT_UNIT_MINOR
from ecard.adminkit import (
    NOTHING,
    BoundedAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ReasonForm,
    back_to,
    chip_column,
    dialog_action,
    link,
    may_follow,
    money,
    money_column,
    signed_in,
)
from ecard.cardholders import admin_lists as admin_lists  # registers its pages
from ecard.cardholders import operations, queries
from ecard.cardholders.errors import CardholderError
from ecard.cardholders.forms import AttributesField
from ecard.cardholders.models import Cardholder, CardholderState, Group, PriceClass, Stop, StopKind
from ecard.ledger.models import Account

RECORDS = ("settlement.sale", "payments.topup", "benefits.grant", "codes.credentialissue")


class NeverDeleted(BoundedAdmin[Any]):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(PriceClass)
class PriceClassAdmin(NeverDeleted):
    list_display = ("code", "name", "name_en")
    search_fields = ("name", "name_en")
    fields = ("code", "name", "name_en")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("code",)

    def save_model(self, request: HttpRequest, obj: PriceClass, form: Any, change: bool) -> None:
        obj.pk = operations.make_price_class(code=obj.code, name=obj.name, name_en=obj.name_en).pk


class GroupForm(ModelForm[Group]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("offline_limit_minor", "per_sale_limit_minor"):
            limit_minor = cleaned.get(name)
            if limit_minor is not None and (limit_minor < 0 or limit_minor % LIMIT_UNIT_MINOR):
                self.add_error(name, _("A limit is a whole number of yuan: a payment code carries no finer one."))
        if (cleaned.get("debt_floor_minor") or 0) > 0:
            self.add_error("debt_floor_minor", _("Zero, or what may be owed as a negative amount."))
        return cleaned


@admin.register(Group)
class GroupAdmin(NeverDeleted):
    form = GroupForm
    list_display = ("code", "name", "name_en", "price_class", "offline", "per_sale", "max_offline_sales", "debt")
    list_select_related = ("price_class",)
    search_fields = ("code", "name", "name_en")
    fields = (
        "code",
        ("name", "name_en"),
        "price_class",
        ("per_sale_limit_minor", "offline_limit_minor"),
        ("max_offline_sales", "debt_floor_minor"),
    )
    offline = money_column("offline_limit_minor", _("offline limit"))
    per_sale = money_column("per_sale_limit_minor", _("limit per sale"))
    debt = money_column("debt_floor_minor", _("debt floor"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("code",)

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        obj.pk = operations.save_group(
            code=obj.code,
            name=obj.name,
            name_en=obj.name_en,
            price_class=obj.price_class,
            offline_limit_minor=obj.offline_limit_minor,
            per_sale_limit_minor=obj.per_sale_limit_minor,
            max_offline_sales=obj.max_offline_sales,
            debt_floor_minor=obj.debt_floor_minor,
            at=timezone.now(),
        ).pk


class StopInline(ReadOnlyInline):
    model = Stop
    fields = ("page_link", "made_at", "made_by", "lifted_at", "lifted_by")
    ordering = ("-made_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stop]:
        return super().get_queryset(request).select_related("made_by", "lifted_by", "cardholder")


@admin.register(Cardholder)
class CardholderAdmin(NeverDeleted):
    list_display = ("shown_name", "number", "group", "balance", "state_chip")
    list_select_related = ("group__price_class", "purse")
    list_filter = ("group", "state")
    search_fields = ("number",)
    search_help_text = _("How a number, a name, its pinyin or its initials begin")
    ordering = ("name_sort", "number")
    autocomplete_fields = ("group", "user")
    inlines = (StopInline,)
    actions_detail: Any = (
        {"title": _("Stop or close"), "icon": "block", "items": ("stop_codes", "stop_account", "close")},
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        typed = ("number", "name", "group", "attributes", "user")
        return (
            typed if obj is None else (*typed, "balance", "purse_account", "ref", "state_text", "created_at", "records")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (
            () if obj is None else ("number", "balance", "purse_account", "ref", "state_text", "created_at", "records")
        )

    @admin.display(description=_("state"))
    def state_text(self, cardholder: Cardholder) -> str:
        return self.state_chip(cardholder)[1]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cardholder]:
        in_force = Stop.objects.filter(cardholder=OuterRef("pk"), kind=StopKind.WHOLE, lifted_at__isnull=True)
        people: QuerySet[Cardholder] = super().get_queryset(request).annotate(stopped=Exists(in_force))
        return people

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return (queryset.filter(queries.matching(search_term)) if search_term.strip() else queryset), False

    @admin.display(description=pgettext_lazy("of a person", "name"), ordering="name_sort")
    def shown_name(self, cardholder: Cardholder) -> str:
        return cardholder.name

    @chip_column(
        description=_("state"),
        ordering="state",
        colours={"ACTIVE": "success", "CLOSED": "default", "stopped": "danger"},
    )
    def state_chip(self, cardholder: Any) -> tuple[str, str]:
        state = CardholderState(cardholder.state)
        stopped = cardholder.stopped and state == CardholderState.ACTIVE
        return ("stopped", gettext("stopped")) if stopped else (state.name, str(state.label))

    @admin.display(description=_("balance"), ordering="purse__balance_minor")
    def balance(self, cardholder: Cardholder) -> str:
        return money(cardholder.purse.balance_minor)

    @admin.display(description=_("purse"))
    def purse_account(self, cardholder: Cardholder) -> SafeString:
        return link(Account, cardholder.purse_id, cardholder.purse)

    @admin.display(description=_("this person's records"))
    def records(self, cardholder: Cardholder) -> SafeString:
        """Where this person's records are listed; their apps stand above this one and are not imported."""
        query = urlencode({"q": cardholder.number})
        models = (apps.get_model(name) for name in RECORDS)
        shown = format_html_join(
            " · ",
            '<a class="text-primary-600 dark:text-primary-500" href="{}?{}">{}</a>',
            (
                (
                    reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
                    query,
                    capfirst(model._meta.verbose_name_plural),
                )
                for model in models
                if may_follow(model)
            ),
        )
        return shown or SafeString(NOTHING)

    @admin.display(description=_("account ref"))
    def ref(self, cardholder: Cardholder) -> str:
        return f"{cardholder.account_ref:016x}"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "attributes":
            return AttributesField(label=_("Attributes"), help_text=db_field.help_text)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Cardholder, form: Any, change: bool) -> None:
        at = timezone.now()
        wanted = {"attributes": obj.attributes, "avoid_allergens": obj.avoid_allergens}
        if change:
            kept = Cardholder.objects.get(pk=obj.pk)
            operations.update_cardholder(
                cardholder=kept, name=obj.name, group=obj.group, user=obj.user, at=at, **wanted
            )
            return
        opened = operations.open_cardholder(number=obj.number, name=obj.name, group=obj.group, user=obj.user, at=at)
        operations.update_cardholder(
            cardholder=opened, name=opened.name, group=opened.group, user=obj.user, at=at, **wanted
        )
        obj.pk, obj.purse_id, obj.account_ref = opened.pk, opened.purse_id, opened.account_ref

    @dialog_action(
        description=_("Phone lost"),
        explanation=_("Codes issued until now are refused. A new sign-in makes new ones."),
        submit=_("Refuse codes"),
        form=ReasonForm,
        icon="phonelink_erase",
    )
    def stop_codes(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        cardholder, at = Cardholder.objects.get(pk=object_id), timezone.now()
        stop = operations.stop_codes(
            cardholder=cardholder, before=at, by=signed_in(request), reason=form.cleaned_data["reason"], at=at
        )
        self._log_stop(request, cardholder, stop)
        messages.success(request, _("Codes issued until now are refused."))
        return back_to(cardholder)

    @dialog_action(
        description=_("Stop account"),
        explanation=_("Everything of this account is refused until the stop is lifted."),
        submit=_("Stop account"),
        form=ReasonForm,
        icon="block",
    )
    def stop_account(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        cardholder = Cardholder.objects.get(pk=object_id)
        stop = operations.stop_account(
            cardholder=cardholder, by=signed_in(request), reason=form.cleaned_data["reason"], at=timezone.now()
        )
        self._log_stop(request, cardholder, stop)
        messages.success(request, _("The account is stopped."))
        return back_to(cardholder)

    @dialog_action(
        description=_("Close account"),
        explanation=_("For good; the purse must be empty."),
        submit=_("Close account"),
        icon="person_off",
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        cardholder = Cardholder.objects.get(pk=object_id)
        try:
            operations.close_cardholder(cardholder=cardholder, at=timezone.now())
        except CardholderError:
            messages.error(request, _("It cannot be closed: the purse is not empty, or it was closed before."))
        else:
            self.log_change(request, cardholder, [{"changed": {"fields": ["state"]}}])
        return back_to(cardholder)

    def _log_stop(self, request: HttpRequest, cardholder: Cardholder, stop: Stop) -> None:
        self.log_change(request, cardholder, [{"added": {"name": "stop", "object": stop.reason}}])


@admin.register(Stop)
class StopAdmin(ReadOnlyAdmin[Stop]):
    nothing_yet = _("Nobody was ever stopped. A stop is made on the cardholder's page.")
    list_display = ("cardholder", "kind", "state_chip", "reason", "made_at", "made_by", "lifted_at")
    list_select_related = ("cardholder", "made_by")
    list_filter = ("kind", ("lifted_at", admin.EmptyFieldListFilter))
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith")
    search_help_text = _("How a number or a name begins")
    ordering = ("-id",)
    actions_detail = ("lift",)

    @chip_column(description=_("state"), colours={"in force": "danger", "lifted": "default"})
    def state_chip(self, stop: Stop) -> tuple[str, str]:
        return ("in force", gettext("in force")) if stop.lifted_at is None else ("lifted", gettext("lifted"))

    def has_lift_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """The record itself is read-only; lifting a stop adds a mark."""
        return request.user.has_perm("cardholders.change_stop")

    @dialog_action(
        description=_("Lift this stop"),
        explanation=_("Terminals accept the account again as soon as they hear of it."),
        submit=_("Lift"),
        icon="lock_open",
        permissions=("lift",),
    )
    def lift(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        stop = Stop.objects.select_related("cardholder").get(pk=object_id)
        operations.lift_stop(stop=stop, by=signed_in(request), at=timezone.now())
        self.log_change(request, stop, [{"changed": {"fields": ["lifted at"]}}])
        return back_to(stop)
