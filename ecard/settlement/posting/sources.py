"""What a group's records name, looked up before any account is locked. None of it changes once made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from django.db import connection

from ecard.benefits.queries import sponsors_of_entitlements, sponsors_of_programmes
from ecard.ledger.arrays import array_literal, looked_up_by_index
from ecard.ledger.models import AccountKind, CauseKind, TransferKind
from ecard.ledger.operations import house_account
from ecard.ledger.queries import newest_causes, transfers_of_causes
from ecard.ledger.values import CauseTransfer
from ecard.merchants.queries import OutletView, outlets_by_id
from ecard.settlement.posting.counts import Counts, recalled
from ecard.settlement.rules import record_id

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
_ORIGINALS = """
SELECT sale.id, sale.account_ref, sale.business_date, sale.amount_minor, sale.purse_minor + sale.loss_minor,
       sale.suspense_minor > 0, sale.presented_s, sale.code_id, undone.id IS NOT NULL, sale.period, sale.counted
FROM settlement_sale AS sale LEFT JOIN settlement_salereversal AS undone ON undone.sale_id = sale.id
WHERE sale.id = ANY(%s::bigint[])
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

    `sponsors` are the accounts of programmes' sponsors, `entitled` those of entitlements'.
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
    loss_id: int
    suspense_id: int

    def accounts(self) -> set[int]:
        """Every ledger account the group can touch."""
        accounts = {*self.purses.values(), *self.grants, *self.sponsors.values(), self.loss_id, self.suspense_id}
        accounts.update(self.entitled.values())
        accounts.update(source.sponsor_id for source in self.grants.values())
        accounts.update(outlet.account_id for outlet in self.outlets.values())
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
    return Named(
        purses=dict(_rows(_PURSES, [sorted(account_refs)])),
        grants={row[0]: GrantSource._make(row[1:]) for row in _rows(_GRANTS, [sorted(lots)])} if lots else {},
        sponsors=sponsors_of_programmes(programmes),
        entitled=sponsors_of_entitlements(entitlements) if entitlements else {},
        outlets=outlets_by_id(outlets),
        streams=streams,
        reversed_ids=frozenset(keys),
        originals={row[0]: _original(row) for row in _rows(_ORIGINALS, [keys])} if keys else {},
        moved=transfers_of_causes(cause_kind=CauseKind.SALE, cause_ids=keys) if keys else {},
        loss_id=house_account(kind=AccountKind.OFFLINE_LOSS),
        suspense_id=house_account(kind=AccountKind.SUSPENSE),
    )


class Before(NamedTuple):
    """What became of vouchers before this group: the sale that took each one last, and which were given away."""

    spent: dict[int, int]
    given: frozenset[int]


NOTHING_BEFORE = Before({}, frozenset())


def vouchers_before(lots: Collection[int]) -> Before:
    """Ask after the accounts are locked: then the answer stands."""
    if not lots:
        return NOTHING_BEFORE
    spent = newest_causes(lots, kind=TransferKind.SALE_VOUCHER)
    return Before(spent, frozenset(newest_causes(lots, kind=TransferKind.VOUCHER_GIVEN)))


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
    columns = list(zip(*named, strict=True))
    return {(terminal, epoch): stream for terminal, epoch, stream in _rows(_STREAMS, columns)}


def _rows(statement: str, values: Sequence[Collection[int]]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor, looked_up_by_index(cursor, rows=max(map(len, values))):
        cursor.execute(statement, [array_literal(each) for each in values])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
