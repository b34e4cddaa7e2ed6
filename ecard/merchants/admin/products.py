"""Products, their categories and allergens. One form says what a product is and where it is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from devices.core.catalogue import MAX_PRODUCTS
from ecard.adminkit import MoneyField, chip_column, link, money_column
from ecard.merchants import operations
from ecard.merchants.admin.places import KeptAdmin, address
from ecard.merchants.models import Allergen, Category, Outlet, Placement, Product
from ecard.merchants.values import NewPlacement

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _PlacementFormSet = BaseInlineFormSet[Placement, Product, ModelForm[Placement]]
    _Inline = TabularInline[Placement, Product]
else:
    from unfold.admin import TabularInline as _Inline

    _PlacementFormSet = BaseInlineFormSet


def _require_price(price_minor: int | None) -> None:
    if price_minor is not None and price_minor <= 0:
        raise ValidationError(_("A price is more than 0."))


class NamedAdmin(KeptAdmin):
    """A kind of thing that products have."""

    list_display = ("code", "name", "name_en", "sold")
    search_fields = ("code", "name", "name_en")
    fields = ("code", "name", "name_en")
    filtered_by = ""

    @admin.display(description=_("products"))
    def sold(self, obj: Any) -> SafeString:
        """Leads to them."""
        page = reverse("admin:merchants_product_changelist")
        return address(f"{page}?{urlencode({self.filtered_by: obj.pk})}", gettext("show"))


@admin.register(Category)
class CategoryAdmin(NamedAdmin):
    filtered_by = "category__id__exact"

    def save_model(self, request: HttpRequest, obj: Category, form: Any, change: bool) -> None:
        saved = operations.save_category(code=obj.code, name=obj.name, name_en=obj.name_en, at=timezone.now())
        obj.pk = saved.pk


@admin.register(Allergen)
class AllergenAdmin(NamedAdmin):
    filtered_by = "allergens__id__exact"

    def save_model(self, request: HttpRequest, obj: Allergen, form: Any, change: bool) -> None:
        saved = operations.save_allergen(code=obj.code, name=obj.name, name_en=obj.name_en, at=timezone.now())
        obj.pk = saved.pk


class PlacementForms(_PlacementFormSet):
    """Where a product is sold. An outlet takes no more products than its terminals hold."""

    def clean(self) -> None:
        super().clean()
        if any(self.errors) or not self.instance.active:
            return
        outlets = {each.outlet_id: each for each in self.wanted()}
        others = Placement.objects.filter(outlet_id__in=outlets, product__active=True)
        counted = others.exclude(product_id=self.instance.pk).values("outlet").annotate(sold=Count("pk"))
        full = [each["outlet"] for each in counted if each["sold"] >= MAX_PRODUCTS]
        if full:
            names = ", ".join(str(outlet) for outlet in Outlet.objects.filter(pk__in=full)[:5])
            said = _("%(outlets)s: terminals hold at most %(most)s products of an outlet. Take one away there first.")
            raise ValidationError(said % {"outlets": names, "most": MAX_PRODUCTS})

    def wanted(self) -> list[NewPlacement]:
        """The rows that stay."""
        return [
            NewPlacement(row["outlet"].pk, row["place"] or 0, row["colour"], row["price_minor"])
            for form in self.forms
            if (row := getattr(form, "cleaned_data", None)) and row.get("outlet") and not row.get("DELETE")
        ]


class PlacementForm(ModelForm[Placement]):
    def clean_price_minor(self) -> int | None:
        price_minor: int | None = self.cleaned_data["price_minor"]
        _require_price(price_minor)
        return price_minor


class PlacementInline(_Inline):
    model = Placement
    form = PlacementForm
    formset = PlacementForms
    extra = 1
    hide_title = True
    fields = ("outlet", "place", "colour", "price_minor")
    verbose_name_plural = _("sold at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Placement]:
        return super().get_queryset(request).select_related("outlet", "product")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "price_minor":
            return MoneyField(label=_("Own price"), required=False, help_text=_("Left open: the product's."))
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "outlet" and field is not None:
            # Read once for all rows; a list that stands is copied with the field, a query would be asked again.
            field.choices = list(field.choices)
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        product_id = request.resolver_match.kwargs.get("object_id") if request.resolver_match else None
        offered = Q(closed_at__isnull=True)
        if product_id and str(product_id).isdecimal():
            offered |= Q(pk__in=Placement.objects.filter(product_id=product_id).values("outlet"))
        return super().formfield_for_foreignkey(
            db_field, request, **{**kwargs, "queryset": Outlet.objects.filter(offered)}
        )


class ProductForm(ModelForm[Product]):
    def clean_price_minor(self) -> int:
        price_minor: int = self.cleaned_data["price_minor"]
        _require_price(price_minor)
        return price_minor


@admin.register(Product)
class ProductAdmin(KeptAdmin):
    form = ProductForm
    list_display = ("code", "called", "category", "price", "state", "contains", "sold_at")
    list_select_related = ("category",)
    list_filter = (
        ("category", AutocompleteSelectFilter),
        ("outlets", AutocompleteSelectFilter),
        ("allergens", AutocompleteSelectFilter),
        "active",
    )
    list_filter_submit = True
    search_fields = ("code", "name", "name_en")
    autocomplete_fields = ("category",)
    fields = ("code", ("name", "name_en"), ("category", "price_minor"), "allergens", "active")
    inlines = (PlacementInline,)
    nothing_yet = _("Products are what terminals in products mode show as buttons.")

    price = money_column("price_minor", _("price"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Product]:
        return super().get_queryset(request).prefetch_related("allergens", "outlets")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "allergens":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description=_("name"), ordering="name")
    def called(self, product: Product) -> str:
        """In the reader's language alone, so that all columns fit a screen."""
        return product.shown_name

    @admin.display(description=_("allergens"))
    def contains(self, product: Product) -> str | None:
        return ", ".join(each.shown_name for each in product.allergens.all()) or None

    @admin.display(description=_("sold at"))
    def sold_at(self, product: Product) -> SafeString | str | None:
        outlets = product.outlets.all()
        if len(outlets) == 1:
            return link(Outlet, outlets[0].pk, outlets[0])
        count = len(outlets)
        return ngettext("%(count)s outlet", "%(count)s outlets", count) % {"count": count} if count else None

    @chip_column(description=_("state"), ordering="active", colours={"sold": "success", "retired": "default"})
    def state(self, product: Product) -> tuple[str, str]:
        return ("sold", gettext("sold")) if product.active else ("retired", gettext("no longer sold"))

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        """With its places, in `save_related`: what a product is and where it is sold is one thing."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        placements = [each for forms in formsets for each in forms.wanted()]
        for forms in formsets:
            forms.save(commit=False)  # only so that the history can tell what changed
        product: Product = form.instance
        saved = operations.save_product(
            code=product.code,
            name=product.name,
            name_en=product.name_en,
            category=product.category,
            price_minor=product.price_minor,
            active=product.active,
            allergens=form.cleaned_data["allergens"],
            placements=placements,
            at=timezone.now(),
        )
        product.pk = saved.pk
