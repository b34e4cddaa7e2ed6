"""Lists of people: what one asks for, or who is on it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import BoundedAdmin, ReadOnlyAdmin, back_to, chip_column, dialog_action, may_follow
from ecard.cardholders import operations, queries
from ecard.cardholders.forms import ConditionsField, NumbersForm
from ecard.cardholders.models import Cardholder, CardholderState, ListKind, ListMember, PersonList
from ecard.cardholders.rules import conditions_of

UNKNOWN_SHOWN_MAX = 20


class PersonListForm(ModelForm[PersonList]):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind = self.instance.kind if self.instance.pk else cleaned.get("kind")
        asks = cleaned.get("conditions") or cleaned.get("groups")
        if kind == ListKind.UPLOADED and asks:
            self.add_error("kind", _("An uploaded list has members and asks for nothing."))
        if kind == ListKind.BY_ATTRIBUTES and not asks and not (cleaned.keys() & self.errors.keys()):
            self.add_error("conditions", _("A list by attributes asks for an attribute or a group, or both."))
        return cleaned


@admin.register(PersonList)
class PersonListAdmin(BoundedAdmin[PersonList]):
    """A list is never deleted: policies name its number."""

    form = PersonListForm
    list_display = ("code", "name", "name_en", "kind_chip", "asks")
    search_fields = ("code", "name", "name_en")
    list_filter = ("kind",)
    autocomplete_fields = ("groups",)
    actions_detail = ("add_people", "remove_people")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        named = ("code", ("name", "name_en"), "kind")
        if obj is None:
            return (*named, "conditions", "groups")
        return (*named, "people") if obj.kind == ListKind.UPLOADED else (*named, "conditions", "groups", "people")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if obj is None else ("code", "kind", "people")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "conditions":
            return ConditionsField(
                label=_("Conditions"), help_text=_("One a line, such as grade=3,4. Every line has to hold.")
            )
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @chip_column(description=_("kind"), ordering="kind", colours={"UPLOADED": "default", "BY_ATTRIBUTES": "info"})
    def kind_chip(self, person_list: PersonList) -> tuple[str, str]:
        kind = ListKind(person_list.kind)
        return kind.name, str(kind.label)

    @admin.display(description=pgettext_lazy("a list of people", "asks for"))
    def asks(self, person_list: PersonList) -> str | None:
        asked = [f"{each.attribute} = {' / '.join(each.values)}" for each in conditions_of(person_list.conditions)]
        groups = [group.shown_name for group in person_list.groups.all()]
        return " · ".join([*asked, " / ".join(groups)] if groups else asked) or None

    @admin.display(description=_("people"))
    def people(self, person_list: PersonList) -> SafeString | str:
        """How many there are; an uploaded list leads to who they are."""
        active = Q(state=CardholderState.ACTIVE)
        chosen = queries.selected(groups=(), attributes={}, list_id=person_list.pk)
        count = chosen.aggregate(n=Count("pk", filter=active))["n"]
        said = ngettext("%(count)s person", "%(count)s people", count) % {"count": count}
        if person_list.kind != ListKind.UPLOADED or not may_follow(ListMember):
            return said
        page = reverse("admin:cardholders_listmember_changelist")
        query = urlencode({"person_list__id__exact": person_list.pk})
        return format_html('<a class="text-primary-600 dark:text-primary-500" href="{}?{}">{}</a>', page, query, said)

    def save_model(self, request: HttpRequest, obj: PersonList, form: Any, change: bool) -> None:
        cleaned = form.cleaned_data
        saved = operations.save_list(
            code=obj.code,
            name=obj.name,
            name_en=obj.name_en,
            kind=ListKind(obj.kind),
            conditions=conditions_of(cleaned.get("conditions") or ()),
            groups=list(cleaned.get("groups") or ()),
            at=timezone.now(),
        )
        obj.pk = saved.pk

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing more: the operation has set the groups."""

    def has_members_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Only an uploaded list has members to add and take off."""
        uploaded = PersonList.objects.filter(pk=object_id, kind=ListKind.UPLOADED)
        return self.has_change_permission(request, object_id) and uploaded.exists()

    @dialog_action(
        description=_("Add people"),
        explanation=_("Longer lists come from a file: see imports."),
        submit=_("Add"),
        form=NumbersForm,
        icon="group_add",
        permissions=("members",),
    )
    def add_people(self, request: HttpRequest, form: NumbersForm, object_id: str) -> HttpResponse:
        return self._change_members(request, form, object_id, add=True)

    @dialog_action(
        description=_("Take people off"),
        explanation=_("They stay cardholders."),
        submit=_("Take off"),
        form=NumbersForm,
        icon="group_remove",
        permissions=("members",),
    )
    def remove_people(self, request: HttpRequest, form: NumbersForm, object_id: str) -> HttpResponse:
        return self._change_members(request, form, object_id, add=False)

    def _change_members(self, request: HttpRequest, form: NumbersForm, object_id: str, *, add: bool) -> HttpResponse:
        person_list = PersonList.objects.get(pk=object_id)
        numbers = form.cleaned_data["numbers"]
        known = dict(Cardholder.objects.filter(number__in=numbers).values_list("number", "pk"))
        change = operations.add_members if add else operations.remove_members
        count = change(person_list=person_list, cardholder_ids=known.values(), at=timezone.now())
        if add:
            said = ngettext("%(count)s person was added.", "%(count)s people were added.", count)
        else:
            said = ngettext("%(count)s person was taken off.", "%(count)s people were taken off.", count)
        messages.success(request, said % {"count": count})
        unknown = [number for number in numbers if number not in known]
        if unknown:
            shown = ", ".join(unknown[:UNKNOWN_SHOWN_MAX]) + (" …" if len(unknown) > UNKNOWN_SHOWN_MAX else "")
            messages.warning(request, gettext("Nobody has these numbers: %(numbers)s") % {"numbers": shown})
        self.log_change(request, person_list, [{"changed": {"fields": ["people"]}}])
        return back_to(person_list)


@admin.register(ListMember)
class ListMemberAdmin(ReadOnlyAdmin[ListMember]):
    nothing_yet = _("People are put on a list on its page, or from a file.")
    list_display = ("cardholder", "person_list")
    list_select_related = ("cardholder", "person_list")
    list_filter = ("person_list",)
    search_fields = ("cardholder__number__startswith", "cardholder__name__startswith")
    search_help_text = _("How a number or a name begins")
    ordering = ("-id",)
    fields = ("person_list", "cardholder")
