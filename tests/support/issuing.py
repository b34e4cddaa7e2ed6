"""Keys as an installation has them after its first day: a root outside the database, and a signed list."""

from __future__ import annotations

from datetime import datetime

from devices.core.keys import sign_body
from devices.core.signing import SigningKey
from ecard.codes import operations
from ecard.codes.queries import waiting_draft

ROOT = SigningKey(b"the root of tests, 32 bytes long")


def sign_waiting_list(*, at: datetime, root: SigningKey = ROOT) -> int:
    """Have the waiting draft signed and taken in; gives its number."""
    draft = waiting_draft()
    assert draft is not None, "no key list awaits a signature"
    return operations.publish_key_list(signed=sign_body(draft.data, root=root), at=at).number


def make_keys_ready(*, at: datetime) -> SigningKey:
    """Pin the root, make every role's key and successor, and have their list signed; gives the root."""
    operations.pin_root(public=ROOT.public, at=at)
    operations.ensure_keys(at=at)
    sign_waiting_list(at=at)
    return ROOT
