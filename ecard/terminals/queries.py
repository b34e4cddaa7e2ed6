"""Reading terminals: what they are handed besides snapshots, and what monitoring sees."""

from __future__ import annotations

from datetime import datetime

import msgspec
from nacl.public import SealedBox
from nacl.signing import VerifyKey

from devices.core.messages import KeysAnswer
from ecard.codes.errors import NoActiveKey
from ecard.codes.queries import sealing_keys_for_terminals, signed_key_list
from ecard.terminals.models import Terminal, TerminalState
from ecard.terminals.rules import SILENT_AFTER, STALE_AFTER
from ecard.terminals.values import FleetSummary, TerminalStatus

FLEET_LIMIT = 2_000


def keys_answer(*, terminal: Terminal, at: datetime) -> KeysAnswer:
    """The root-signed key list, and the sealing keys in a box that only this terminal's device can open.

    Raises codes' NoActiveKey before the root has signed a list; ValueError for a terminal without a key.
    """
    if terminal.public_key is None:
        raise ValueError("a terminal that is not enrolled has no key to seal to")
    listed = signed_key_list()
    if listed is None:
        raise NoActiveKey("no key list was signed by the root yet")
    sealing_keys = {str(key_id): key.hex() for key_id, key in sealing_keys_for_terminals(at=at).items()}
    device = VerifyKey(bytes.fromhex(terminal.public_key)).to_curve25519_public_key()
    return KeysAnswer(
        key_list=listed.data,
        sealing_box=SealedBox(device).encrypt(msgspec.json.encode(sealing_keys)),
        server_time_ms=int(at.timestamp() * 1000),
    )


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
