from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class OfficeConfig(AppConfig):
    name = "ecard.office"
    verbose_name = _("Office")

    def ready(self) -> None:
        """All admins are registered by now: the admin's own app comes before this one."""
        from django.contrib import admin
        from unfold import forms

        from ecard.adminkit import LedReadonlyField
        from ecard.office.roles import make_roles
        from ecard.office.scoping import guard

        guard(admin.site)
        forms.UnfoldAdminReadonlyField = LedReadonlyField
        for label in ("auth", "axes"):
            apps.get_app_config(label).verbose_name = _("Logins")  # a reader's word, and the sidebar's
        post_migrate.connect(make_roles, sender=self)
