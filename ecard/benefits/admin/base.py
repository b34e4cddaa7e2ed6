"""What every rule's page has: its sentence on top, whom it is for, where and when; never a way to delete it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import BoundedAdmin, once_a_page
from ecard.benefits.admin.fields import weekdays_field

LATER = _("Terminals follow a change when the next policy is published.")
PLACES = ("sites", "outlets", "periods", "categories")
PEOPLE = ("classes", "groups", "lists")
DATES = ("from_date", "to_date")


class RuleAdmin(BoundedAdmin[Any]):
    """A rule is taken out of use, never deleted: policies and sales name its number."""

    own_fields: tuple[Any, ...] = ()
    list_display: tuple[str, ...] = ("shown_name", "sentence", "active")
    list_display_links = ("shown_name",)
    list_filter: ClassVar[tuple[str, ...]] = ("active",)
    search_fields = ("name", "name_en")
    readonly_fields: ClassVar[tuple[str, ...]] = ("sentence",)
    autocomplete_fields: ClassVar[tuple[str, ...]] = (*PLACES, *PEOPLE)
    related: ClassVar[tuple[str, ...]] = (*PLACES, *PEOPLE)
    """Read with the rule: what its sentence names."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related(*self.related)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return (self.named_fieldset(obj), self.people_fieldset(), self.place_fieldset())

    def named_fieldset(self, obj: Any) -> Any:
        """The sentence, once there is one, the names, and what is this rule's own."""
        said = () if obj is None else ("sentence",)
        return (None, {"fields": (*said, ("name", "name_en"), *self.own_fields, "active"), "description": LATER})

    def people_fieldset(self) -> Any:
        """For whom: several kinds narrow each other."""
        told = _("None chosen: everybody. Of several kinds a person has to be in one of each.")
        return (_("For whom"), {"fields": PEOPLE, "description": told})

    def place_fieldset(self) -> Any:
        """Where, when and for what."""
        told = _("None chosen: everywhere, always, everything.")
        return (_("Where and when"), {"fields": (*PLACES, "weekdays", DATES), "description": told})

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "weekdays":
            return weekdays_field()
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, rule: Any) -> str:
        return str(rule.shown_name)

    @admin.display(description=_("in words"))
    @once_a_page
    def sentence(self, rule: Any) -> str:
        return self.say(rule)

    def say(self, rule: Any) -> str:
        """The rule in one sentence, from its relations as `related` names them."""
        raise TypeError("each page says its own rule")


def ends_after_it_begins(cleaned: dict[str, Any]) -> bool:
    """Whether the dates of a form are in order."""
    first, last = cleaned.get("from_date"), cleaned.get("to_date")
    return first is None or last is None or first <= last
