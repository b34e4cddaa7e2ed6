"""What every admin page here shares: money as money, bounded lists, read-only records, dialogs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR, IncorrectLookupParameters
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from devices.core.money import AmountError, format_minor, parse_amount

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.helpers import AdminReadonlyField

    class BaseDialogForm(forms.Form):
        """As unfold makes it."""

        request: HttpRequest
        object_id: str | None

else:
    from unfold.admin import ModelAdmin, TabularInline
    from unfold.fields import UnfoldAdminReadonlyField as AdminReadonlyField
    from unfold.forms import BaseDialogForm

M = TypeVar("M", bound=models.Model)
F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

COUNTED_AT_MOST = 10_000
REASON_LENGTH_MAX = 200
NUMBER_DIGITS_MAX = 19
NOTHING = "–"
_reader: ContextVar[HttpRequest | None] = ContextVar("_reader", default=None)


class BoundedPaginator(Paginator[Any]):
    """Counts to COUNTED_AT_MOST and no further: nobody turns to page 200, and counting millions takes seconds."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: COUNTED_AT_MOST + 1].count())


class _KnownNumbers:
    """Shows what is chosen, and nothing for what cannot be a record's number; Django asks the database for anything."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        own: Any = super()
        return own.optgroups(name, [each for each in value if not each or self._is_number(each)], attr)

    def _is_number(self, typed: str) -> bool:
        own: Any = self
        try:
            own.field.target_field.to_python(typed)
        except ValidationError:
            return False
        return True


class _PickOne(_KnownNumbers, AutocompleteSelect):
    """One record, found by typing."""


class _PickSome(_KnownNumbers, AutocompleteSelectMultiple):
    """Several records, found by typing."""


class BoundedAdmin(ModelAdmin[M]):
    """An admin whose lists stay quick over large tables; fields that end in `_minor` are typed as money."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    empty_value_display = NOTHING
    nothing_yet: StrOrPromise = ""
    """What an empty list says, where there is something to say."""

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """What has not been made yet has no company to show."""
        return [each for each in super().get_inlines(request, obj) if obj or not issubclass(each, ReadOnlyInline)]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """A list is called what it lists. An address it cannot follow is told so; Django blames the database."""
        try:
            shown = super().get_changelist_instance(request)
        except IncorrectLookupParameters:
            messages.warning(request, _("This address asks for what the list does not know; all of it is shown."))
            request.GET = QueryDict(f"{IS_POPUP_VAR}=1" if IS_POPUP_VAR in request.GET else "")
            shown = super().get_changelist_instance(request)
        if not shown.is_popup:
            shown.title = str(capfirst(self.opts.verbose_name_plural))
        if not shown.query and not shown.get_filters_params():
            shown.full_result_count = shown.result_count  # by which the theme knows that nothing is left out
        return shown

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name.endswith("_minor"):
            label = gettext("%(amount)s (¥)") % {"amount": capfirst(db_field.verbose_name)}
            initial, told = db_field.get_default(), db_field.help_text
            return MoneyField(label=label, required=not db_field.null, initial=initial, help_text=told)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", _PickOne(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):
            kwargs.setdefault("widget", _PickSome(db_field, self.admin_site))
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class ReadOnlyAdmin(BoundedAdmin[M]):
    """Records that are only looked at here."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class _SortedByIndexes:
    """A change list that also ignores what an address asks to be sorted by, where no index serves."""

    sortable_by: list[str]

    def get_ordering_field(self, field_name: str) -> Any:
        own: Any = super()
        return own.get_ordering_field(field_name) if field_name in self.sortable_by else None


class GrowingAdmin(ReadOnlyAdmin[M]):
    """Records of which there are more every day: their lists are sorted by what an index serves, and nothing else."""

    def get_sortable_by(self, request: HttpRequest) -> list[Any]:
        return [name for name in self.get_list_display(request) if isinstance(name, str) and self._is_indexed(name)]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return type("IndexedChangeList", (_SortedByIndexes, super().get_changelist(request, **kwargs)), {})

    def _is_indexed(self, column: str) -> bool:
        meta = self.model._meta
        name = getattr(getattr(self, column, None), "admin_order_field", column)
        field = next((each for each in meta.concrete_fields if each.name == name and not each.is_relation), None)
        if field is None:
            return False
        leading = {index.fields[0].removeprefix("-") for index in meta.indexes if index.fields and not index.condition}
        return field.unique or bool(getattr(field, "db_index", False)) or field.name in leading


class ReadOnlyInline(TabularInline[Any, Any]):
    """Rows that are only looked at inside another page, bounded in `get_queryset`; `page_link` leads to their own."""

    extra = 0
    can_delete = False
    hide_title = True

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "page_link")

    @admin.display(description="")
    def page_link(self, row: models.Model) -> SafeString:
        return link(type(row), row.pk, row)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class MoneyField(forms.CharField):
    """An amount typed as 12 or -12.50, kept as minor units."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}), **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return format_minor(value, symbol="").replace(",", "") if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = str(value).strip() if value is not None else ""
        if not text:
            return None
        if isinstance(value, int):
            return value
        sign = -1 if text.startswith("-") else 1
        try:
            return sign * parse_amount(text.removeprefix("-"))
        except AmountError as wrong:
            raise ValidationError(_("An amount looks like 12 or 12.50.")) from wrong

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class ReasonForm(BaseDialogForm):
    """A dialog that asks why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def signed_in(request: HttpRequest) -> AbstractBaseUser:
    """Who presses a button; the admin lets nobody else in."""
    if not isinstance(request.user, AbstractBaseUser):
        raise TypeError("an admin page without a login")
    return request.user


def typed_number(text: str) -> int | None:
    """A record's number as typed into a search, "#12" or "12"; None for anything a database cannot hold."""
    typed = text.strip().removeprefix("#")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < NUMBER_DIGITS_MAX else None


