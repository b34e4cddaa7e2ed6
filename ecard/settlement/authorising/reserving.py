"""What is held for the records that a posting group brings, and for those that it shows will never come.

Looked up once for the group, by a small index of open holds; mostly there is nothing. A hold whose record is the sale
of the person it was placed for is freed as that sale is booked, and nobody else's leg can take its money. Every other
hold of the same stream up to the group's last record, and of streams that a new epoch follows, is released at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from django.db import connection

from ecard.ledger.models import TransferKind
from ecard.ledger.operations import end_holds, open_holds
from ecard.ledger.values import AccountState, TransferRow
from ecard.settlement.models import AuthorisedHold, AuthorisedState
from ecard.settlement.posting.records import Line, SaleLine
from ecard.settlement.posting.work import Taken
from ecard.settlement.rules import record_id

Part: TypeAlias = tuple[int, int, int]
"""(ledger hold, account, amount)."""

_OF_PURSE_OR_LOT = (TransferKind.SALE_PURSE, TransferKind.SALE_GRANT, TransferKind.SALE_VOUCHER)
_OPEN = """
SELECT held.id, stream.id, held.seq, held.account_ref, held.hold_ids,
       EXISTS (SELECT FROM terminals_stream AS newer WHERE newer.id = ANY(%s::int[])
               AND newer.terminal_id = held.terminal_id AND newer.epoch <> held.epoch
               AND newer.created_at >= held.placed_at)
FROM settlement_authorisedhold AS held
LEFT JOIN terminals_stream AS stream ON stream.terminal_id = held.terminal_id AND stream.epoch = held.epoch
WHERE held.state = 0 AND held.terminal_id = ANY(%s::smallint[])
ORDER BY held.id
"""
_CAPTURE = """
UPDATE settlement_authorisedhold AS held SET state = 1, sale_id = taken.sale_id, ended_at = %s, answer = ''
FROM unnest(%s::bigint[], %s::bigint[]) AS taken (id, sale_id) WHERE held.id = taken.id AND held.state = 0
"""


class _Held(NamedTuple):
    """An authorised hold that this group ends; `key` is the sale that takes it, 0 for none."""

    id: int
    key: int
    account_ref: int
    hold_ids: tuple[int, ...]


@dataclass(slots=True)
class Reserved:
    """The holds that a group ends. `by_key` has, for the sales that take them, what is set aside for each."""

    held: tuple[_Held, ...] = ()
    parts: dict[int, tuple[Part, ...]] = field(default_factory=dict)

    @property
    def accounts(self) -> set[int]:
        """Which accounts must be locked besides those of the records."""
        return {account for parts in self.parts.values() for _hold, account, _amount in parts}

    @property
    def by_key(self) -> dict[int, list[tuple[int, int]]]:
        """Sale id → (account, amount) set aside for it."""
        return {
            each.key: [(account, amount) for _hold, account, amount in self.parts[each.id]]
            for each in self.held
            if each.key
        }

    @property
    def refs(self) -> set[int]:
        """Whose money it is."""
        return {each.account_ref for each in self.held}

    def read(self) -> None:
        """Which holds are open still; to be read again once their accounts are locked."""
        found = {each.id: each for each in open_holds([hold_id for each in self.held for hold_id in each.hold_ids])}
        self.parts = {
            each.id: tuple(
                (hold_id, found[hold_id].account_id, found[hold_id].amount_minor)
                for hold_id in each.hold_ids
                if hold_id in found
            )
            for each in self.held
        }

    def without(self, locked: Mapping[int, AccountState], *, taken_too: bool) -> dict[int, AccountState]:
        """The accounts as they are with these holds released; those that sales take only with `taken_too`."""
        freed = dict(locked)
        for each in self.held:
            if each.key and not taken_too:
                continue
            for _hold, account, amount in self.parts[each.id]:
                state = freed[account]
                freed[account] = state._replace(held_minor=state.held_minor - amount)
        return freed

    def captures(self, rows: Sequence[TransferRow]) -> dict[int, int]:
        """The place in `rows` of each transfer that captures a hold → the hold; each hold once."""
        waiting = {
            (account, each.key): hold
            for each in self.held
            if each.key
            for hold, account, _amount in self.parts[each.id]
        }
        if not waiting:
            return {}
        captured: dict[int, int] = {}
        for place, (debit, _credit, _amount, kind, _cause_kind, cause_id) in enumerate(rows):
            if kind in _OF_PURSE_OR_LOT and (hold := waiting.pop((debit, cause_id), None)) is not None:
                captured[place] = hold
        return captured

    def end(self, *, captured: Mapping[int, int], at: datetime) -> None:
        """Write what became of them; the accounts are locked."""
        if not self.held:
            return
        taken = set(captured.values())
        end_holds(taken, captured=True, at=at)
        end_holds({hold for parts in self.parts.values() for hold, _account, _amount in parts} - taken, at=at)
        paid = {
            each.id: each.key
            for each in self.held
            if each.key and (not each.hold_ids or any(hold in taken for hold in each.hold_ids))
        }
        if paid:
            with connection.cursor() as cursor:
                cursor.execute(_CAPTURE, [at, list(paid), list(paid.values())])
        rest = [each.id for each in self.held if each.id not in paid]
        AuthorisedHold.objects.filter(state=AuthorisedState.OPEN, pk__in=rest).update(
            state=AuthorisedState.RELEASED, ended_at=at, answer=b""
        )


def reserved_for(batches: Sequence[tuple[Taken, list[Line | None]]]) -> Reserved:
    """What the group's records end. One statement where nothing is held, two where something is."""
    ends: dict[int, int] = {}
    for batch, _lines in batches:
        ends[batch.stream_id] = max(ends.get(batch.stream_id, 0), batch.last_seq)
    began = [batch.stream_id for batch, _lines in batches if batch.first_seq == 1]
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [began, sorted({batch.terminal_id for batch, _lines in batches})])
        rows = cursor.fetchall()
    if not rows:
        return Reserved()
    sales = _sales(batches, {(stream, seq) for _id, stream, seq, *_rest in rows})
    held = []
    for held_id, stream, seq, account_ref, hold_ids, superseded in rows:
        if seq <= ends.get(stream, 0):
            key = record_id(stream, seq) if sales.get((stream, seq)) == account_ref else 0
            held.append(_Held(held_id, key, account_ref, tuple(hold_ids)))
        elif superseded:
            held.append(_Held(held_id, 0, account_ref, tuple(hold_ids)))
    reserved = Reserved(tuple(held))
    if held:
        reserved.read()
    return reserved


def _sales(
    batches: Sequence[tuple[Taken, list[Line | None]]], wanted: set[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    """Whose sale each wanted (stream, sequence) is, where it is one."""
    found = {}
    for batch, lines in batches:
        for stream, seq in wanted:
            place = seq - batch.first_seq
            if stream == batch.stream_id and 0 <= place < len(lines):
                line = lines[place]
                if type(line) is SaleLine:
                    found[stream, seq] = line.account_ref
    return found
