"""The offline root's part, played on one machine: in earnest the root file never comes near the server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.conf import settings

from ecard.codes.operations import ensure_keys, pin_root, publish_key_list
from ecard.codes.rootfile import make_root, read_root, sign_draft


def hold(*, root_file: Path, passphrase: str, at: datetime) -> bool:
    """Draw the root where there is none, make the keys that are missing and have their list signed.

    Safe to run again; False where nothing had to be signed.
    """
    if not root_file.is_file():
        make_root(root_file, institution=settings.ECARD_INSTITUTION, passphrase=passphrase)
    pin_root(public=bytes.fromhex(read_root(root_file).public), at=at)
    draft = ensure_keys(at=at)
    if draft is None:
        return False
    publish_key_list(signed=sign_draft(bytes(draft.body), path=root_file, passphrase=passphrase), at=at)
    return True
