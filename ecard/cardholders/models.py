"""People, the groups that set their limits, and the stops on what they carry."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from devices.core.code import MAX_LIMIT_MINOR
from devices.core.policy import Text
from ecard.ledger.models import Account

AVOIDED_MAX = 32


class NamedInTwoLanguages(models.Model):
    """A name, and its English form where there is one."""

    name = models.CharField(_("name"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return Text(self.name, self.name_en).in_language(get_language() or "en")


class PriceClass(NamedInTwoLanguages):
    """Who pays which price; a payment code carries its number in one byte."""

    code = models.PositiveSmallIntegerField(_("code"), unique=True)

    class Meta:
        verbose_name = _("price class")
        verbose_name_plural = _("price classes")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(name="cardholders_priceclass_one_byte", condition=Q(code__range=(0, 255))),
        )


class Group(NamedInTwoLanguages):
    """Cardholders under the same limits. Amounts in minor units; `debt_floor_minor` is at most 0."""

    code = models.SlugField(_("code"), max_length=32, unique=True)
    price_class = models.ForeignKey(
        PriceClass, on_delete=models.PROTECT, related_name="groups", verbose_name=_("price class")
    )
    offline_limit_minor = models.PositiveIntegerField(_("offline limit"))
    per_sale_limit_minor = models.PositiveIntegerField(_("limit per sale"))
    max_offline_sales = models.PositiveSmallIntegerField(_("most sales without contact"))
    debt_floor_minor = models.IntegerField(_("debt floor"), default=0)

    class Meta:
        verbose_name = pgettext_lazy("of people", "group")
        verbose_name_plural = pgettext_lazy("of people", "groups")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(
                name="cardholders_group_limits_fit_a_code",
                condition=Q(offline_limit_minor__range=(0, MAX_LIMIT_MINOR))
                & Q(per_sale_limit_minor__range=(0, MAX_LIMIT_MINOR))
                & Q(max_offline_sales__range=(0, 255)),
            ),
            models.CheckConstraint(
                name="cardholders_group_debt_floor_not_above_zero", condition=Q(debt_floor_minor__lte=0)
            ),
        )


class CardholderState(models.IntegerChoices):
    ACTIVE = 1, _("active")
    CLOSED = 2, _("closed")


class Cardholder(models.Model):
    """A person with an account. `account_ref` is random: it is what codes and terminals know.

    The name columns beside `name` are made by `rules.name_keys` and serve order and search. `attributes` is flat, text
    to text, within the bounds of `rules.attributes_of`; the database holds to them too (migration 0003).
    """

    account_ref = models.BigIntegerField(_("account ref"), unique=True, editable=False)
    number = models.CharField(_("number"), max_length=32, unique=True)
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=60, db_index=True)
    name_sort = models.CharField(_("name in order"), max_length=240, db_index=True, editable=False)
    name_joined = models.CharField(max_length=240, db_index=True, editable=False)
    name_initials = models.CharField(max_length=60, db_index=True, editable=False)
    group = models.ForeignKey(
        Group, on_delete=models.PROTECT, related_name="cardholders", verbose_name=pgettext_lazy("of people", "group")
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="cardholder",
        verbose_name=_("login"),
    )
    purse = models.OneToOneField(
        Account, on_delete=models.PROTECT, related_name="cardholder", verbose_name=_("purse"), editable=False
    )
    state = models.PositiveSmallIntegerField(
        _("state"), choices=CardholderState.choices, default=CardholderState.ACTIVE
    )
    attributes = models.JSONField(
        _("attributes"), default=dict, blank=True, help_text=_("One a line, such as grade=3 or department=physics.")
    )
    avoid_allergens = ArrayField(
        models.PositiveSmallIntegerField(),
        verbose_name=_("allergens to be warned of"),
        size=AVOIDED_MAX,
        default=list,
        blank=True,
    )
    created_at = models.DateTimeField(_("created at"), editable=False)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("cardholder")
        verbose_name_plural = _("cardholders")
        constraints = (
            models.CheckConstraint(name="cardholders_cardholder_ref_positive", condition=Q(account_ref__gt=0)),
            models.CheckConstraint(
                name="cardholders_cardholder_closed_with_its_time",
                condition=Q(state=CardholderState.ACTIVE, closed_at__isnull=True)
                | Q(state=CardholderState.CLOSED, closed_at__isnull=False),
            ),
        )
        indexes = (
            GinIndex(name="cardholders_attributes", fields=["attributes"], opclasses=["jsonb_path_ops"]),
            models.Index(name="cardholders_of_a_group", fields=["group", "id"]),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class ListKind(models.IntegerChoices):
    UPLOADED = 1, _("uploaded")
    BY_ATTRIBUTES = 2, _("by attributes")


class PersonList(NamedInTwoLanguages):
    """People named together for a rule. Its id is small and never used again: policies and snapshots name it.

    By attributes: whoever meets every condition (`[{"attribute": "grade", "values": ["3", "4"]}, …]`) and is in one of
    the groups, where groups are given; with neither, nobody. Uploaded: whoever is a member.
    """

    id = models.SmallAutoField(primary_key=True)
    code = models.SlugField(_("code"), max_length=32, unique=True)
    kind = models.PositiveSmallIntegerField(_("kind"), choices=ListKind.choices, default=ListKind.UPLOADED)
    conditions = models.JSONField(_("conditions"), default=list, blank=True)
    groups = models.ManyToManyField(
        Group, related_name="+", blank=True, verbose_name=pgettext_lazy("of people", "groups")
    )

    class Meta:
        verbose_name = _("list of people")
        verbose_name_plural = _("lists of people")
        ordering = ("code",)
        constraints = (
            models.CheckConstraint(name="cardholders_personlist_kind_known", condition=Q(kind__in=ListKind.values)),
            models.CheckConstraint(
                name="cardholders_personlist_uploaded_has_no_conditions",
                condition=Q(kind=ListKind.BY_ATTRIBUTES) | Q(conditions=[]),
            ),
        )


class ListMember(models.Model):
    """A person of an uploaded list."""

    person_list = models.ForeignKey(
        PersonList, on_delete=models.PROTECT, related_name="members", verbose_name=_("list of people")
    )
    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="listed", verbose_name=_("cardholder")
    )

    class Meta:
        verbose_name = _("member of a list")
        verbose_name_plural = _("members of a list")
        constraints = (models.UniqueConstraint(name="cardholders_listed_once", fields=["person_list", "cardholder"]),)

    def __str__(self) -> str:
        return f"{self.person_list_id} {self.cardholder_id}"


class StopKind(models.IntegerChoices):
    WHOLE = 1, _("whole account")
    CODES_BEFORE = 2, _("codes issued before")


class Stop(models.Model):
    """Refuses a cardholder's codes, or everything of theirs. Lifted by a mark, never removed."""

    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="stops", verbose_name=_("cardholder")
    )
    kind = models.PositiveSmallIntegerField(_("kind"), choices=StopKind.choices)
    before = models.DateTimeField(_("issued before"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
    )
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("lifted by"),
    )

    class Meta:
        verbose_name = _("stop")
        verbose_name_plural = _("stops")
        constraints = (
            models.CheckConstraint(
                name="cardholders_stop_before_goes_with_codes",
                condition=Q(kind=StopKind.WHOLE, before__isnull=True)
                | Q(kind=StopKind.CODES_BEFORE, before__isnull=False),
            ),
        )
        indexes = (
            models.Index(
                name="cardholders_stop_in_force",
                fields=["cardholder", "kind"],
                condition=Q(lifted_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"
