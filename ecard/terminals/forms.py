"""What an administrator sets a terminal to, by its kind; and a supervisor's PIN, typed twice and kept as a hash."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from devices.core.pin import MAX_DIGITS, MIN_DIGITS
from ecard.terminals.models import DeviceKind, Direction, Supervisor, Terminal, TerminalMode
from ecard.terminals.rules import MODES, is_pin, misfits
from ecard.terminals.values import DeviceSettings

STOP_LENGTH_MAX = 32

_OF_ONE_KIND = ("per_kg_minor", "line", "stops", "direction", "anti_passback", "groups")
_WRONG: dict[str, str | Promise] = {
    "mode": _("This kind of device does not ask for that."),
    "per_kg_minor": _("A scale needs its price per kilogram."),
    "line": _("A bus needs its line."),
    "stops": _("At most a hundred stops, one a line."),
    "anti_passback": _("Only a gate that sees people leave can tell who is inside: set it to in and out."),
    "floor_minor": _("An amount up to 100,000."),
}


class LinesField(forms.CharField):
    """A list of short texts, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextareaWidget(attrs={"rows": 6}), "required": False, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in str(value or "").splitlines()]
        found = [line for line in lines if line]
        if any(len(line) > STOP_LENGTH_MAX for line in found):
            raise ValidationError(_("A stop's name has at most 32 characters."))
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or ()) != self.to_python(data))


class TerminalForm(ModelForm[Terminal]):
    """Only the fields of the chosen kind count; where a kind asks for one thing only, it is set by itself."""

    stops = LinesField(label=_("Stops"), help_text=_("One a line, in the order of travel."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("mode", "device", "direction", "per_kg_minor", "claim_wait_ms"):
            if name in self.fields:
                self.fields[name].required = False
        for name, told in _HELP.items():
            if name in self.fields:
                self.fields[name].help_text = told

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        kind = DeviceKind(cleaned.get("device") or DeviceKind.CANTEEN)
        mode = TerminalMode(cleaned.get("mode") or MODES[kind][0])
        cleaned |= {"device": kind, "mode": MODES[kind][0] if len(MODES[kind]) == 1 else mode}
        cleaned |= {name: _NOTHING[name] for name in _OF_ONE_KIND if name not in _FIELDS_OF.get(kind, ())}
        cleaned["fixed_minor"] = cleaned.get("fixed_minor") or 0
        cleaned["direction"] = cleaned.get("direction") or Direction.BOTH
        cleaned["claim_wait_ms"] = cleaned.get("claim_wait_ms") or 0
        device = device_settings(cleaned)
        for name in misfits(mode=cleaned["mode"], fixed_minor=cleaned["fixed_minor"], device=device):
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, self._told(name, cleaned["mode"]))
        return cleaned

    def _told(self, name: str, mode: TerminalMode) -> Any:
        if name == "fixed_minor":
            if mode == TerminalMode.FIXED:
                return _("A terminal with a fixed price needs one.")
            return _("Only a terminal in fixed-price mode has a fixed price.")
        return _WRONG.get(name, _("This kind of device does not have that."))


def device_settings(cleaned: dict[str, Any]) -> DeviceSettings:
    """From what was typed; whether it fits is for `rules.misfits`."""
    return DeviceSettings(
        kind=DeviceKind(cleaned["device"]),
        line=cleaned.get("line") or "",
        stops=tuple(cleaned.get("stops") or ()),
        direction=Direction(cleaned["direction"]),
        anti_passback=bool(cleaned.get("anti_passback")),
        group_ids=tuple(sorted(group.pk for group in cleaned.get("groups") or ())),
        per_kg_minor=cleaned.get("per_kg_minor") or 0,
        floor_minor=cleaned.get("floor_minor"),
        claim_wait_ms=cleaned["claim_wait_ms"],
    )


class SupervisorForm(ModelForm[Supervisor]):
    """The PIN is asked for when somebody is made a supervisor, and afterwards only to give another."""

    pin = forms.CharField(
        label=_("PIN"),
        required=False,
        max_length=MAX_DIGITS,
        widget=UnfoldAdminPasswordWidget(attrs={"inputmode": "numeric", "autocomplete": "new-password"}),
        help_text=_("Six to ten digits, not all alike and not in a row. It is kept as a hash and shown to nobody."),
    )
    pin_again = forms.CharField(
        label=_("PIN again"),
        required=False,
        max_length=MAX_DIGITS,
        widget=UnfoldAdminPasswordWidget(attrs={"inputmode": "numeric", "autocomplete": "new-password"}),
    )

    class Meta:
        model = Supervisor
        fields = ("name", "site", "terminals", "active")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        pin = cleaned.get("pin") or ""
        if not pin and self.instance.pk is None:
            self.add_error("pin", _("A supervisor needs a PIN."))
        elif pin and not is_pin(pin, least=MIN_DIGITS, most=MAX_DIGITS):
            self.add_error("pin", _("Six to ten digits, not all alike and not in a row."))
        elif pin != (cleaned.get("pin_again") or ""):
            self.add_error("pin_again", _("The two are not the same."))
        site, terminals = cleaned.get("site"), cleaned.get("terminals")
        if site and terminals and any(each.outlet.site_id != site.pk for each in terminals.select_related("outlet")):
            self.add_error("terminals", _("All of them stand at this site."))
        return cleaned


_HELP = {
    "groups": _("Where none is chosen, everybody may pass."),
    "anti_passback": _("By person, over phone and card, until the business day ends."),
    "floor_minor": _(
        "Above this amount a terminal with a line asks the server first; 0 for every sale, empty for none."
    ),
    "claim_wait_ms": _("How long a sale waits for a neighbour's objection; 0 for not at all."),
}
_FIELDS_OF = {
    DeviceKind.WEIGHING: ("per_kg_minor",),
    DeviceKind.GATE: ("direction", "anti_passback", "groups"),
    DeviceKind.BUS: ("line", "stops"),
}
_NOTHING: dict[str, Any] = {
    "per_kg_minor": 0,
    "line": "",
    "stops": [],
    "direction": Direction.BOTH,
    "anti_passback": False,
    "groups": (),
}
