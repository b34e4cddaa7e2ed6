"""Reading terminals: what they are handed besides snapshots, and what monitoring sees."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from django.db.models import Q
from nacl.public import SealedBox
from nacl.signing import VerifyKey

from devices.core import messages
from devices.core.messages import KeysAnswer
from ecard.codes.errors import NoActiveKey
from ecard.codes.operations import card_key
from ecard.codes.queries import sealing_keys_for_terminals, signed_key_list
from ecard.terminals.models import DeviceKind, Direction, Supervisor, Terminal, TerminalState
from ecard.terminals.rules import SILENT_AFTER, STALE_AFTER
from ecard.terminals.values import DeviceSettings, FleetSummary, TerminalStatus

FLEET_LIMIT = 2_000
SUPERVISORS_LIMIT = 50
GROUPS_LIMIT = 200


def keys_answer(*, terminal: Terminal, at: datetime) -> KeysAnswer:
    """The root-signed key list, and the sealing keys and the card key in boxes that only this device can open.

    Raises codes' NoActiveKey before the root has signed a list; ValueError for a terminal without a key.
    """
    if terminal.public_key is None:
        raise ValueError("a terminal that is not enrolled has no key to seal to")
    listed = signed_key_list()
    if listed is None:
        raise NoActiveKey("no key list was signed by the root yet")
    sealing_keys = {str(key_id): key.hex() for key_id, key in sealing_keys_for_terminals(at=at).items()}
    box = SealedBox(VerifyKey(bytes.fromhex(terminal.public_key)).to_curve25519_public_key())
    return KeysAnswer(
        key_list=listed.data,
        sealing_box=box.encrypt(msgspec.json.encode(sealing_keys)),
        server_time_ms=int(at.timestamp() * 1000),
        card_box=box.encrypt(card_key(at=at)),
    )


def settings_of(terminal: Terminal) -> DeviceSettings:
    """What a terminal is set to. One statement for a gate, none for others."""
    gate = terminal.device == DeviceKind.GATE
    groups = terminal.groups.order_by("pk").values_list("pk", flat=True)[:GROUPS_LIMIT] if gate else ()
    return DeviceSettings(
        kind=DeviceKind(terminal.device),
        line=terminal.line,
        stops=tuple(terminal.stops),
        direction=Direction(terminal.direction),
        anti_passback=terminal.anti_passback,
        group_ids=tuple(groups),
        per_kg_minor=terminal.per_kg_minor,
        floor_minor=terminal.floor_minor,
        claim_wait_ms=terminal.claim_wait_ms,
    )


def supervisors_of(terminal: Terminal) -> tuple[messages.Supervisor, ...]:
    """Who may open this terminal's menu, with their hashed PINs. One statement."""
    here = Supervisor.objects.filter(Q(terminals=terminal) | Q(terminals__isnull=True), active=True)
    found = here.filter(site_id=terminal.outlet.site_id).order_by("pk")
    rows = found.values_list("pk", "name", "salt", "pin_hash")[:SUPERVISORS_LIMIT]
    return tuple(messages.Supervisor(*row) for row in rows)


def supervisor_names(numbers: Collection[int]) -> dict[int, str]:
    """What these supervisors are called, also those no longer active."""
    return dict(Supervisor.objects.filter(pk__in=numbers).values_list("pk", "name"))


def fleet(*, at: datetime, limit: int = FLEET_LIMIT) -> list[TerminalStatus]:
    """Every terminal's state, in order of outlet and name. One statement."""
    terminals = Terminal.objects.order_by("outlet_id", "name")[: min(limit, FLEET_LIMIT)]
    return [status_of(terminal, at=at) for terminal in terminals]


def status_of(terminal: Terminal, *, at: datetime) -> TerminalStatus:
    """What monitoring says of a terminal in hand."""
    active = terminal.state == TerminalState.ACTIVE
    seen_age_s = _age_s(terminal.last_seen_at, at)
    snapshot_age_s = _age_s(terminal.last_snapshot_at, at)
    return TerminalStatus(
        terminal_id=terminal.pk,
        name=terminal.name,
        outlet_id=terminal.outlet_id,
        state=TerminalState(terminal.state),
        software=terminal.software,
        seen_age_s=seen_age_s,
        snapshot_age_s=snapshot_age_s,
        unsent_count=terminal.unsent_count,
        silent=active and (seen_age_s is None or seen_age_s > SILENT_AFTER.total_seconds()),
        stale=active and (snapshot_age_s is None or snapshot_age_s > STALE_AFTER.total_seconds()),
    )


def summary(*, at: datetime) -> FleetSummary:
    """How many terminals are how, for a dashboard."""
    statuses = fleet(at=at)
    active = [each for each in statuses if each.state == TerminalState.ACTIVE]
    return FleetSummary(
        active=len(active),
        silent=sum(each.silent for each in active),
        stale=sum(each.stale for each in active),
        unsent_count=sum(each.unsent_count or 0 for each in active),
        not_enrolled=sum(each.state == TerminalState.NEW for each in statuses),
        revoked=sum(each.state == TerminalState.REVOKED for each in statuses),
    )


def _age_s(moment: datetime | None, at: datetime) -> int | None:
    return None if moment is None else max(0, int((at - moment).total_seconds()))