def money(amount_minor: int | None) -> SafeString:
    """Minor units as money, or a dash, for a cell or a field: lists show it aligned to the right."""
    return format_html('<span class="money">{}</span>', NOTHING if amount_minor is None else format_minor(amount_minor))


def money_column(field: str, description: StrOrPromise) -> Callable[[Any, Any], SafeString]:
    """A list column or read-only field that shows `field` (minor units) as money."""

    @admin.display(description=description, ordering=field)
    def column(_self: Any, obj: Any) -> SafeString:
        return money(getattr(obj, field))

    return column


@contextmanager
def read_by(request: HttpRequest) -> Iterator[None]:
    """Links made inside lead only where the login of this request may go."""
    token = _reader.set(request)
    try:
        yield
    finally:
        _reader.reset(token)


def may_follow(model: type[models.Model]) -> bool:
    """Whether whoever reads this page may look at such records."""
    reader, own = _reader.get(), admin.site._registry.get(model)
    return reader is None or (own is not None and own.has_view_or_change_permission(reader))


def link(model: type[models.Model], pk: Any, text: object) -> SafeString:
    """A link to a record's admin page; the text alone for whoever may not go there."""
    if not may_follow(model):
        return format_html("{}", text)
    meta = model._meta
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
        reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[pk]),
        text,
    )


class LedReadonlyField(AdminReadonlyField):
    """A read-only relation, linked where whoever reads may follow; the theme's own is linked for everybody."""

    def get_admin_url(self, remote_field: Any, remote_obj: Any) -> Any:
        return super().get_admin_url(remote_field, remote_obj) if may_follow(remote_field.model) else str(remote_obj)


def dialog_action(
    *,
    description: StrOrPromise,
    explanation: StrOrPromise,
    submit: StrOrPromise,
    form: type[BaseDialogForm] = BaseDialogForm,
    icon: str | None = None,
    permissions: tuple[str, ...] = ("change",),
) -> Callable[[F], F]:
    """A button on a record's page that opens a dialog; the method is called with the valid form.

    The method takes (request, form, object_id) and answers with `back_to(...)`.
    """
    decorated: Callable[[F], F] = action(
        description=description,
        icon=icon,
        permissions=list(permissions),
        dialog={"title": description, "description": explanation, "form_class": form, "form_submit_text": submit},
    )
    return decorated


def page_action(
    *, description: StrOrPromise, url_path: str, icon: str | None = None, permissions: tuple[str, ...] = ("change",)
) -> Callable[[F], F]:
    """A button on a record's page that leads to a page of its own; the method takes (request, object_id)."""
    decorated: Callable[[F], F] = action(
        description=description, url_path=url_path, icon=icon, permissions=list(permissions)
    )
    return decorated


def chip_column(*, description: StrOrPromise, colours: dict[str, str], ordering: str | None = None) -> Callable[[F], F]:
    """A column whose method gives (word, text): the text is shown in the colour that `colours` has for the word.

    Colours: success, info, warning, danger, default. Every word needs one.
    """
    decorated: Callable[[F], F] = display(description=description, ordering=ordering, label=colours)
    return decorated


def once_a_page(method: Callable[[Any, Any], R]) -> Callable[[Any, Any], R]:
    """A read-only field that is worked out once for a record: a page asks for each field five times."""
    name = f"_shown_{method.__name__}"

    @wraps(method)
    def shown(model_admin: Any, obj: Any) -> R:
        if name not in obj.__dict__:
            obj.__dict__[name] = method(model_admin, obj)
        found: R = obj.__dict__[name]
        return found

    return shown


def back_to(obj: models.Model) -> HttpResponse:
    """Close a dialog and show the record's page anew."""
    meta = obj._meta
    page = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[obj.pk])
    return HttpResponse(headers={"HX-Redirect": page})
