"""What a cardholder's page changes."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import stop_codes


@transaction.atomic
def report_phone_lost(*, cardholder: Cardholder, user: AbstractBaseUser, password: str, at: datetime) -> None:
    """Refuse every code issued before now, and end every session of this login.

    `password` was just checked and stays the same: hashing it anew gives it another salt, and sessions hang on the
    hash. Without that the lost phone would fetch itself new codes.
    """
    reason = _("The cardholder reported the phone lost.")
    stop_codes(cardholder=cardholder, before=at, by=user, reason=reason, at=at)
    user.set_password(password)
    user.save(update_fields=["password"])
