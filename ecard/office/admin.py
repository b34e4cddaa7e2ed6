"""Audits to be read; logins and their rights; who is locked out, and letting them in again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axes.models import AccessAttempt
from axes.utils import reset
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission, User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelect2MultipleWidget

from ecard.adminkit import BoundedAdmin, ReadOnlyAdmin, chip_column, dialog_action
from ecard.cardholders.models import Cardholder
from ecard.merchants.models import Allergen
from ecard.office.audit import begin_audit
from ecard.office.models import AuditRun, Part, SiteRight
from ecard.office.sentences import finding_sentence
from ecard.payments.admin import DeskCardholderAdmin

# Apps whose tables nobody edits by hand.
PLUMBING = ("admin", "contenttypes", "sessions")
_VERBS = {
    "add": _("add %(records)s"),
    "change": _("change %(records)s"),
    "delete": _("delete %(records)s"),
    "view": _("see %(records)s"),
}

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _BaseInline = TabularInline[SiteRight, User]
    _BaseUserAdmin = DjangoUserAdmin[User]
    _BaseChoiceField = forms.ModelMultipleChoiceField[Permission]
    _BaseModelAdmin = admin.ModelAdmin[Any]
else:
    _BaseChoiceField = forms.ModelMultipleChoiceField
    _BaseModelAdmin = admin.ModelAdmin
    _BaseUserAdmin = DjangoUserAdmin
    from unfold.admin import TabularInline as _BaseInline


@admin.register(AuditRun)
class AuditRunAdmin(ReadOnlyAdmin[AuditRun]):
    nothing_yet = _("An audit begins every night, and whenever somebody asks for one.")
    actions_list = ("begin",)
    list_display = ("began_at", "result", "progress", "accounts", "transfers", "sales", "streams", "finished_at")
    ordering = ("-id",)
    fields = (
        "result_text",
        "said",
        ("began_at", "finished_at"),
        ("accounts", "transfers"),
        ("sales", "streams"),
    )
    readonly_fields = ("result_text", "said")

    @chip_column(
        description=_("result"), colours={"sound": "success", "faults": "danger", "working": "info"}, ordering="faults"
    )
    def result(self, run: AuditRun) -> tuple[str, str]:
        if run.faults:
            return "faults", gettext("%(count)s faults") % {"count": run.faults}
        return ("working", gettext("at work")) if run.finished_at is None else ("sound", gettext("sound"))

    @admin.display(description=_("result"))
    def result_text(self, run: AuditRun) -> str:
        return self.result(run)[1]

    @admin.display(description=_("now at"))
    def progress(self, run: AuditRun) -> str:
        return str(Part(run.part).label)

    @admin.display(description=_("findings"))
    def said(self, run: AuditRun) -> SafeString | str:
        if not run.findings:
            return gettext("Everything agrees.") if run.finished_at else gettext("Nothing so far.")
        lines = format_html_join("", "<li>{}</li>", ((finding_sentence(each),) for each in run.findings))
        more = run.faults - len(run.findings)
        rest = format_html("<li>{}</li>", gettext("and %(count)s more") % {"count": more}) if more > 0 else ""
        return format_html('<ul class="office-lines">{}{}</ul>', lines, rest)

    def has_begin_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("office.begin_audit")

    @dialog_action(
        description=_("Begin an audit"),
        explanation=_("Every balance, transfer and sale is checked, beside the usual work. It takes some minutes."),
        submit=_("Begin"),
        icon="fact_check",
        permissions=("begin",),
    )
    def begin(self, request: HttpRequest, form: Any) -> HttpResponse:
        run = begin_audit(at=timezone.now())
        messages.success(request, _("Audit %(number)s is at work.") % {"number": run.pk})
        return HttpResponse(headers={"HX-Redirect": reverse("admin:office_auditrun_changelist")})


class RightsField(_BaseChoiceField):
    """Rights in the reader's language; Django keeps their names in English."""

    def label_from_instance(self, obj: Any) -> str:
        verb, _underscore, model = obj.codename.partition("_")
        kind = obj.content_type.model_class()
        named = str(kind._meta.verbose_name_plural) if kind else obj.content_type.model
        if verb in _VERBS and model == obj.content_type.model:
            said = _VERBS[verb] % {"records": named}
        else:
            said = gettext(obj.name)
        return f"{obj.content_type.app_labeled_name.partition(' | ')[0]} · {said}"


