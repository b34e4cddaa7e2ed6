"""Who pays for what, decided in memory against the balances that are locked. Pure: no database here.

A source pays what it can. What a lot cannot pay is its sponsor's, or the offline loss where no sponsor is known, and
never the purse's; what the purse cannot pay down to its debt floor is the offline loss. What cannot be trusted at
all is suspense. The merchant receives the whole of what the terminal showed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.values import AccountState, CauseTransfer, TransferRow
from ecard.settlement.models import ExceptionKind
from ecard.settlement.posting.records import Leg
from ecard.settlement.posting.sources import GrantSource, Named

_SALE = int(CauseKind.SALE)
_PURSE = int(TransferKind.SALE_PURSE)
_GRANT = int(TransferKind.SALE_GRANT)
_SPONSOR = int(TransferKind.SALE_SPONSOR)
_LOSS = int(TransferKind.LOSS)
_SUSPENSE = int(TransferKind.SALE_SUSPENSE)
_REVERSAL = int(TransferKind.REVERSAL)


Paid: TypeAlias = tuple[int, int, int, int, int]
"""The parts of one sale's amount: from the purse, from grants, from sponsors, offline loss, in suspense."""


class Failed(NamedTuple):
    """One thing about a record that finance has to know; `params` fill its sentence."""

    record_id: int
    kind: ExceptionKind
    amount_minor: int
    params: dict[str, int | str]


class Teller:
    """Books the legs of one group in the order they come; `rows` are the transfers, `failed` the exceptions."""

    def __init__(self, *, named: Named, accounts: Mapping[int, AccountState]) -> None:
        self.rows: list[TransferRow] = []
        self.failed: list[Failed] = []
        self._named = named
        self._closed = set[int]()
        self._available = dict[int, int]()
        for account_id, _kind, balance_minor, floor_minor, closed_at, held_minor in accounts.values():
            if closed_at is not None:
                self._closed.add(account_id)
            elif floor_minor is not None:
                self._available[account_id] = max(0, balance_minor - held_minor - floor_minor)
        self._spans: dict[int, tuple[int, int]] = {}

    def sell(
        self, sale_id: int, account_ref: int, purse_id: int, merchant: int, taken_s: int, legs: Sequence[Leg]
    ) -> Paid:
        """Book one sale; its legs are positive and sum to its amount. By place: this is called for every sale."""
        rows, available, grants = self.rows, self._available, self._named.grants
        begin = len(rows)
        purse = grant = sponsor = loss = 0
        for leg in legs:
            wanted = leg.amount_minor
            if leg.source == "purse":
                paid = min(available.get(purse_id, 0), wanted)
                if paid:
                    available[purse_id] -= paid
                    rows.append((purse_id, merchant, paid, _PURSE, _SALE, sale_id))
                    purse += paid
                if paid < wanted:
                    loss += self._lose(sale_id, merchant, wanted - paid)
                    kind = ExceptionKind.ACCOUNT_CLOSED if purse_id in self._closed else ExceptionKind.PURSE_SHORT
                    self._fail(sale_id, kind, wanted - paid, {"paid_minor": paid})
                continue
            source = grants.get(leg.ref)
            own = source if source is not None and source.account_ref == account_ref else None
            usable = own is not None and taken_s < own.expires_s
            paid = min(available.get(leg.ref, 0), wanted) if usable else 0
            if paid:
                available[leg.ref] -= paid
                rows.append((leg.ref, merchant, paid, _GRANT, _SALE, sale_id))
                grant += paid
            if paid < wanted:
                by_sponsor = self._sponsor(sale_id, merchant, leg=leg, own=own, usable=usable, paid=paid)
                sponsor += by_sponsor
                loss += wanted - paid - by_sponsor
        self._spans[sale_id] = (begin, len(rows))
        return purse, grant, sponsor, loss, 0

    def suspend(self, *, sale_id: int, merchant: int, amount_minor: int, why: Failed) -> Paid:
        """Pay the merchant and leave it to a person whose money that is."""
        begin = len(self.rows)
        self.rows.append((self._named.suspense_id, merchant, amount_minor, _SUSPENSE, _SALE, sale_id))
        self._spans[sale_id] = (begin, begin + 1)
        self.failed.append(why)
        return 0, 0, 0, 0, amount_minor

    def undo(self, *, reversal_id: int, sale_id: int, moved: Sequence[CauseTransfer] | None) -> None:
        """Book a sale's transfers the other way round; `moved` are those of an earlier group, None for this one."""
        if moved is None:
            begin, end = self._spans[sale_id]
            pairs = [(debit, credit, amount) for debit, credit, amount, *_rest in self.rows[begin:end]]
        else:
            pairs = [(each.debit_account_id, each.credit_account_id, each.amount_minor) for each in moved]
        for payer, merchant, amount_minor in pairs:
            back_to = payer
            if payer in self._closed:
                back_to = self._named.suspense_id
                self._fail(reversal_id, ExceptionKind.ACCOUNT_CLOSED, amount_minor, {"paid_minor": 0})
            elif payer in self._available:
                self._available[payer] += amount_minor
            self.rows.append((merchant, back_to, amount_minor, _REVERSAL, _SALE, sale_id))

    def refuse(self, why: Failed) -> None:
        """Note a record that moves no money."""
        self.failed.append(why)

    def _sponsor(
        self, sale_id: int, merchant: int, *, leg: Leg, own: GrantSource | None, usable: bool, paid: int
    ) -> int:
        """Book what a lot could not pay; gives the sponsor's part (all of it, or nothing where none is known)."""
        short = leg.amount_minor - paid
        if own is None:
            kind, sponsor = ExceptionKind.LOT_MISSING, self._named.sponsors.get(leg.programme)
        else:
            kind, sponsor = ExceptionKind.LOT_SHORT if usable else ExceptionKind.LOT_EXPIRED, own.sponsor_id
        self._fail(sale_id, kind, short, {"paid_minor": paid, "programme": leg.programme, "lot": leg.ref})
        if sponsor is None:
            self._lose(sale_id, merchant, short)
            return 0
        self.rows.append((sponsor, merchant, short, _SPONSOR, _SALE, sale_id))
        return short

    def _lose(self, sale_id: int, merchant: int, short: int) -> int:
        self.rows.append((self._named.loss_id, merchant, short, _LOSS, _SALE, sale_id))
        return short

    def _fail(self, record_id: int, kind: ExceptionKind, amount_minor: int, params: dict[str, int | str]) -> None:
        """One exception for a record and kind, however many legs failed alike."""
        last = self.failed[-1] if self.failed else None
        if last is not None and (last.record_id, last.kind) == (record_id, kind):
            self.failed[-1] = last._replace(amount_minor=last.amount_minor + amount_minor)
        else:
            self.failed.append(Failed(record_id, kind, amount_minor, params))
