"""What a group's records name, looked up before any account is locked. None of it changes once made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from django.db import connection

from ecard.benefits.models import ProgrammeKind, RunState
from ecard.benefits.queries import sponsors_of_entitlements, sponsors_of_programmes
from ecard.ledger.arrays import array_literal, looked_up_by_index
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import newest_causes, transfers_of_causes
from ecard.ledger.values import CauseTransfer
from ecard.merchants.queries import OutletView, outlets_by_id
from ecard.settlement.models import ExceptionKind
from ecard.settlement.posting.counts import Counts, recalled
from ecard.settlement.rules import record_id

LOTS_BETWEEN = ", "
"""Between the lots of one exception."""
_INSTEAD = [int(ExceptionKind.VOUCHER_TWICE), int(ExceptionKind.LOT_SHORT)]
_FROM_LOTS = (TransferKind.SALE_GRANT, TransferKind.SALE_VOUCHER, TransferKind.VOUCHER_REST)
_SPONSORED = TransferKind.SALE_SPONSOR

Presentation: TypeAlias = tuple[int, int, int]
"""(presented in unix seconds, code id, account ref)."""

_PURSES = """
SELECT account_ref, purse_id FROM cardholders_cardholder WHERE account_ref = ANY(%s::bigint[])
"""
_GRANTS = """
SELECT lot.account_id, person.account_ref, programme.sponsor_id, extract(epoch FROM lot.expires_at)::bigint,
       lot.ended_at IS NOT NULL
FROM benefits_grant AS lot
JOIN cardholders_cardholder AS person ON person.id = lot.cardholder_id
JOIN benefits_programme AS programme ON programme.id = lot.programme_id
WHERE lot.account_id = ANY(%s::bigint[])
"""
_STREAMS = """
SELECT stream.terminal_id, stream.epoch, stream.id
FROM unnest(%s::smallint[], %s::bigint[]) AS named (terminal_id, epoch)
JOIN terminals_stream AS stream ON stream.terminal_id = named.terminal_id AND stream.epoch = named.epoch
"""
# A device that was given another place names what it sold at the one before, where its epochs go on (receiving holds
# that it is the same device). The place that had the epoch first comes last, and stays.
_STREAMS_BEFORE = """
SELECT named.terminal_id, named.epoch, sold.id
FROM unnest(%s::smallint[], %s::bigint[]) AS named (terminal_id, epoch)
JOIN terminals_stream AS here ON here.terminal_id = named.terminal_id AND here.previous_epoch > 0
JOIN terminals_stream AS there ON there.epoch = here.previous_epoch AND there.terminal_id <> here.terminal_id
JOIN terminals_stream AS sold ON sold.terminal_id = there.terminal_id AND sold.epoch = named.epoch
ORDER BY sold.id DESC
"""
_ORIGINALS = """
SELECT sale.id, sale.account_ref, sale.business_date, sale.amount_minor, sale.purse_minor + sale.loss_minor,
       sale.suspense_minor > 0, sale.presented_s, sale.code_id, undone.id IS NOT NULL, sale.period, sale.counted
FROM settlement_sale AS sale LEFT JOIN settlement_salereversal AS undone ON undone.sale_id = sale.id
WHERE sale.id = ANY(%s::bigint[])
"""
# What a reversal must know of the lots that it fills again: vouchers, and those that ended or whose run was reversed.
_REFILLED = """
SELECT lot.account_id, lot.id, coalesce(run.sponsor_id, programme.sponsor_id),
       programme.kind = %s, coalesce(run.state IN (%s, %s), false)
FROM benefits_grant AS lot JOIN benefits_programme AS programme ON programme.id = lot.programme_id
LEFT JOIN benefits_grant AS issued ON issued.id = coalesce(lot.origin_id, lot.id)
LEFT JOIN benefits_run AS run ON run.id = issued.run_id
WHERE lot.account_id = ANY(%s::bigint[])
  AND (programme.kind = %s OR lot.ended_at IS NOT NULL OR run.state IN (%s, %s))
"""
_LOTS_TOLD = """
SELECT DISTINCT unnest(string_to_array(params->>'lot', %s))::bigint FROM settlement_saleexception
WHERE record_id = ANY(%s::bigint[]) AND kind = ANY(%s::smallint[])
"""
_PAID_INSTEAD = """
SELECT lot.account_id, sale.id
FROM benefits_grant AS lot JOIN cardholders_cardholder AS person ON person.id = lot.cardholder_id
JOIN settlement_sale AS sale ON sale.account_ref = person.account_ref AND sale.sponsor_minor > 0
JOIN settlement_saleexception AS told ON told.record_id = sale.id AND told.kind = ANY(%s::smallint[])
WHERE lot.account_id = ANY(%s::bigint[]) AND lot.account_id::text = ANY(string_to_array(told.params->>'lot', %s))
  AND NOT EXISTS (SELECT FROM settlement_salereversal WHERE sale_id = sale.id)