class Rights(_BaseModelAdmin):
    """Chooses among the rights that mean something here."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        searched = ""
        if db_field.name in ("permissions", "user_permissions"):
            given = Permission.objects.exclude(content_type__app_label__in=PLUMBING)
            given = given.exclude(content_type__model="permission")
            kwargs |= {"queryset": given.select_related("content_type"), "form_class": RightsField}
            kwargs["widget"] = UnfoldAdminSelect2MultipleWidget()
            searched = kwargs["widget"].attrs["class"]
        elif db_field.name == "groups":
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget()
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and searched:
            field.widget.attrs["class"] = searched  # by which the theme's script knows it; the theme overwrote it
        if field is not None:
            field.help_text = db_field.help_text  # Django adds how a plain list is chosen from, which this is not
        return field


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.unregister(Cardholder)


@admin.register(Cardholder)
class OfficeCardholderAdmin(DeskCardholderAdmin):
    """The cardholder's page, with the allergens that this person is to be warned of."""

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        names = list(super().get_fields(request, obj))
        names.insert(names.index("attributes") + 1, "avoid_allergens")
        return tuple(names)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name != "avoid_allergens":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return forms.TypedMultipleChoiceField(
            label=_("Allergens to be warned of"),
            choices=[(each.pk, each.shown_name) for each in Allergen.objects.all()],
            coerce=int,
            required=False,
            widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        )


class SiteRightInline(_BaseInline):
    """None: the whole institution. A login that may do everything is never limited."""

    model = SiteRight
    extra = 1
    hide_title = True
    max_num = 50
    verbose_name_plural = _("limited to sites (none: the whole institution)")

    def _may(self, request: HttpRequest) -> bool:
        return request.user.has_perm("auth.change_user")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("auth.view_user") or self._may(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request)


@admin.register(User)
class UserAdmin(Rights, _BaseUserAdmin, BoundedAdmin[User]):
    """Cardholders' logins are here too; only staff come into administration."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "shown_name", "staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("username__startswith", "first_name__startswith", "last_name__startswith")
    search_help_text = _("How a login name, a first or a last name begins")
    inlines = (SiteRightInline,)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may do everything is changed, and given a password, only by such a one."""
        beyond = obj is not None and obj.is_superuser and not getattr(request.user, "is_superuser", False)
        return not beyond and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        own = super().get_readonly_fields(request, obj)
        return own if getattr(request.user, "is_superuser", False) else (*own, "is_superuser")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """A login is made first."""
        return super().get_inlines(request, obj) if obj is not None else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Audit trails name logins: one that is over is made inactive."""
        return False

    @admin.display(description=_("name"), empty_value="–")
    def shown_name(self, user: User) -> str | None:
        return user.get_full_name() or None

    @chip_column(
        description=_("may enter administration"),
        ordering="is_staff",
        colours={"all": "warning", "staff": "info", "no": "default"},
    )
    def staff(self, user: User) -> tuple[str, str]:
        if user.is_superuser and user.is_staff:
            return "all", gettext("everything")
        return ("staff", gettext("by their rights")) if user.is_staff else ("no", gettext("no"))


@admin.register(Group)
class GroupAdmin(Rights, DjangoGroupAdmin, BoundedAdmin[Group]):
    """Rights given together, such as a cashier's or a finance clerk's."""

    search_fields = ("name__startswith",)
    nothing_yet = _("Give a cashier or a finance clerk their rights through a group.")


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin[AccessAttempt]):
    nothing_yet = _("Nobody has failed to sign in.")
    list_display = ("username", "ip_address", "failures", "attempt_time", "where")
    search_fields = ("username__startswith", "ip_address__startswith")
    search_help_text = _("How a login name or an address begins")
    ordering = ("-attempt_time",)
    fields = ("username", "ip_address", "failures_since_start", "attempt_time", "where", "user_agent")
    readonly_fields = ("where",)
    actions_detail = ("let_in",)

    def has_unlock_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("axes.delete_accessattempt")

    @chip_column(
        description=_("failures"),
        ordering="failures_since_start",
        colours={"locked": "danger", "counting": "default"},
    )
    def failures(self, attempt: AccessAttempt) -> tuple[str, str]:
        count = attempt.failures_since_start
        if count >= settings.AXES_FAILURE_LIMIT:
            return "locked", gettext("%(count)s, locked out") % {"count": count}
        return "counting", str(count)

    @admin.display(description=_("where"), ordering="path_info")
    def where(self, attempt: AccessAttempt) -> str:
        is_admin = str(attempt.path_info).startswith("/admin/")
        return gettext("administration") if is_admin else gettext("cardholder's page")

    @dialog_action(
        description=_("Let in again"),
        explanation=_("The failures are forgotten, and this login may try again from this address at once."),
        submit=_("Let in"),
        icon="lock_open",
        permissions=("unlock",),
    )
    def let_in(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        attempt = get_object_or_404(AccessAttempt, pk=object_id)
        reset(username=attempt.username, ip=attempt.ip_address)
        messages.success(request, _("The failures are forgotten."))
        return HttpResponse(headers={"HX-Redirect": reverse("admin:axes_accessattempt_changelist")})
