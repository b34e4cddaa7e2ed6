"""Logins limited to some sites: what is not theirs is not there for them, whatever address they guess.

One table says what belongs to which site; whatever it does not name is shut to such a login, later pages included.
Nobody's own admin knows of this: each registered one is wrapped when the server starts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern
from django.utils.translation import gettext

from ecard.adminkit import read_by
from ecard.history.admin import WithHistory
from ecard.history.models import TRACKED
from ecard.office.files import BUTTONS, WithFiles, kind_of
from ecard.office.sites import Sites, sites_of

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Admin = ModelAdmin[Any]
else:
    _Admin = object

PLACES = {"sites": "pk", "outlets": "site_id", "periods": "site_id"}
"""Relations by which a rule names places, and where those say their site."""


def _path(path: str) -> Callable[[type[Model], Sites], Q]:
    return lambda _model, sites: Q(**{f"{path}__in": sites})


def _named_only(model: type[Model], sites: Sites) -> Q:
    """Rules that name a place, and none of another site."""
    own, foreign = Q(pk__in=()), Q(pk__in=())
    for name, path in PLACES.items():
        field: Any = model._meta.get_field(name)
        through, target = field.remote_field.through, field.remote_field.model
        owner, other = field.m2m_column_name(), field.m2m_reverse_name()
        theirs = target._base_manager.filter(**{f"{path}__in": sites}).values("pk")
        own |= Q(pk__in=through._base_manager.filter(**{f"{other}__in": theirs}).values(owner))
        foreign |= Q(pk__in=through._base_manager.exclude(**{f"{other}__in": theirs}).values(owner))
    return own & ~foreign


def _sold_there(model: type[Model], sites: Sites) -> Q:
    return Q(pk__in=_placements().filter(outlet__site_id__in=sites).values("product_id"))


def _placements() -> Any:
    return apps.get_model("merchants.placement")._base_manager


SCOPES: dict[str, Callable[[type[Model], Sites], Q]] = {
    "merchants.site": _path("pk"),
    "merchants.outlet": _path("site_id"),
    "merchants.mealperiod": _path("site_id"),
    "merchants.calendarday": _path("site_id"),
    "merchants.calendarimport": _path("site_id"),
    "merchants.product": _sold_there,
    "terminals.terminal": _path("outlet__site_id"),
    "terminals.enrolmentcode": _path("terminal__outlet__site_id"),
    "terminals.stream": _path("terminal__outlet__site_id"),
    "terminals.supervisor": _path("site_id"),
    "settlement.sale": _path("outlet__site_id"),
    "settlement.salereversal": _path("sale__outlet__site_id"),
    "settlement.saleexception": _path("terminal__outlet__site_id"),
    "settlement.authorisedhold": _path("terminal__outlet__site_id"),
    "settlement.batch": _path("terminal__outlet__site_id"),
    "settlement.passage": _path("terminal__outlet__site_id"),
    "settlement.terminalnote": _path("terminal__outlet__site_id"),
    "benefits.programme": _named_only,
    "benefits.pricerule": _named_only,
    "benefits.entitlement": _named_only,
    "benefits.spendlimit": _named_only,
    "benefits.block": _named_only,
}
"""What such a login may see and, with the right, change: its own site's part."""

SHARED = frozenset(
    {
        "merchants.merchant",
        "merchants.category",
        "merchants.allergen",
        "cardholders.group",
        "cardholders.priceclass",
        "cardholders.personlist",
        "benefits.sponsor",
    }
)
"""What rules, outlets and products of a site name: looked at, not changed."""

NOT_ADDED = frozenset({"merchants.site"})
OWN_PAGES = frozenset({"merchants_calendarday_year", "merchants_calendarday_bring_in"})
"""Pages of a list that offer the login's own sites alone."""


