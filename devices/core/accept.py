"""Is this scanned text a code that may be taken here and now? Pure: keys, clock and memory are handed in."""

import msgspec

from devices.core import code as codes
from devices.core.code import Code, Grant
from devices.core.declines import Decline, Why
from devices.core.keys import KeyList, Role

SHOWN_BEFORE_S = 25
"""A device-bound moment may lie this far behind the terminal's clock: a slow phone, a slow hand."""
SHOWN_AHEAD_S = 10
SLOT_SKEW_S = 25
"""A pre-signed slot is honoured this long before and after its window."""
FOREVER_S = 0xFFFFFFFF


class Denial(msgspec.Struct, frozen=True, array_like=True):
    """Refuse `account_ref`'s codes issued before `before_s`; FOREVER_S stops the whole account."""

    account_ref: int
    before_s: int


class Trust(msgspec.Struct, frozen=True):
    """What a verifier believes: the root-signed key list and, by code key id, the sealing keys."""

    institution: str
    keys: KeyList
    sealing_keys: dict[int, bytes]


class Genuine(msgspec.Struct, frozen=True):
    """A code whose signatures hold and whose window is open; whether it was used before is not decided yet."""

    code: Code
    grant: Grant

    @property
    def account_ref(self) -> int:
        """Whose it is."""
        return self.grant.account_ref


def read(text: str, *, trust: Trust, now_s: int) -> Genuine | Decline:
    """Parse, verify both signatures, unseal and check the time window, in that order of blame."""
    try:
        code = codes.parse(text, institution=trust.institution)
    except codes.NotACode:
        return Decline(Why.NOT_A_CODE)
    except codes.OtherInstitution as error:
        return Decline(Why.OTHER_INSTITUTION, {"institution": error.institution})
    except codes.DamagedCode:
        return Decline(Why.DAMAGED)
    key = trust.keys.find(Role.CODE, code.key_id)
    sealing_key = trust.sealing_keys.get(code.key_id)
    if key is None or sealing_key is None:
        return Decline(Why.UNKNOWN_KEY, {"key_id": code.key_id})
    if key.revoked:
        return Decline(Why.KEY_REVOKED)
    if not codes.issuer_signed(code, issuer_public=bytes.fromhex(key.public)) or not codes.moment_signed(code):
        return Decline(Why.ALTERED)
    grant = codes.unseal(code.sealed, sealing_key=sealing_key, code_id=code.code_id)
    if not key.not_before_s <= grant.issued_at_s < key.not_after_s:
        return Decline(Why.UNKNOWN_KEY, {"key_id": code.key_id})
    return in_time(code, now_s=now_s) or Genuine(code, grant)


def in_time(code: Code, *, now_s: int) -> Decline | None:
    """Whether the code could be shown at `now_s`, the verifier's clock; else why not."""
    skew_s = SLOT_SKEW_S if code.kind == codes.PRE_SIGNED else 0
    if now_s < code.not_before_s - (skew_s or SHOWN_AHEAD_S):
        return Decline(Why.TOO_EARLY, {"wait_s": code.not_before_s - now_s})
    if now_s >= code.not_after_s + (skew_s or SHOWN_BEFORE_S):
        return Decline(Why.EXPIRED, {"since_s": now_s - code.not_after_s})
    if code.kind == codes.PRE_SIGNED:
        return None
    if not code.not_before_s <= code.shown_at_s < code.not_after_s:
        return Decline(Why.EXPIRED, {"since_s": max(0, code.shown_at_s - code.not_after_s)})
    if code.shown_at_s < now_s - SHOWN_BEFORE_S:
        return Decline(Why.PHONE_SLOW, {"off_s": now_s - code.shown_at_s})
    if code.shown_at_s > now_s + SHOWN_AHEAD_S:
        return Decline(Why.PHONE_FAST, {"off_s": code.shown_at_s - now_s})
    return None


def presented_at(code: Code) -> int:
    """The moment by which a code id is remembered: when it was shown, or the start of its only slot."""
    return code.shown_at_s if code.kind == codes.DEVICE_BOUND else code.not_before_s


def used_before(code: Code, *, last_s: int | None, now_s: int) -> Decline | None:
    """Refuse a moment already taken, or an older one; `last_s` is the last accepted for this code id.

    `wait_s` says when the holder's page will have a fresh code; 5 s for a phone that signs, else the next slot.
    """
    if last_s is None:
        return None
    if code.kind == codes.PRE_SIGNED:
        return Decline(Why.ALREADY_USED, {"wait_s": max(1, code.not_after_s - now_s)})
    if code.shown_at_s == last_s:
        return Decline(Why.ALREADY_USED, {"wait_s": max(1, last_s + REDRAW_S - now_s)})
    if code.shown_at_s < last_s:
        return Decline(Why.OLDER_MOMENT, {"wait_s": REDRAW_S})
    return None


REDRAW_S = 5
"""A cardholder's page draws a new moment this often."""


def denied(grant: Grant, *, denials: dict[int, int]) -> Decline | None:
    """Hold the grant against the deny list, given as account ref → refuse codes issued before."""
    before_s = denials.get(grant.account_ref)
    if before_s is None or grant.issued_at_s >= before_s:
        return None
    return Decline(Why.STOPPED if before_s == FOREVER_S else Why.DENIED)
