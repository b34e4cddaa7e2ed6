from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TerminalsConfig(AppConfig):
    name = "ecard.terminals"
    label = "terminals"
    verbose_name = _("Terminals")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the API's schema know how terminals sign."""
        import_module("ecard.terminals.schema")  # importing registers it
