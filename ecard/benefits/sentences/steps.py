"""How much a terminal out of contact may sell, in a sentence."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from devices.core.money import format_minor
from devices.core.policy import AgeStep


def step_sentence(step: AgeStep) -> str:
    """How much a terminal out of contact for so long may sell."""
    return _(
        "Out of contact for up to %(age)s, a terminal sells at most %(sale)s at once and %(person)s to a person."
    ) % {
        "age": age_text(step.up_to_s),
        "sale": format_minor(step.sale_minor),
        "person": format_minor(step.person_minor),
    }


def age_text(seconds: int) -> str:
    """Seconds in the largest unit that has no rest."""
    days, hours, minutes = seconds // 86_400, seconds // 3_600, seconds // 60
    if days and seconds % 86_400 == 0:
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if hours and seconds % 3_600 == 0:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if minutes and seconds % 60 == 0:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
