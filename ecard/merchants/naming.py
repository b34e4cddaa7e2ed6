"""Names in Chinese, with an English form where there is one."""

from __future__ import annotations

from django.db import models
from django.utils.dates import WEEKDAYS
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from devices.core.policy import Text

DAY_NAMES = (*WEEKDAYS.values(), _("Holidays"))
"""By kind of day: 0 = Monday to 6, 7 = holidays."""


def in_readers_language(name: str, name_en: str) -> str:
    """The one of both names that the reader of this page understands."""
    return Text(name, name_en).in_language(get_language() or "en")


class Named(models.Model):
    """A name, and its English form where there is one."""

    name = models.CharField(_("name"), max_length=80)
    name_en = models.CharField(_("name in English"), max_length=80, blank=True, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """The name in the reader's language."""
        return in_readers_language(self.name, self.name_en)
