"""What a desk types, or a reader types for it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ecard.media.errors import ChangingNumber, NotACardNumber
from ecard.media.models import REASON_LENGTH_MAX
from ecard.media.rules import TYPED_LENGTH_MAX, Order, uid_of

ORDERS = (
    (Order.AS_READ.value, _("as the card gives them (most readers)")),
    (Order.REVERSED.value, _("the other way round")),
)


class CardForm(forms.Form):
    """A card's number from a reader that types; `cleaned_data["uid"]` has the bytes. The text is never shown again."""

    uid = forms.CharField(label=_("Lay the card on the reader"), max_length=TYPED_LENGTH_MAX)
    order = forms.ChoiceField(label=_("This reader types the bytes"), choices=ORDERS, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        typed = cleaned.get("uid")
        if typed is None:
            return cleaned
        try:
            cleaned["uid"] = uid_of(typed, order=Order(cleaned.get("order") or Order.AS_READ))
        except ChangingNumber:
            self.add_error(
                "uid",
                _("This is a phone, or a card that shows another number each time: it cannot be recognised again."),
            )
        except NotACardNumber:
            self.add_error("uid", _("This is no card number: 8, 14, 16 or 20 hexadecimal digits, or 10 decimal ones."))
        return cleaned


class ReplacementForm(CardForm):
    """The new card, and why the old one is taken out of use."""

    reason = forms.CharField(label=_("Reason"), max_length=REASON_LENGTH_MAX, required=False)
