"""Keys and codes for the pure tests: one institution, one issuer, one phone."""

from __future__ import annotations

from typing import Any

import msgspec

from devices.core import code
from devices.core.accept import Trust
from devices.core.code import Grant
from devices.core.keys import KeyList, PublicKey, Role
from devices.core.signing import SigningKey

NOW_S = 1_795_147_200
"""2026-11-20 04:00 UTC, noon in Shanghai."""
DAY_S = NOW_S - 12 * 3600

ISSUER, PHONE, SNAPSHOT, RELEASE, ROOT = (SigningKey(bytes([number]) * 32) for number in range(1, 6))
SEALING_KEY = bytes(range(32))
ID_KEY = bytes(range(32, 64))
GRANT = Grant(
    account_ref=42, issued_at_s=NOW_S - 600, per_sale_minor=60_00, offline_minor=200_00, max_sales=9, price_class=1
)


def listed(role: Role, key_id: int, key: SigningKey, **changes: Any) -> PublicKey:
    plain = PublicKey(key_id, role, key.public.hex(), NOW_S - 86_400, NOW_S + 86_400)
    return msgspec.structs.replace(plain, **changes)


def key_list(*keys: PublicKey, number: int = 1, institution: str = "EC") -> KeyList:
    return KeyList(number, institution, NOW_S, keys)


TRUST = Trust(
    "EC",
    key_list(listed(Role.CODE, 1, ISSUER), listed(Role.SNAPSHOT, 1, SNAPSHOT), listed(Role.RELEASE, 1, RELEASE)),
    {1: SEALING_KEY},
)


def bound(
    *, shown_at_s: int = NOW_S, challenge: int = 0, phone: SigningKey = PHONE, shows: SigningKey = PHONE, **changes: Any
) -> str:
    """A device-bound code of today for `phone`, its moment signed by `shows`."""
    fields: dict[str, Any] = {
        "institution": "EC",
        "key_id": 1,
        "not_before_s": DAY_S,
        "valid_min": 1450,
        "code_id": b"8 bytes.",
        "grant": GRANT,
        "phone_public": phone.public,
        "issuer": ISSUER,
        "sealing_key": SEALING_KEY,
        **changes,
    }
    credential = code.sign_credential(**fields)
    return code.show(
        credential, institution=fields["institution"], shown_at_s=shown_at_s, challenge=challenge, phone=shows
    )


def pre_signed(**changes: Any) -> str:
    """A pre-signed code for the minute that begins now."""
    fields: dict[str, Any] = {
        "institution": "EC",
        "key_id": 1,
        "not_before_s": NOW_S,
        "valid_s": 60,
        "grant": GRANT,
        "issuer": ISSUER,
        "sealing_key": SEALING_KEY,
        "id_key": ID_KEY,
        **changes,
    }
    return code.sign_pre_signed(**fields)
