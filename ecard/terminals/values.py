"""What terminals' operations and queries give."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ecard.terminals.models import DeviceKind, Direction, Terminal, TerminalState


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """What a terminal of one kind is set to, beside what it asks for. `group_ids` may pass a gate, () for everybody.

    Above `floor_minor` it asks the server first, None: never; `claim_wait_ms` is how long it waits for neighbours.
    """

    kind: DeviceKind = DeviceKind.CANTEEN
    line: str = ""
    stops: tuple[str, ...] = ()
    direction: Direction = Direction.BOTH
    anti_passback: bool = False
    group_ids: tuple[int, ...] = ()
    per_kg_minor: int = 0
    floor_minor: int | None = None
    claim_wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class Invite:
    """An enrolment code, known only to whom this is shown. `code` is typed, `qr_text` is scanned."""

    terminal_id: int
    code: str = field(repr=False)
    qr_text: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TerminalPrincipal:
    """`request.user` of a request that a terminal signed. It has no rights but its profile's routes."""

    terminal: Terminal

    is_authenticated = True
    is_active = True
    is_anonymous = False
    is_staff = False
    is_superuser = False

    @property
    def pk(self) -> str:
        """For throttles and logs; never a user's."""
        return f"terminal-{self.terminal.pk}"

    @property
    def revoked(self) -> bool:
        """Whether only what it still holds may be handed in, for a person to look at."""
        return self.terminal.state == TerminalState.REVOKED


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a terminal says of itself beside a request; None: not said."""

    unsent_count: int | None = None
    software: str | None = None
    policy_number: int | None = None
    newer_policy: int | None = None
    neighbours_heard: int | None = None
    """Said with the policy, or not there: None where the terminal listens to none."""


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """A terminal as monitoring sees it. Ages in seconds, None: never."""

    terminal_id: int
    name: str
    outlet_id: int
    state: TerminalState
    software: str
    seen_age_s: int | None
    snapshot_age_s: int | None
    unsent_count: int | None
    silent: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class FleetSummary:
    """How many terminals are how."""

    active: int
    silent: int
    stale: int
    unsent_count: int
    not_enrolled: int
    revoked: int
