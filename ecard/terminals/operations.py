"""Everything that changes a terminal. Enrolment by the device itself is in `enrolment`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from devices.core import enrolment as core
from devices.core.pin import SALT_BYTES, hash_of
from ecard.benefits import operations as benefits
from ecard.benefits.models import PublishedPolicy
from ecard.benefits.operations import publish_policy
from ecard.changes.models import MAX_REFS_PER_CHANGE, Topic
from ecard.changes.operations import record
from ecard.codes.operations import sign_policy
from ecard.codes.queries import root_public
from ecard.merchants.models import Outlet, Site
from ecard.terminals.enrolment import enrol, secret_hash
from ecard.terminals.errors import BadTerminal
from ecard.terminals.models import EnrolmentCode, Supervisor, Terminal, TerminalMode, TerminalState
from ecard.terminals.queries import settings_of
from ecard.terminals.rules import CODE_LIFE, misfits, printable
from ecard.terminals.values import DeviceSettings, Heartbeat, Invite

__all__ = [
    "change",
    "enrol",
    "heard",
    "invite",
    "publish",
    "publish_draft",
    "register",
    "revoke",
    "roll_back",
    "save_supervisor",
]

CANTEEN = DeviceSettings()
_DEVICE_FIELDS = (
    "device",
    "line",
    "stops",
    "direction",
    "anti_passback",
    "per_kg_minor",
    "floor_minor",
    "claim_wait_ms",
)


@transaction.atomic
def register(
    *,
    name: str,
    outlet: Outlet,
    at: datetime,
    mode: TerminalMode = TerminalMode.TYPED,
    fixed_minor: int = 0,
    device: DeviceSettings = CANTEEN,
) -> Terminal:
    """A new terminal at an outlet, to be invited next. Raises BadTerminal."""
    _require_fit(mode, fixed_minor, device)
    terminal = Terminal(name=name, outlet=outlet, mode=mode, fixed_minor=fixed_minor, created_at=at)
    _set(terminal, device)
    terminal.save()
    terminal.groups.set(device.group_ids)
    return terminal


@transaction.atomic
def change(
    *,
    terminal: Terminal,
    name: str,
    outlet: Outlet,
    mode: TerminalMode,
    fixed_minor: int,
    at: datetime,
    device: DeviceSettings | None = None,
) -> None:
    """Rename or move a terminal, or set what it asks for; without a `device` it stays of its kind.

    It hears of it with its next snapshot. Raises BadTerminal.
    """
    _require_fit(mode, fixed_minor, device or settings_of(terminal))
    terminal.name, terminal.outlet, terminal.mode, terminal.fixed_minor = name, outlet, mode, fixed_minor
    if device is not None:
        _set(terminal, device)
        terminal.groups.set(device.group_ids)
    terminal.save(update_fields=["name", "outlet", "mode", "fixed_minor", *_DEVICE_FIELDS])
    record(topic=Topic.PARAMETERS, refs=[terminal.pk], at=at)


@transaction.atomic
def save_supervisor(
    *,
    supervisor: Supervisor,
    name: str,
    site: Site,
    terminals: Sequence[Terminal],
    active: bool,
    at: datetime,
    pin: str | None = None,
) -> None:
    """Make somebody a supervisor, or change them; a new one needs a PIN, None leaves the one there is.

    The site's terminals hear of it with their next snapshot. Raises BadTerminal, and `devices.core.pin.BadPin`.
    """
    if pin is None and not supervisor.pin_hash:
        raise BadTerminal("pin")
    if any(terminal.outlet.site_id != site.pk for terminal in terminals):
        raise BadTerminal("terminals")
    if pin is not None:
        salt = secrets.token_bytes(SALT_BYTES)
        supervisor.salt, supervisor.pin_hash = salt.hex(), hash_of(pin, salt=salt).hex()
        supervisor.pin_set_at = at
    left = supervisor.pk and Supervisor.objects.values_list("site_id", flat=True).get(pk=supervisor.pk)
    supervisor.name, supervisor.site, supervisor.active = name, site, active
    supervisor.save()
    supervisor.terminals.set(terminals)
    there = Terminal.objects.filter(outlet__site_id__in=[site.pk, left or site.pk]).values_list("pk", flat=True)
    refs = list(there)
    for start in range(0, len(refs), MAX_REFS_PER_CHANGE):
        record(topic=Topic.PARAMETERS, refs=refs[start : start + MAX_REFS_PER_CHANGE], at=at)


@transaction.atomic
def invite(*, terminal: Terminal, by: AbstractBaseUser | None, at: datetime) -> Invite:
    """Make the one code by which a device may become this terminal; an earlier unused one is void from now on.

    A device that is enrolled already goes on working until its successor has been heard.
    """
    locked = Terminal.objects.select_for_update(no_key=True).get(pk=terminal.pk)
    locked.enrolment_codes.filter(used_at__isnull=True, void_at__isnull=True).update(void_at=at)
    code = core.make(secret=secrets.randbelow(core.SECRETS), root_public=root_public())
    secret = core.secret_of(code)
    made = EnrolmentCode.objects.create(
        terminal=locked,
        handle=secret[: core.HANDLE_CHARACTERS],
        secret_hash=secret_hash(secret),
        made_at=at,
        made_by_id=by.pk if by else None,
        expires_at=at + CODE_LIFE,
    )
    server = core.Invitation(server=settings.ECARD_PUBLIC_URL, code=code)
    return Invite(terminal_id=locked.pk, code=code, qr_text=core.qr_text(server), expires_at=made.expires_at)


@transaction.atomic
def revoke(*, terminal: Terminal, by: AbstractBaseUser | None, at: datetime) -> bool:
    """Refuse everything this device asks from now on, but for handing in what it holds. False: it was revoked.

    Open invitations and an unconfirmed successor are void too; a new invitation brings the terminal back, with
    another key.
    """
    locked = Terminal.objects.select_for_update(no_key=True).get(pk=terminal.pk)
    locked.enrolment_codes.filter(used_at__isnull=True, void_at__isnull=True).update(void_at=at)
    if locked.state == TerminalState.REVOKED:
        return False
    locked.state, locked.revoked_at, locked.next_public_key = TerminalState.REVOKED, at, None
    locked.revoked_by_id = by.pk if by else None
    locked.save(update_fields=["state", "revoked_at", "revoked_by", "next_public_key"])
    record(topic=Topic.PARAMETERS, refs=[locked.pk], at=at)
    return True


def heard(*, terminal: Terminal, heartbeat: Heartbeat, at: datetime, snapshot_number: int | None = None) -> None:
    """Note that a terminal was heard, what it said of itself and which snapshot it was given."""
    noted: dict[str, object] = {"last_seen_at": at}
    if heartbeat.unsent_count is not None:
        noted["unsent_count"] = heartbeat.unsent_count
    if heartbeat.software is not None:
        noted["software"] = printable(heartbeat.software)
    if heartbeat.policy_number is not None:
        noted |= {"policy_number": heartbeat.policy_number, "newer_policy": heartbeat.newer_policy or 0}
        noted["neighbours_heard"] = heartbeat.neighbours_heard
    if snapshot_number is not None:
        noted |= {"last_snapshot_at": at, "last_snapshot_number": snapshot_number}
    Terminal.objects.filter(pk=terminal.pk).update(**noted)


def publish(*, at: datetime, starts_at: datetime, by: AbstractBaseUser | None) -> PublishedPolicy:
    """Set up: publish the rules as they stand as the first policy. Raises benefits' PolicyRefused, AlreadyPublished."""
    return publish_policy(at=at, starts_at=starts_at, by=by, sign=sign_policy)


