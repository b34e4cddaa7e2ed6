from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CodesConfig(AppConfig):
    name = "ecard.codes"
    label = "codes"
    verbose_name = _("Codes and keys")
    default_auto_field = "django.db.models.BigAutoField"
