"""The life of keys: made here, announced by the root's signature, put to use, retired or revoked.

The server only drafts key lists. Nothing takes effect for terminals before the root has signed the draft, and
no key goes out of use before its successor is in a signed list.
"""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.utils.translation import gettext as _

from devices.core.keys import MAX_KEYS, KeyList, KeyListError, PublicKey, Role, open_key_list, signed_body
from devices.core.signing import SEED_BYTES, SigningKey
from ecard.changes.models import Topic
from ecard.changes.operations import record
from ecard.codes.errors import KeyIdsUsedUp, KeyListRefused, RootAlreadyPinned, RootMissing, SuccessorNotAnnounced
from ecard.codes.models import KEY_ID_MAX, InstitutionRoot, IssuerKey, KeyListVersion, KeyRole
from ecard.codes.rules import KEY_LIFE, is_known_by_now, is_listed, signs_until, unix_s
from ecard.codes.vault import seal_secret

KEYS_LOCK = 0x65636172_6B657973  # any constant that no other advisory lock of this database uses


@transaction.atomic
def pin_root(*, public: bytes, at: datetime) -> InstitutionRoot:
    """Remember the root's public key, once. Raises RootAlreadyPinned where another one is."""
    _lock()
    root, _made = InstitutionRoot.objects.get_or_create(
        pk=1, defaults={"institution": settings.ECARD_INSTITUTION, "public": public.hex(), "pinned_at": at}
    )
    if root.public != public.hex():
        raise RootAlreadyPinned(_("another root is pinned: %(key)s…") % {"key": root.public[:16]})
    return root


@transaction.atomic
def create_key(*, role: KeyRole, at: datetime, by: AbstractBaseUser | None = None) -> IssuerKey:
    """Make a key of this role and draft the list that announces it. It signs nothing yet. Raises KeyIdsUsedUp."""
    _lock()
    key = _make(role, at=at, by=by)
    _draft(at=at)
    return key


@transaction.atomic
def ensure_keys(*, at: datetime, by: AbstractBaseUser | None = None) -> KeyListVersion | None:
    """Give every role a key and a successor, where they are missing; gives the draft that awaits the root, if any."""
    _lock()
    made = False
    for role in KeyRole:
        alive = IssuerKey.objects.filter(
            role=role, retired_at__isnull=True, revoked_at__isnull=True, revoke_asked_at__isnull=True
        ).count()
        for _missing in range(alive, 2):
            _make(role, at=at, by=by)
            made = True
    return _draft(at=at) if made else _waiting_draft()


@transaction.atomic
def rotate(*, role: KeyRole, at: datetime, by: AbstractBaseUser | None = None, hurried: bool = False) -> IssuerKey:
    """Put the announced successor to use and make the next one; gives the key now in use.

    The old key signs no more; terminals believe what it signed until its codes have died. Raises
    SuccessorNotAnnounced where the root has not signed a list with a successor, or, unless `hurried`, not for
    ANNOUNCED_BEFORE_USE.
    """
    _lock()
    successor = _successor(role)
    if successor is None or successor.announced_at is None:
        raise SuccessorNotAnnounced(_("the successor is not yet in a key list signed by the root"))
    if not hurried and not is_known_by_now(announced_at=successor.announced_at, at=at):
        raise SuccessorNotAnnounced(_("the successor was announced less than a day ago"))
    old = _active(role)
    if old is not None:
        old.retired_at, old.changed_by_id = at, _pk(by)
        old.save(update_fields=["retired_at", "changed_by"])
    _activate(successor, at=at, by=by)
    _make_missing_successor(role, at=at, by=by)
    _draft(at=at)
    return successor


@transaction.atomic
def revoke_key(*, key: IssuerKey, reason: str, at: datetime, by: AbstractBaseUser | None = None) -> KeyListVersion:
    """Draft the list that revokes a key; gives the draft, which takes effect when the root has signed it.

    A key in use hands over to its announced successor at once. Without one, the same draft announces a
    successor and the key stays in use until then: issuing never stops for want of a key.
    """
    _lock()
    row = IssuerKey.objects.select_for_update().get(pk=key.pk)
    if row.revoked_at is None and row.revoke_asked_at is None:
        row.revoke_asked_at, row.revoke_reason, row.changed_by_id = at, reason[:200], _pk(by)
        in_use = row.activated_at is not None and row.retired_at is None
        successor = _successor(KeyRole(row.role)) if in_use else None
        if successor is not None:
            row.retired_at = at
        row.save(update_fields=["revoke_asked_at", "revoke_reason", "changed_by", "retired_at"])
        if successor is not None:
            _activate(successor, at=at, by=by)
        _make_missing_successor(KeyRole(row.role), at=at, by=by)
    return _draft(at=at)


@transaction.atomic
def draft_key_list(*, at: datetime) -> KeyListVersion:
    """Write the list as it should be now, as a draft that awaits the root; it replaces an older draft."""
    _lock()
    return _draft(at=at)