ORDER BY sale.id
"""
_UNDONE = """
SELECT sale_id FROM settlement_salereversal WHERE sale_id = ANY(%s::bigint[])
"""
_PRESENTED = """
SELECT sale.presented_s, sale.code_id, sale.account_ref, sale.id, sale.attempt, undone.id IS NOT NULL
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS shown (presented_s, code_id, account_ref)
JOIN settlement_sale AS sale ON sale.presented_s = shown.presented_s AND sale.code_id = shown.code_id
    AND sale.account_ref = shown.account_ref AND sale.suspense_minor = 0
LEFT JOIN settlement_salereversal AS undone ON undone.sale_id = sale.id
ORDER BY sale.attempt
"""


class GrantSource(NamedTuple):
    """A lot's account: whose it is, who answers for it, until when, and whether its rest was returned already."""

    account_ref: int
    sponsor_id: int
    expires_s: int
    ended: bool


class Refilled(NamedTuple):
    """A lot that a reversal may fill again; `taken_back` says that the run which gave it was reversed."""

    grant_id: int
    sponsor_id: int
    voucher: bool
    taken_back: bool


class Original(NamedTuple):
    """A sale posted earlier that this group reverses."""

    account_ref: int
    business_date: date
    amount_minor: int
    period: int
    counts: Counts
    suspended: bool
    presentation: Presentation
    undone: bool


Shown: TypeAlias = tuple[int, int, bool]
"""(sale id, attempt, live) of the last sale for which a presentation was posted; not live once it was reversed."""


@dataclass(frozen=True, slots=True)
class Named:
    """Everything the records of one group name.

    `sponsors` are the accounts of programmes' sponsors, `entitled` those of entitlements'. `refilled` are
    lots that only the careful way may fill again.
    """

    purses: dict[int, int]
    grants: dict[int, GrantSource]
    sponsors: dict[int, int]
    entitled: dict[int, int]
    outlets: dict[int, OutletView]
    streams: dict[tuple[int, int], int]
    reversed_ids: frozenset[int]
    originals: dict[int, Original]
    moved: dict[int, list[CauseTransfer]]
    refilled: dict[int, Refilled]
    loss_id: int
    suspense_id: int

    def accounts(self) -> set[int]:
        """Every ledger account the group can touch."""
        accounts = {*self.purses.values(), *self.grants, *self.sponsors.values(), self.loss_id, self.suspense_id}
        accounts.update(self.entitled.values())
        accounts.update(source.sponsor_id for source in self.grants.values())
        accounts.update(outlet.account_id for outlet in self.outlets.values())
        accounts.update(self.refilled, (lot.sponsor_id for lot in self.refilled.values()))
        for transfers in self.moved.values():
            for transfer in transfers:
                accounts.update((transfer.debit_account_id, transfer.credit_account_id))
        return accounts


def look_up(
    *,
    account_refs: Collection[int],
    lots: Collection[int],
    programmes: Iterable[int],
    entitlements: Collection[int],
    outlets: Iterable[int],
    reversed_records: Collection[tuple[int, int, int]],
) -> Named:
    """One statement for each kind of thing; `reversed_records` are (terminal, epoch, sequence)."""
    streams = _streams({(terminal, epoch) for terminal, epoch, _seq in reversed_records})
    keys = [
        record_id(streams[terminal, epoch], seq)
        for terminal, epoch, seq in reversed_records
        if (terminal, epoch) in streams
    ]
    moved = transfers_of_causes(cause_kind=CauseKind.SALE, cause_ids=keys) if keys else {}
    return Named(
        purses=dict(_rows(_PURSES, [sorted(account_refs)])),
        grants={row[0]: GrantSource._make(row[1:]) for row in _rows(_GRANTS, [sorted(lots)])} if lots else {},
        sponsors=sponsors_of_programmes(programmes),
        entitled=sponsors_of_entitlements(entitlements) if entitlements else {},
        outlets=outlets_by_id(outlets),
        streams=streams,
        reversed_ids=frozenset(keys),
        originals={row[0]: _original(row) for row in _rows(_ORIGINALS, [keys])} if keys else {},
        moved=moved,
        refilled=_refilled(moved) if moved else {},
        loss_id=house_account(kind=AccountKind.OFFLINE_LOSS),
        suspense_id=house_account(kind=AccountKind.SUSPENSE),
    )


