"""Why a rehearsal does not begin."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class BadStretch(ValueError):
    """The administrator chose dates that cannot be rehearsed; `args[0]` says why in the reader's language."""

    DATES = _("The stretch ends before it begins, or is longer than a year.")
    NOTHING = _("Nothing was sold on these dates.")
    TOO_MANY = _("So many sales cannot be rehearsed at once: choose fewer days.")
    WITHDRAWN = _("This draft was withdrawn.")

    def __init__(self, why: str | Promise) -> None:
        super().__init__(why)
        self.why = why

    @property
    def sentence(self) -> str:
        """For the person at the screen."""
        return str(self.why)
