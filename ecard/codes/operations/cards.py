"""The key under which card numbers are hashed: made once, when it is first needed."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from devices.core.card import KEY_BYTES
from ecard.codes.models import CardKey
from ecard.codes.vault import open_secret, seal_secret

_ROLE, _KEY_ID, _PART = "card", 1, "key"


@transaction.atomic
def card_key(*, at: datetime) -> bytes:
    """The 32 bytes for `devices.core.card.name_of`; the same for ever. Raises SealBroken.

    The first who asks makes it, whoever asks at the same moment is given the same.
    """
    row = CardKey.objects.filter(pk=1).first()
    if row is None:
        sealed = seal_secret(secrets.token_bytes(KEY_BYTES), role=_ROLE, key_id=_KEY_ID, part=_PART)
        row, _made = CardKey.objects.get_or_create(pk=1, defaults={"sealed_key": sealed, "made_at": at})
    return open_secret(row.sealed_key, role=_ROLE, key_id=_KEY_ID, part=_PART)
