from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    name = "ecard.portal"
    label = "portal"
    verbose_name = _("Cardholder pages")
    default_auto_field = "django.db.models.BigAutoField"
