"""Answering a terminal's cursor with a signed snapshot: everybody, or who changed since.

Funds, usage and `posted_through` are read in one moment of the database, and the cursor with them. A change that is
visible in that moment and has no number yet is sent as well, under a cursor that stays before it: otherwise
`posted_through` could cover a sale that the rows do not yet show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from devices.core import messages
from devices.core.accept import FOREVER_S, Denial
from devices.core.journal import JOURNAL_FORMAT
from devices.core.messages import Mode, Parameters, PostedThrough, SnapshotHead, seal_snapshot
from ecard.benefits.queries import needed, policies_for_terminals, policies_since
from ecard.cardholders.queries import deny_entries
from ecard.changes.models import Topic
from ecard.changes.operations import NUMBERING_LIMIT, number_committed
from ecard.changes.queries import anything_unnumbered, changed_since, generation_state, unnumbered_refs
from ecard.changes.values import FullLoadNeeded
from ecard.codes.operations import snapshot_signer, vouch_for
from ecard.codes.queries import signed_key_list
from ecard.codes.rules import denial_before_s, unix_s
from ecard.merchants.models import Site
from ecard.merchants.queries import catalogue_of
from ecard.terminals.errors import SnapshotBusy
from ecard.terminals.models import DeviceKind, Direction, Stream, Terminal, TerminalMode
from ecard.terminals.queries import settings_of, supervisors_of
from ecard.terminals.rules import business_dates
from ecard.terminals.snapshots.base import Base, base
from ecard.terminals.snapshots.moment import one_moment
from ecard.terminals.snapshots.peers import peers_of
from ecard.terminals.snapshots.people import gone, some, sums_at

DELTA_REFS_MAX = 10_000
"""More changed people than this are answered with everybody."""
PAGES_MAX = 100
"""A cursor this many pages of changes behind is not followed further."""
OVERLAY_REFS_MAX = 5_000
"""A kept base that lacks more people than this is built anew."""
NUMBERING_ROUNDS = 20
ATTEMPTS = 5
SITES_LIMIT = 500
STREAMS_LIMIT = 200
"""The newest epochs of a terminal; one is drawn at each process start."""
_MODES: Mapping[TerminalMode, Mode] = {
    TerminalMode.FIXED: "fixed",
    TerminalMode.TYPED: "typed",
    TerminalMode.PRODUCTS: "products",
    TerminalMode.IDENTITY: "identity",
    TerminalMode.PASS: "pass",
}
_KINDS: Mapping[DeviceKind, messages.DeviceKind] = {
    DeviceKind.CANTEEN: "canteen",
    DeviceKind.WEIGHING: "weighing",
    DeviceKind.GATE: "gate",
    DeviceKind.BUS: "bus",
    DeviceKind.CABINET: "cabinet",
}
_DIRECTIONS: Mapping[Direction, Literal["in", "out", "both"]] = {
    Direction.IN: "in",
    Direction.OUT: "out",
    Direction.BOTH: "both",
}


class SnapshotKind(StrEnum):
    """The value of X-Ecard-Snapshot."""

    FULL = "full"
    DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Made:
    """A sealed snapshot and what its head says."""

    kind: SnapshotKind
    number: int
    people: int
    data: bytes = field(repr=False)


def full(terminal: Terminal, at: datetime) -> bytes:
    """Everybody, sealed for this terminal. Raises SnapshotBusy, and codes' NoActiveKey before keys are made."""
    return make(terminal=terminal, generation=0, number=0, at=at).data


def delta(terminal: Terminal, generation: int, number: int, at: datetime) -> bytes:
    """Who changed after the cursor; everybody where it cannot be continued. Raises as `full`."""
    return make(terminal=terminal, generation=generation, number=number, at=at).data


def make(*, terminal: Terminal, generation: int, number: int, at: datetime) -> Made:
    """The answer to the cursor (generation, number); (0, 0) asks for everybody. Raises as `full`.

    Must not be called inside a transaction.
    """
    for _attempt in range(ATTEMPTS):
        _number_all(at=at)
        dates = business_dates(at, days=Site.objects.values_list("zone", "day_starts_minute")[:SITES_LIMIT])
        if generation:
            made = _delta(terminal, generation=generation, number=number, dates=dates, at=at)
            if made is not None:
                return made
        state = generation_state()
        # Over a base that is kept, then over one that is new, where any number of changes is taken.
        for least_number, refs_max in ((0, OVERLAY_REFS_MAX), (state.latest_number, None)):
            kept = base(generation=state.generation_id, dates=dates, least_number=least_number, at=at)
            made = _full(terminal, kept, refs_max=refs_max, at=at)
            if made is not None:
                return made
    raise SnapshotBusy("changes are written faster than they are numbered")


def _delta(terminal: Terminal, *, generation: int, number: int, dates: tuple[date, ...], at: datetime) -> Made | None:
    with one_moment():
        changed = _changed_after(generation=generation, number=number, refs_max=DELTA_REFS_MAX)
        if changed is None:
            return None
        if _new_sums(changed, at=at):
            return None
        rows = [row or gone(ref) for ref, row in some(changed.refs, dates=dates, at=at)]
        return _sealed(terminal, SnapshotKind.DELTA, changed, rows, base_number=number, at=at)


def _full(terminal: Terminal, kept: Base, *, refs_max: int | None, at: datetime) -> Made | None:
    with one_moment():
        changed = _changed_after(generation=kept.generation, number=kept.number, refs_max=refs_max)
        if changed is None or not kept.sums >= sums_at(at):
            return None
        now = dict(some(changed.refs, dates=kept.dates, at=at))
        rows = [row for ref, row in kept.rows.items() if ref not in now]
        rows.extend(row for row in now.values() if row is not None)
        return _sealed(terminal, SnapshotKind.FULL, changed, rows, base_number=0, at=at)


