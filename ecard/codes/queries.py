"""Reading keys: what terminals are told, and what the server itself believes of uploaded codes."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from devices.core.accept import Trust
from devices.core.keys import KeyList, PublicKey, Role
from ecard.codes.errors import RootMissing
from ecard.codes.evidence import EvidenceTrust
from ecard.codes.keyring import open_key
from ecard.codes.models import InstitutionRoot, IssuerKey, KeyListVersion, KeyRole
from ecard.codes.rules import ROTATE_AFTER, is_listed, serving_minutes, signs_until, unix_s
from ecard.codes.values import ListVersion, RoleState, ServingHours
from ecard.merchants.models import MealPeriod, Site


def root_public() -> bytes:
    """The public key that terminals pin at enrolment. Raises RootMissing."""
    found = InstitutionRoot.objects.filter(pk=1).values_list("public", flat=True).first()
    if found is None:
        raise RootMissing("no root is pinned: run make_root first")
    return bytes.fromhex(found)


def signed_key_list() -> ListVersion | None:
    """The newest list the root signed, in its wire form; None before the first."""
    row = KeyListVersion.objects.filter(signed__isnull=False).order_by("-number").first()
    if row is None or row.signed is None or row.signed_at is None:
        return None
    return ListVersion(row.number, bytes(row.signed), row.signed_at)


def waiting_draft() -> ListVersion | None:
    """The list that awaits the root's signature; `data` is the body to sign."""
    row = KeyListVersion.objects.filter(signed__isnull=True).first()
    return None if row is None else ListVersion(row.number, bytes(row.body), row.drafted_at)


def sealing_keys_for_terminals(*, at: datetime) -> dict[int, bytes]:
    """Code key id → sealing key, for each announced code key that a list still names and that is not revoked."""
    rows = IssuerKey.objects.filter(role=KeyRole.CODE, announced_at__isnull=False, revoked_at__isnull=True)
    return {
        row.key_id: open_key(row).sealing_key
        for row in rows
        if is_listed(role=Role.CODE, at=at, retired_at=row.retired_at, revoked_at=None)
    }


def trust_at(at: datetime) -> Trust:
    """What the server believes at a moment: every code, snapshot and release key announced until then.

    Wider than a terminal's list: uploads may be weeks late, so keys long retired are still in it.
    """
    rows = list(IssuerKey.objects.filter(announced_at__lte=at))
    keys = tuple(_public(row, at=at) for row in rows)
    sealing_keys = {row.key_id: open_key(row).sealing_key for row in rows if row.role == KeyRole.CODE}
    newest = KeyListVersion.objects.filter(signed_at__lte=at).order_by("-number").values_list("number", flat=True)
    institution = settings.ECARD_INSTITUTION
    return Trust(institution, KeyList(newest.first() or 0, institution, unix_s(at), keys), sealing_keys)


def evidence_trust(at: datetime) -> EvidenceTrust:
    """What `evidence.check_evidence` needs; a plain value that can be handed to another process."""
    rows = list(IssuerKey.objects.filter(role=KeyRole.CODE, announced_at__lte=at))
    return EvidenceTrust(
        trust=trust_at(at),
        id_keys={row.key_id: open_key(row).id_key for row in rows},
        revoked_s={row.key_id: unix_s(row.revoked_at) for row in rows if row.revoked_at is not None},
    )


def role_states(*, at: datetime) -> list[RoleState]:
    """For each role, the key in use and its successor."""
    alive = list(
        IssuerKey.objects.filter(retired_at__isnull=True, revoked_at__isnull=True).order_by("announced_at", "pk")
    )
    return [_role_state(role, [row for row in alive if row.role == role], at=at) for role in KeyRole]


def _role_state(role: KeyRole, alive: list[IssuerKey], *, at: datetime) -> RoleState:
    active = next((row for row in alive if row.activated_at is not None), None)
    successor = next((row for row in alive if row.activated_at is None and row.revoke_asked_at is None), None)
    since = active.activated_at if active else None
    return RoleState(
        role=role.value,
        label=str(role.label),
        key_id=active.key_id if active else None,
        since=since,
        successor_id=successor.key_id if successor else None,
        successor_since=successor.announced_at if successor else None,
        due=since is not None and at > since + ROTATE_AFTER,
    )


def issuing_zone() -> str:
    """The zone whose days credentials follow: the first site's, or the installation's where there is none."""
    first = Site.objects.order_by("pk").values_list("zone", flat=True).first()
    return first or settings.TIME_ZONE


def serving_hours() -> list[ServingHours]:
    """The minutes in which any site of each zone serves a meal; none where no meal period is set."""
    periods: dict[str, list[tuple[int, int]]] = {}
    for zone, start, end in MealPeriod.objects.values_list("site__zone", "start_minute", "end_minute"):
        periods.setdefault(zone, []).append((start, end))
    return [ServingHours(zone, serving_minutes(each)) for zone, each in sorted(periods.items())]


def _public(row: IssuerKey, *, at: datetime) -> PublicKey:
    role = Role(row.role)
    return PublicKey(
        key_id=row.key_id,
        role=role,
        public=row.public,
        not_before_s=unix_s(row.not_before),
        not_after_s=unix_s(signs_until(role=role, not_after=row.not_after, retired_at=row.retired_at)),
        revoked=row.revoked_at is not None and row.revoked_at <= at,
    )