def publish_draft(*, draft_id: int, starts_at: datetime, by: AbstractBaseUser | None, at: datetime) -> PublishedPolicy:
    """Number, sign and send out an approved draft. Raises what `benefits.operations.publish_draft` raises."""
    return benefits.publish_draft(draft_id=draft_id, starts_at=starts_at, by=by, at=at, sign=sign_policy)


def roll_back(*, number: int, reason: str, by: AbstractBaseUser | None, at: datetime) -> PublishedPolicy:
    """Undo the newest policy: what governed before it comes back. Raises benefits' CannotGoBack."""
    return benefits.roll_back(number=number, reason=reason, by=by, at=at, sign=sign_policy)


def _require_fit(mode: TerminalMode, fixed_minor: int, device: DeviceSettings) -> None:
    wrong = next(misfits(mode=TerminalMode(mode), fixed_minor=fixed_minor, device=device), "")
    if wrong:
        raise BadTerminal(wrong)


def _set(terminal: Terminal, device: DeviceSettings) -> None:
    terminal.device, terminal.line, terminal.stops = device.kind, device.line, list(device.stops)
    terminal.direction, terminal.anti_passback = device.direction, device.anti_passback
    terminal.per_kg_minor, terminal.floor_minor = device.per_kg_minor, device.floor_minor
    terminal.claim_wait_ms = device.claim_wait_ms
