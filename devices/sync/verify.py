"""A snapshot is believed when a listed key signed it in its time, for this terminal, and each policy in it as well."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from devices.core.keys import KeyList, PublicKey, Role
from devices.core.messages import MessageError, SignedPolicy, SnapshotHead, open_snapshot, snapshot_key_id
from devices.core.policy import Policy, decode_policy
from devices.core.signing import POLICY_DOMAIN, verifies


class VerifiedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot whose every signature holds; rows are still encoded. `policies` are those this release can read."""

    head: SnapshotHead
    rows: list[bytes]
    policies: tuple[Policy, ...]
    round_trip_ms: int = 0


def verify_snapshot(data: bytes, *, key_list: KeyList, terminal: int, round_trip_ms: int = 0) -> VerifiedSnapshot:
    """Raises MessageError."""
    key = _key(key_list, snapshot_key_id(data))
    head, rows = open_snapshot(data, public=bytes.fromhex(key.public))
    if not key.not_before_s <= head.made_s < key.not_after_s:
        raise MessageError("signed outside its key's time")
    if head.terminal != terminal:
        raise MessageError("another terminal's snapshot")
    try:
        ZoneInfo(head.parameters.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MessageError(f"no such time zone: {head.parameters.zone[:40]}") from error
    policies = tuple(policy for signed in head.policies if (policy := _policy(signed, key_list)) is not None)
    return VerifiedSnapshot(head, rows, policies, round_trip_ms)


def _policy(signed: SignedPolicy, key_list: KeyList) -> Policy | None:
    """None for a genuine policy in a form of a later release: the one before it stays in force."""
    key = _key(key_list, signed.key_id)
    public = bytes.fromhex(key.public)
    if not verifies(public=public, domain=POLICY_DOMAIN, message=signed.body, signature=signed.signature):
        raise MessageError("a policy's signature does not hold")
    try:
        return decode_policy(signed.body)
    except msgspec.MsgspecError:
        return None


def _key(key_list: KeyList, key_id: int) -> PublicKey:
    key = key_list.find(Role.SNAPSHOT, key_id)
    if key is None or key.revoked:
        raise MessageError(f"snapshot key {key_id} is not known, or revoked")
    return key