def within(model: type[Model], rows: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """Those of the rows that this login may see."""
    sites = sites_of(request)
    label = model._meta.label_lower
    if sites is None or label in SHARED:
        return rows
    return rows.filter(SCOPES[label](model, sites)) if label in SCOPES else rows.none()


def whole_institution(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that is about all sites: shut to logins limited to some."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if sites_of(request) is not None:
            raise PermissionDenied(_about_all_sites())
        return view(request, *args, **kwargs)

    return shown


def _about_all_sites() -> str:
    return gettext(
        "This page is about the whole institution, and you look after some of its sites. Ask an administrator who looks"
        " after all of it: they can do it for you, or lift the limit on your login."
    )


class Scoped(_Admin):
    """An admin as a login limited to sites sees it."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return within(self.model, super().get_queryset(request), request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.__may_look(request) and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.__may_look(request, obj) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        may = sites_of(request) is None or (self.__label in SCOPES and self.__label not in NOT_ADDED)
        return may and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.__may_change(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.__may_change(request, obj) and super().has_delete_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        """Every address of this admin asks first, so that no button can forget to."""
        patterns = super().get_urls()
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = self.__asking(pattern.callback, name=pattern.name or "")
        return patterns

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _limited(super().formfield_for_foreignkey(db_field, request, **kwargs), db_field, request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _limited(super().formfield_for_manytomany(db_field, request, **kwargs), db_field, request)

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> Any:
        inlines = super().get_inline_instances(request, obj)
        if sites_of(request) is not None:
            for inline in inlines:
                own: Any = inline
                own.formfield_for_foreignkey = _limiting(own.formfield_for_foreignkey)
        return inlines

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        if sites_of(request) is None or SCOPES.get(self.__label) is not _named_only:
            return form
        return type(form.__name__, (_NamesAPlace, form), {})

    @property
    def __label(self) -> str:
        return str(self.model._meta.label_lower)

    def __may_look(self, request: HttpRequest, obj: Any = None) -> bool:
        if sites_of(request) is None or self.__label in SHARED:
            return True
        return self.__label in SCOPES and (obj is None or self.__is_theirs(request, obj))

    def __may_change(self, request: HttpRequest, obj: Any) -> bool:
        sites = sites_of(request)
        if sites is None:
            return True
        if self.__label not in SCOPES:
            return False
        if obj is None:
            return True
        elsewhere = (
            self.__label == "merchants.product"
            and _placements().filter(product_id=getattr(obj, "pk", obj)).exclude(outlet__site_id__in=sites).exists()
        )
        return not elsewhere and self.__is_theirs(request, obj)

    def __is_theirs(self, request: HttpRequest, obj: Any) -> bool:
        try:
            return within(self.model, self.model._base_manager.filter(pk=getattr(obj, "pk", obj)), request).exists()
        except (ValueError, ValidationError):
            return False  # an address with anything for a number

    def __can_be_meant(self, request: HttpRequest, about: Any) -> bool:
        """Whether an address, mistyped or not, says nothing that the database would refuse to be asked."""
        try:
            self.model._meta.pk.to_python(about)
        except ValidationError:
            return False
        return not any("\0" in each for values in request.GET.lists() for each in (values[0], *values[1]))

    def __asking(self, view: Callable[..., HttpResponse], *, name: str) -> Callable[..., HttpResponse]:
        usual = f"{self.model._meta.app_label}_{self.model._meta.model_name}_"
        own = {f"{usual}{page}" for page in ("change", "history", "delete")}

        @wraps(view)
        def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            about = kwargs.get("object_id", args[0] if args else None)
            if not self.__can_be_meant(request, about):
                raise Http404
            if about is not None and name and name not in own and not self.__is_theirs(request, about):
                raise Http404  # a button, typed with the number of nothing
            if sites_of(request) is not None:
                if self.__label not in SCOPES and self.__label not in SHARED:
                    raise PermissionDenied(_about_all_sites())
                if about is not None and not self.__is_theirs(request, about):
                    raise Http404
                if about is None and name and name not in {f"{usual}changelist", f"{usual}add", *OWN_PAGES}:
                    raise PermissionDenied(_about_all_sites())  # a list's own page, which may be about any site
            with read_by(request):
                response = view(request, *args, **kwargs)
                return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return asked


class _NamesAPlace:
    """A rule of somebody limited to sites names one of their places: with none it would hold everywhere."""

    def clean(self) -> dict[str, Any]:
        next_clean: Any = super()
        form: Any = self
        cleaned: dict[str, Any] = next_clean.clean() or form.cleaned_data
        if not any(cleaned.get(name) for name in PLACES):
            raise ValidationError(gettext("Name a site, an outlet or a meal: you may make rules for your sites only."))
        return cleaned


def guard(site: AdminSite) -> None:
    """Wrap every registered admin; called once when all are registered."""
    for model, model_admin in list(site._registry.items()):
        own = type(model_admin)
        history = (WithHistory,) if model._meta.label_lower in TRACKED else ()
        given: dict[str, Any] = {"__module__": own.__module__}
        files: tuple[type, ...] = ()
        if kind_of(model) is not None:
            files, given["actions_list"] = (WithFiles,), (*getattr(own, "actions_list", ()), *BUTTONS)
        site.unregister(model)
        site.register(model, type(own.__name__, (*history, *files, Scoped, own), given))


def _limited(field: Any, db_field: Any, request: HttpRequest) -> Any:
    if field is not None and sites_of(request) is not None:
        field.queryset = within(db_field.remote_field.model, field.queryset, request)
    return field


def _limiting(make: Callable[..., Any]) -> Callable[..., Any]:
    def limited(db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _limited(make(db_field, request, **kwargs), db_field, request)

    return limited
