from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChangesConfig(AppConfig):
    name = "ecard.changes"
    label = "changes"
    verbose_name = _("Changes")
    default_auto_field = "django.db.models.BigAutoField"
