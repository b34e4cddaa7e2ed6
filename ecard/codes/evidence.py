"""Is an uploaded code what it claims to be? Pure: runs in any process, with no database at hand.

A pre-signed code is ours when its id is our MAC over its content: one hash. A device-bound code needs both
Ed25519 checks. Whether it was in time is judged by the sale's own time; whether its key is revoked by then is told
apart, since a key revoked later is no fault of the sale.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from devices.core import code as codes
from devices.core.accept import Trust, in_time, presented_at
from devices.core.code import Code, Grant
from devices.core.declines import Why
from devices.core.keys import Role


class EvidenceTrust(msgspec.Struct, frozen=True):
    """`trust` and, by code key id, the keys that name pre-signed codes and the seconds of revocations."""

    trust: Trust
    id_keys: dict[int, bytes]
    revoked_s: dict[int, int]

    def __repr__(self) -> str:
        return f"EvidenceTrust({self.trust.institution}, {len(self.id_keys)} keys)"


class Claim(NamedTuple):
    """A scanned text and the unix milliseconds at which the terminal says it took it."""

    text: str
    at_ms: int


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """`why` None: the code is genuine, and the fields below are its own; else they are empty.

    `timing` is why the terminal should have declined it at that moment, or None. `key_revoked`: the key had been
    revoked by then. `moment_s` names the presentation together with `code_id`.
    """

    why: Why | None = None
    timing: Why | None = None
    key_revoked: bool = False
    kind: int = 0
    key_id: int = 0
    code_id: bytes = b""
    moment_s: int = 0
    challenge: int = 0
    account_ref: int = 0
    issued_at_s: int = 0
    per_sale_minor: int = 0
    offline_minor: int = 0
    max_sales: int = 0

    @property
    def ok(self) -> bool:
        """Whether the code is genuine; its timing and its key's revocation are separate questions."""
        return self.why is None


def check_evidence(*, claims: Iterable[Claim], trust: EvidenceTrust) -> list[Evidence]:
    """One result a claim, in their order. Never raises for what a text may hold."""
    return [_check(claim, trust) for claim in claims]


def _check(claim: Claim, evidence: EvidenceTrust) -> Evidence:
    trust = evidence.trust
    try:
        code = codes.parse(claim.text, institution=trust.institution)
    except codes.NotACode:
        return Evidence(Why.NOT_A_CODE)
    except codes.OtherInstitution:
        return Evidence(Why.OTHER_INSTITUTION)
    except codes.DamagedCode:
        return Evidence(Why.DAMAGED)
    key = trust.keys.find(Role.CODE, code.key_id)
    sealing_key = trust.sealing_keys.get(code.key_id)
    id_key = evidence.id_keys.get(code.key_id)
    if key is None or sealing_key is None or id_key is None:
        return Evidence(Why.UNKNOWN_KEY)
    grant = codes.unseal(code.sealed, sealing_key=sealing_key, code_id=code.code_id)
    if not _is_genuine(code, grant, public=key.public, id_key=id_key):
        return Evidence(Why.ALTERED)
    if not key.not_before_s <= grant.issued_at_s < key.not_after_s:
        return Evidence(Why.UNKNOWN_KEY)
    at_s = claim.at_ms // 1000
    late = in_time(code, now_s=at_s)
    revoked_s = evidence.revoked_s.get(code.key_id)
    return Evidence(
        timing=None if late is None else late.why,
        key_revoked=revoked_s is not None and at_s >= revoked_s,
        kind=code.kind,
        key_id=code.key_id,
        code_id=code.code_id,
        moment_s=presented_at(code),
        challenge=code.challenge,
        account_ref=grant.account_ref,
        issued_at_s=grant.issued_at_s,
        per_sale_minor=grant.per_sale_minor,
        offline_minor=grant.offline_minor,
        max_sales=grant.max_sales,
    )


def _is_genuine(code: Code, grant: Grant, *, public: str, id_key: bytes) -> bool:
    if code.kind == codes.PRE_SIGNED:
        return codes.is_own_pre_signed(code, grant=grant, id_key=id_key)
    return codes.issuer_signed(code, issuer_public=bytes.fromhex(public)) and codes.moment_signed(code)
