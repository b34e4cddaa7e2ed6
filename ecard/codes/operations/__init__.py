"""Everything that makes keys and codes."""

from ecard.codes.operations.cards import card_key
from ecard.codes.operations.issuing import forget_issues, issue_credentials, issue_pre_signed
from ecard.codes.operations.keys import (
    create_key,
    draft_key_list,
    ensure_keys,
    pin_root,
    publish_key_list,
    revoke_key,
    rotate,
)
from ecard.codes.operations.signing import active_key, sign_policy, snapshot_signer, vouch_for

__all__ = [
    "active_key",
    "card_key",
    "create_key",
    "draft_key_list",
    "ensure_keys",
    "forget_issues",
    "issue_credentials",
    "issue_pre_signed",
    "pin_root",
    "publish_key_list",
    "revoke_key",
    "rotate",
    "sign_policy",
    "snapshot_signer",
    "vouch_for",
]