@dataclass(frozen=True, slots=True)
class _Changed:
    """What changed after a cursor, as far as this moment sees, and the cursor that follows; `refs` are the people."""

    generation: int
    upto: int
    refs: frozenset[int]
    others: Mapping[Topic, frozenset[int]]

    def touches_catalogue(self, terminal: Terminal) -> bool:
        """Whether what this terminal sells may be another: its products, its place, or where it stands."""
        about = (
            (Topic.CATALOGUE, terminal.outlet_id),
            (Topic.PARAMETERS, terminal.pk),
            (Topic.SITE, terminal.outlet.site_id),
        )
        return any(ref in self.others.get(topic, ()) for topic, ref in about)


def _new_sums(changed: _Changed, *, at: datetime) -> bool:
    """Whether a policy published since needs sums that the rows of those who did not change lack."""
    new = changed.others.get(Topic.POLICY)
    if not new:
        return False
    policies = policies_since(at)
    return not needed(policy for policy in policies if policy.number not in new) >= needed(policies)


def _number_all(*, at: datetime) -> None:
    for _round in range(NUMBERING_ROUNDS):
        if not anything_unnumbered() or number_committed(at=at) < NUMBERING_LIMIT:
            return


def _changed_after(*, generation: int, number: int, refs_max: int | None) -> _Changed | None:
    """None where the cursor cannot be continued, or too many people changed."""
    waiting = unnumbered_refs()
    if waiting is None:
        return None
    found = {topic: set(named) for topic, named in waiting.items()}
    people = found.setdefault(Topic.CARDHOLDER, set())
    for _page in range(PAGES_MAX):
        page = changed_since(number=number, generation_id=generation)
        if isinstance(page, FullLoadNeeded):
            return None
        for topic, named in page.refs.items():
            found.setdefault(topic, set()).update(named)
        if refs_max is not None and len(people) > refs_max:
            return None
        if not page.more:
            refs = frozenset(found.pop(Topic.CARDHOLDER))
            others = {topic: frozenset(rest) for topic, rest in found.items()}
            return _Changed(generation=generation, upto=page.upto, refs=refs, others=others)
        number = page.upto
    return None


def _sealed(
    terminal: Terminal, kind: SnapshotKind, changed: _Changed, rows: Sequence[bytes], *, base_number: int, at: datetime
) -> Made:
    listed, key = signed_key_list(), snapshot_signer()
    # Read again in this moment: the terminal in hand may have been changed since.
    here = Terminal.objects.select_related("outlet__site").get(pk=terminal.pk)
    sent = kind == SnapshotKind.FULL or changed.touches_catalogue(here)
    head = SnapshotHead(
        terminal=terminal.pk,
        generation=changed.generation,
        number=changed.upto,
        base=base_number,
        made_s=unix_s(at),
        people=len(rows),
        policies=vouch_for(policies_for_terminals(at), key=key),
        denials=_denials(at),
        posted_through=_posted_through(terminal),
        parameters=_parameters(here),
        key_list_number=listed.number if listed else 0,
        catalogue=catalogue_of(here.outlet_id) if sent else None,
        peers=peers_of(here),
    )
    data = seal_snapshot(head, rows, key_id=key.key_id, signer=key.signer)
    return Made(kind=kind, number=head.number, people=head.people, data=data)


def _denials(at: datetime) -> tuple[Denial, ...]:
    return tuple(
        Denial(entry.account_ref, FOREVER_S if entry.codes_before is None else denial_before_s(entry.codes_before))
        for entry in deny_entries(at=at)
    )


def _posted_through(terminal: Terminal) -> tuple[PostedThrough, ...]:
    newest = Stream.objects.filter(terminal=terminal).order_by("-id")
    own = list(newest.values_list("epoch", "posted_through", "previous_epoch")[:STREAMS_LIMIT])
    found = own + _from_where_it_was(own)
    return tuple(PostedThrough(epoch, seq) for epoch, seq, _previous in found[:STREAMS_LIMIT] if seq)


def _from_where_it_was(own: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """A device that was moved here counts what it sold before until it is told: its epochs go on at the other place."""
    epochs = {epoch for epoch, _seq, _previous in own}
    told_of = {previous for _epoch, _seq, previous in own if previous} - epochs
    if not told_of or len(own) == STREAMS_LIMIT:
        return []
    places = Stream.objects.filter(epoch__in=told_of).values("terminal")
    elsewhere = Stream.objects.filter(terminal__in=places).exclude(epoch__in=epochs).order_by("-id")
    return list(elsewhere.values_list("epoch", "posted_through", "previous_epoch")[:STREAMS_LIMIT])


def _parameters(now: Terminal) -> Parameters:
    device = settings_of(now)
    return Parameters(
        name=now.name,
        outlet_name_zh=now.outlet.name,
        outlet_name_en=now.outlet.name_en,
        site=now.outlet.site_id,
        outlet=now.outlet_id,
        zone=now.outlet.site.zone,
        day_starts_min=now.outlet.site.day_starts_minute,
        mode=_MODES[TerminalMode(now.mode)],
        fixed_minor=now.fixed_minor,
        device=_KINDS[device.kind],
        journal=JOURNAL_FORMAT,
        line=device.line,
        stops=device.stops,
        direction=_DIRECTIONS[device.direction],
        anti_passback=device.anti_passback,
        groups=device.group_ids,
        per_kg_minor=device.per_kg_minor,
        floor_minor=device.floor_minor,
        claim_wait_ms=device.claim_wait_ms,
        supervisors=supervisors_of(now),
    )
