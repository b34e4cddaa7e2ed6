"""The app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MediaConfig(AppConfig):
    name = "ecard.media"
    verbose_name = _("Cards")
    default_auto_field = "django.db.models.BigAutoField"