def moved_by_now(named: Named) -> Named:
    """The same with the transfers of reversed sales as they are since the accounts were locked."""
    if not named.refilled:
        return named
    return replace(named, moved=transfers_of_causes(cause_kind=CauseKind.SALE, cause_ids=named.moved))


class Before(NamedTuple):
    """What became of vouchers before this group: the standing sale that each one is spent on, which were given away,
    and, of those at stake in a reversal, the standing sales that a sponsor paid because the voucher was not there.
    """

    spent: dict[int, int]
    given: frozenset[int]
    instead: dict[int, list[int]]


NOTHING_BEFORE = Before({}, frozenset(), {})


def vouchers_before(lots: Collection[int], *, at_stake: Collection[int]) -> Before:
    """Ask after the accounts are locked: then the answer stands."""
    asked = {*lots, *at_stake}
    if not asked:
        return NOTHING_BEFORE
    # With a voucher that was passed on from a sale taken back, its return to the sponsor names the sale it went to.
    spent = newest_causes(asked, kinds=(TransferKind.SALE_VOUCHER, TransferKind.VOUCHER_REST))
    undone = {row[0] for row in _run(_UNDONE, [array_literal(spent.values())])}
    spent = {lot: sale_id for lot, sale_id in spent.items() if sale_id not in undone}
    instead: dict[int, list[int]] = {}
    if at_stake:
        for lot, sale_id in _run(_PAID_INSTEAD, [_INSTEAD, array_literal(at_stake), LOTS_BETWEEN]):
            if spent.get(lot) != sale_id:
                instead.setdefault(lot, []).append(sale_id)
    return Before(spent, frozenset(newest_causes(asked, kinds=(TransferKind.VOUCHER_GIVEN,))), instead)


def _refilled(moved: Mapping[int, Sequence[CauseTransfer]]) -> dict[int, Refilled]:
    """Lots that paid for reversed sales, or were missed by them: their vouchers may have been passed on to them."""
    every = [each for transfers in moved.values() for each in transfers]
    lots = {each.debit_account_id for each in every if each.kind in _FROM_LOTS}
    sponsored = [sale for sale, transfers in moved.items() if any(each.kind == _SPONSORED for each in transfers)]
    if sponsored:
        lots.update(row[0] for row in _run(_LOTS_TOLD, [LOTS_BETWEEN, sponsored, _INSTEAD]))
    if not lots:
        return {}
    back = [RunState.REVERSING, RunState.REVERSED]
    values = [ProgrammeKind.VOUCHER, *back, array_literal(lots), ProgrammeKind.VOUCHER, *back]
    return {row[0]: Refilled._make(row[1:]) for row in _run(_REFILLED, values)}


def posted_presentations(presentations: Collection[Presentation]) -> dict[Presentation, Shown]:
    """Which of the presentations are posted already. Ask after the accounts are locked: then the answer stands."""
    if not presentations:
        return {}
    columns = list(zip(*sorted(presentations), strict=True))
    found: dict[Presentation, Shown] = {}
    for *presentation, sale_id, attempt, undone in _rows(_PRESENTED, columns):
        found[presentation[0], presentation[1], presentation[2]] = (sale_id, attempt, not undone)
    return found


def _original(row: tuple[Any, ...]) -> Original:
    _id, ref, business_date, amount_minor, purse_minor, suspended, presented_s, code_id, undone, period, counted = row
    presentation = (presented_s, code_id or 0, ref)
    counts = recalled(amount_minor, purse_minor, bytes(counted))
    return Original(ref, business_date, amount_minor, period, counts, suspended, presentation, undone)


def _streams(named: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
    if not named:
        return {}
    found = _streams_by(_STREAMS, named)
    unknown = [each for each in named if each not in found]
    return found | _streams_by(_STREAMS_BEFORE, unknown) if unknown else found


def _streams_by(statement: str, named: Collection[tuple[int, int]]) -> dict[tuple[int, int], int]:
    columns = list(zip(*named, strict=True))
    return {(terminal, epoch): stream for terminal, epoch, stream in _rows(statement, columns)}


def _run(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _rows(statement: str, values: Sequence[Collection[int]]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor, looked_up_by_index(cursor, rows=max(map(len, values))):
        cursor.execute(statement, [array_literal(each) for each in values])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
