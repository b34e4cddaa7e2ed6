"""What an audit found, in sentences."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from devices.core.money import format_minor

_SENTENCES = {
    "sum": lambda: _("All balances together come to %(total)s instead of nothing."),
    "balance": lambda: _("Account %(account)s stands at %(balance)s, but its transfers come to %(replayed)s."),
    "transfer": lambda: _("Transfer %(transfer)s names an account or a hold that is not there."),
    "sale": lambda: _("Sale %(sale)s names what is not there: %(missing)s."),
    "stream": lambda: _(
        "Stream %(stream)s: %(lost)s records became nothing, and %(twice)s sales moved another amount than theirs."
    ),
}


def finding_sentence(finding: dict[str, Any]) -> str:
    """One sentence for whoever has to look into it."""
    sentence = _SENTENCES.get(str(finding.get("kind")))
    if sentence is None:
        return str(finding)
    shown = {
        name.removesuffix("_minor"): format_minor(value) if name.endswith("_minor") else value
        for name, value in finding.items()
    }
    return sentence() % shown
