"""Signing with the key in use. A key that no root-signed list names is never reached from here."""

from __future__ import annotations

from devices.core.messages import SignedPolicy
from devices.core.signing import POLICY_DOMAIN
from ecard.codes.errors import NoActiveKey
from ecard.codes.keyring import OpenKey, open_key
from ecard.codes.models import IssuerKey, KeyRole


def active_key(role: KeyRole) -> OpenKey:
    """The key that signs for the role now. Raises NoActiveKey."""
    row = IssuerKey.objects.filter(
        role=role,
        announced_at__isnull=False,
        activated_at__isnull=False,
        retired_at__isnull=True,
        revoked_at__isnull=True,
    ).first()
    if row is None:
        raise NoActiveKey(f"no {role} key is in a key list signed by the root")
    return open_key(row)


def sign_policy(body: bytes) -> SignedPolicy:
    """An encoded policy with the snapshot-and-policy key's signature. Raises NoActiveKey."""
    key = active_key(KeyRole.SNAPSHOT)
    return SignedPolicy(key.key_id, key.signer.sign(POLICY_DOMAIN, body), body)


def snapshot_signer() -> OpenKey:
    """The key for `devices.core.messages.seal_snapshot`: its `key_id` and `signer`. Raises NoActiveKey."""
    return active_key(KeyRole.SNAPSHOT)