@transaction.atomic
def publish_key_list(*, signed: bytes, at: datetime, by: AbstractBaseUser | None = None) -> KeyListVersion:
    """Take in the list that the root signed: announce, revoke, put first keys to use, tell terminals.

    The newest list is taken again without effect. Raises KeyListRefused for anything but that or the waiting draft.
    """
    _lock()
    root = InstitutionRoot.objects.filter(pk=1).first()
    if root is None:
        raise RootMissing(_("no root is pinned: run make_root first"))
    newest = KeyListVersion.objects.filter(signed__isnull=False).order_by("-number").first()
    if newest is not None and bytes(newest.signed or b"") == signed:
        return newest
    try:
        key_list = open_key_list(
            signed,
            root_public=bytes.fromhex(root.public),
            institution=root.institution,
            held_number=newest.number + 1 if newest else 1,
        )
    except KeyListError as error:
        raise KeyListRefused(str(error)) from error
    draft = _waiting_draft()
    if draft is None or key_list.number != draft.number or signed_body(signed) != bytes(draft.body):
        raise KeyListRefused(_("this is not the list that awaits a signature: export it and have it signed again"))
    draft.signed, draft.signed_at = signed, at
    draft.save(update_fields=["signed", "signed_at"])
    _take_effect(key_list, at=at, by=by)
    record(topic=Topic.KEYS, refs=[draft.number], at=at)
    return draft


def _take_effect(key_list: KeyList, *, at: datetime, by: AbstractBaseUser | None) -> None:
    for listed in key_list.keys:
        mine = IssuerKey.objects.filter(role=listed.role.value, key_id=listed.key_id)
        mine.filter(announced_at__isnull=True).update(announced_at=at)
        if listed.revoked:
            mine.filter(revoked_at__isnull=True).update(revoked_at=at)
    for role in KeyRole:
        if _active(role) is None and (successor := _successor(role)) is not None:
            _activate(successor, at=at, by=by)
            _make_missing_successor(role, at=at, by=by)
    if IssuerKey.objects.filter(announced_at__isnull=True, revoke_asked_at__isnull=True).exists():
        _draft(at=at)


def _lock() -> None:
    """One change of keys at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [KEYS_LOCK])


def _make(role: KeyRole, *, at: datetime, by: AbstractBaseUser | None) -> IssuerKey:
    used = set(IssuerKey.objects.filter(role=role).values_list("key_id", flat=True))
    key_id = next((each for each in range(1, KEY_ID_MAX + 1) if each not in used), None)
    if key_id is None:
        raise KeyIdsUsedUp(_("all key ids of this role were used"))
    seed = secrets.token_bytes(SEED_BYTES)
    sealing = naming = None
    if role == KeyRole.CODE:
        sealing = seal_secret(secrets.token_bytes(32), role=role, key_id=key_id, part="sealing")
        naming = seal_secret(secrets.token_bytes(32), role=role, key_id=key_id, part="id")
    return IssuerKey.objects.create(
        role=role,
        key_id=key_id,
        public=SigningKey(seed).public.hex(),
        sealed_seed=seal_secret(seed, role=role, key_id=key_id, part="seed"),
        sealed_sealing_key=sealing,
        sealed_id_key=naming,
        not_before=at.replace(microsecond=0),
        not_after=at.replace(microsecond=0) + KEY_LIFE,
        made_at=at,
        changed_by_id=_pk(by),
    )


def _make_missing_successor(role: KeyRole, *, at: datetime, by: AbstractBaseUser | None) -> None:
    waiting = IssuerKey.objects.filter(
        role=role, activated_at__isnull=True, revoked_at__isnull=True, revoke_asked_at__isnull=True
    )
    if not waiting.exists():
        _make(role, at=at, by=by)


def _active(role: KeyRole) -> IssuerKey | None:
    return IssuerKey.objects.filter(
        role=role, activated_at__isnull=False, retired_at__isnull=True, revoked_at__isnull=True
    ).first()


def _successor(role: KeyRole) -> IssuerKey | None:
    announced = IssuerKey.objects.filter(
        role=role,
        announced_at__isnull=False,
        activated_at__isnull=True,
        revoke_asked_at__isnull=True,
        revoked_at__isnull=True,
    )
    return announced.order_by("announced_at", "pk").first()


def _activate(key: IssuerKey, *, at: datetime, by: AbstractBaseUser | None) -> None:
    key.activated_at, key.changed_by_id = at, _pk(by)
    key.save(update_fields=["activated_at", "changed_by"])


def _waiting_draft() -> KeyListVersion | None:
    return KeyListVersion.objects.filter(signed__isnull=True).first()


def _draft(*, at: datetime) -> KeyListVersion:
    newest = KeyListVersion.objects.filter(signed__isnull=False).order_by("-number").values_list("number", flat=True)
    number = (newest.first() or 0) + 1
    keys = tuple(
        PublicKey(
            key_id=row.key_id,
            role=Role(row.role),
            public=row.public,
            not_before_s=unix_s(row.not_before),
            not_after_s=unix_s(signs_until(role=Role(row.role), not_after=row.not_after, retired_at=row.retired_at)),
            revoked=row.revoked_at is not None or row.revoke_asked_at is not None,
        )
        for row in IssuerKey.objects.order_by("role", "key_id")
        if is_listed(
            role=Role(row.role), at=at, retired_at=row.retired_at, revoked_at=row.revoked_at or row.revoke_asked_at
        )
    )
    if len(keys) > MAX_KEYS:
        raise KeyIdsUsedUp(_("a key list names at most %(count)d keys") % {"count": MAX_KEYS})
    body = msgspec.json.encode(KeyList(number, settings.ECARD_INSTITUTION, unix_s(at), keys))
    draft, _made = KeyListVersion.objects.update_or_create(number=number, defaults={"body": body, "drafted_at": at})
    return draft


def _pk(user: AbstractBaseUser | None) -> int | None:
    return user.pk if user else None
