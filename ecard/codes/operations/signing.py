"""Signing with the key in use. A key that no root-signed list names is never reached from here."""

from __future__ import annotations

from collections.abc import Sequence

from devices.core.messages import SignedPolicy
from devices.core.signing import POLICY_DOMAIN, verifies
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


def vouch_for(policies: Sequence[SignedPolicy], *, key: OpenKey) -> tuple[SignedPolicy, ...]:
    """The policies, those that another key signed being signed anew by `key`, the one in use.

    A policy lives longer than keys do, and terminals refuse what a revoked key vouched for. Only a body whose
    signature holds is signed again; another is handed on as it is, for terminals to refuse.
    """
    others = {policy.key_id for policy in policies} - {key.key_id}
    if not others:
        return tuple(policies)
    known = dict(IssuerKey.objects.filter(role=KeyRole.SNAPSHOT, key_id__in=others).values_list("key_id", "public"))
    return tuple(_signed_anew(policy, key=key, known=known) for policy in policies)


def _signed_anew(policy: SignedPolicy, *, key: OpenKey, known: dict[int, str]) -> SignedPolicy:
    public = bytes.fromhex(known.get(policy.key_id, ""))
    if not verifies(public=public, domain=POLICY_DOMAIN, message=policy.body, signature=policy.signature):
        return policy
    return SignedPolicy(key.key_id, key.signer.sign(POLICY_DOMAIN, policy.body), policy.body)


def snapshot_signer() -> OpenKey:
    """The key for `devices.core.messages.seal_snapshot`: its `key_id` and `signer`. Raises NoActiveKey."""
    return active_key(KeyRole.SNAPSHOT)
