from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CardholdersConfig(AppConfig):
    name = "ecard.cardholders"
    label = "cardholders"
    verbose_name = _("Cardholders")
    default_auto_field = "django.db.models.BigAutoField"
