"""A snapshot is believed when a listed key signed it in its time, for this terminal, and each policy in it as well."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from devices.core.keys import KeyList, PublicKey, Role
from devices.core.messages import (
    Authorised,
    MessageError,
    SignedPolicy,
    SnapshotHead,
    authorised_key_id,
    open_authorised,
    open_snapshot,
    snapshot_key_id,
)
from devices.core.policy import EVALUATOR_VERSION, Policy, decode_policy
from devices.core.signing import POLICY_DOMAIN, verifies
from devices.core.wire import MALFORMED
from devices.store.held import NewerPolicy


class VerifiedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot whose every signature holds; rows are still encoded.

    `policies` are those that this release can evaluate, `newer` are the others.
    """

    head: SnapshotHead
    rows: list[bytes]
    policies: tuple[Policy, ...]
    newer: tuple[NewerPolicy, ...] = ()
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
    read = [_policy(signed, key_list) for signed in head.policies]
    policies = tuple(each for each in read if isinstance(each, Policy))
    newer = tuple(each for each in read if isinstance(each, NewerPolicy))
    return VerifiedSnapshot(head, rows, policies, newer, round_trip_ms)


def verify_authorised(data: bytes, *, asked: bytes, key_list: KeyList) -> Authorised:
    """The answer to this very question. Raises MessageError."""
    key = _key(key_list, authorised_key_id(data))
    return open_authorised(data, asked=asked, public=bytes.fromhex(key.public))


def _policy(signed: SignedPolicy, key_list: KeyList) -> Policy | NewerPolicy:
    """A genuine policy may be of a later release in its form or in its rules; either way it is not evaluated here."""
    key = _key(key_list, signed.key_id)
    public = bytes.fromhex(key.public)
    if not verifies(public=public, domain=POLICY_DOMAIN, message=signed.body, signature=signed.signature):
        raise MessageError("a policy's signature does not hold")
    try:
        policy = decode_policy(signed.body)
    except MALFORMED:
        return _outline(signed.body)
    if policy.min_evaluator > EVALUATOR_VERSION:
        return NewerPolicy(policy.number, policy.starts_at_s)
    return policy


def _outline(body: bytes) -> NewerPolicy:
    try:
        return msgspec.json.decode(body, type=NewerPolicy)
    except MALFORMED:
        return NewerPolicy()


def _key(key_list: KeyList, key_id: int) -> PublicKey:
    key = key_list.find(Role.SNAPSHOT, key_id)
    if key is None or key.revoked:
        raise MessageError(f"snapshot key {key_id} is not known, or revoked")
    return key
