"""What is sold: products in categories, with allergens, as buttons at outlets."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from devices.core.money import MAX_AMOUNT_MINOR
from ecard.merchants.models.places import Outlet
from ecard.merchants.naming import Named


class Category(Named):
    """A kind of product. Its id is small and never used again: rules, terminals and sales name it."""

    id = models.SmallAutoField(primary_key=True)
    code = models.SlugField(_("code"), max_length=32, unique=True)

    class Meta:
        verbose_name = _("product category")
        verbose_name_plural = _("product categories")
        ordering = ("code",)


class Allergen(Named):
    """What some people must not eat. Its id is small and never used again."""

    id = models.SmallAutoField(primary_key=True)
    code = models.SlugField(_("code"), max_length=32, unique=True)

    class Meta:
        verbose_name = _("allergen")
        verbose_name_plural = _("allergens")
        ordering = ("id",)


class Product(Named):
    """What is sold, at one price unless an outlet has its own. Sales name it: it is retired, never deleted."""

    id = models.AutoField(primary_key=True)
    code = models.SlugField(_("code"), max_length=32, unique=True)
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, related_name="products", verbose_name=_("category")
    )
    allergens = models.ManyToManyField(Allergen, blank=True, related_name="products", verbose_name=_("allergens"))
    price_minor = models.PositiveIntegerField(_("price"))
    active = models.BooleanField(_("sold"), default=True, help_text=_("Otherwise no terminal offers it."))
    outlets = models.ManyToManyField(Outlet, through="Placement", related_name="products", verbose_name=_("outlets"))

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                name="merchants_product_price_within_limits", condition=Q(price_minor__range=(1, MAX_AMOUNT_MINOR))
            ),
        )


class ButtonColour(models.TextChoices):
    """Names of the design tokens."""

    PLAIN = "", _("plain")
    BRAND = "brand", _("dark green")
    YES = "yes", _("green")
    INFO = "info", _("blue")
    WARN = "warn", _("amber")
    NO = "no", _("red")


class Placement(models.Model):
    """A product's button at an outlet. Buttons stand in `place` order; without a price of its own the product's."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="placements", verbose_name=_("product"))
    outlet = models.ForeignKey(Outlet, on_delete=models.PROTECT, related_name="placements", verbose_name=_("outlet"))
    place = models.PositiveSmallIntegerField(_("place"), default=0)
    colour = models.CharField(
        _("colour"), max_length=8, choices=ButtonColour.choices, default=ButtonColour.PLAIN, blank=True
    )
    price_minor = models.PositiveIntegerField(_("own price"), null=True, blank=True)

    class Meta:
        verbose_name = _("place of sale")
        verbose_name_plural = _("places of sale")
        ordering = ("outlet", "place", "id")
        constraints = (
            models.UniqueConstraint(name="merchants_placement_product_once_per_outlet", fields=["outlet", "product"]),
            models.CheckConstraint(
                name="merchants_placement_price_within_limits",
                condition=Q(price_minor__isnull=True) | Q(price_minor__range=(1, MAX_AMOUNT_MINOR)),
            ),
            models.CheckConstraint(
                name="merchants_placement_colour_known", condition=Q(colour__in=ButtonColour.values)
            ),
        )

    def __str__(self) -> str:
        return f"{self.product} · {self.outlet}"
