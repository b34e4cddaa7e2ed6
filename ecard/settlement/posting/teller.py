"""Who pays for what, decided in memory against the balances that are locked. Pure: no database here.

A source pays what it can. A voucher pays once: what is left in it goes back to its sponsor at once. A free meal is its
sponsor's. What a lot or a voucher cannot pay is its sponsor's, or the offline loss where no sponsor is known, and
never the purse's; what the purse cannot pay down to its debt floor is the offline loss. What cannot be trusted at
all is suspense. The merchant receives the whole of what the terminal showed.

A voucher that comes back by a reversal can be used again, unless its sponsor paid for another sale because it was gone:
then it is that sale's (ADR 0011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from ecard.ledger.models import CauseKind, TransferKind
from ecard.ledger.values import AccountState, CauseTransfer, TransferRow
from ecard.settlement.models import ExceptionKind
from ecard.settlement.posting.records import Leg
from ecard.settlement.posting.sources import LOTS_BETWEEN, NOTHING_BEFORE, Before, GrantSource, Named

_SALE = int(CauseKind.SALE)
_PURSE = int(TransferKind.SALE_PURSE)
_GRANT = int(TransferKind.SALE_GRANT)
_SPONSOR = int(TransferKind.SALE_SPONSOR)
_LOSS = int(TransferKind.LOSS)
_SUSPENSE = int(TransferKind.SALE_SUSPENSE)
_REVERSAL = int(TransferKind.REVERSAL)
_VOUCHER = int(TransferKind.SALE_VOUCHER)
_REST = int(TransferKind.VOUCHER_REST)
_RESTORED = int(TransferKind.VOUCHER_RESTORED)
_ENTITLEMENT = int(TransferKind.SALE_ENTITLEMENT)
_TAKEN_BACK = int(TransferKind.TAKEN_BACK)
_GIVEN_AS = int(CauseKind.GRANT)


Paid: TypeAlias = tuple[int, int, int, int, int]
"""The parts of one sale's amount: from the purse, from grants, from sponsors, offline loss, in suspense."""


class Failed(NamedTuple):
    """One thing about a record that finance has to know; `params` fill its sentence."""

    record_id: int
    kind: ExceptionKind
    amount_minor: int
    params: dict[str, int | str]


class Teller:
    """Books the legs of one group in the order they come; `rows` are the transfers, `failed` the exceptions.

    `taken` says of each voucher it met whether it is spent now; `before` what became of vouchers before.
    """

    def __init__(self, *, named: Named, accounts: Mapping[int, AccountState], before: Before = NOTHING_BEFORE) -> None:
        self.rows: list[TransferRow] = []
        self.failed: list[Failed] = []
        self.taken: dict[int, bool] = {}
        self._told: dict[tuple[int, ExceptionKind], int] = {}
        self._spent, self._given = dict(before.spent), before.given
        self._instead = {lot: list(sales) for lot, sales in before.instead.items()}
        self._passed: dict[int, list[TransferRow]] = {}
        self._undone = set[int]()
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
            if leg.source == "entitlement":
                by_sponsor = self._entitle(sale_id, merchant, leg)
                sponsor += by_sponsor
                loss += wanted - by_sponsor
                continue
            source = grants.get(leg.ref)
            own = source if source is not None and source.account_ref == account_ref else None
            usable = own is not None and taken_s < own.expires_s
            paid = min(available.get(leg.ref, 0), wanted) if usable else 0
            if paid and own is not None:
                available[leg.ref] -= paid
                if leg.source == "voucher":
                    rows.append((leg.ref, merchant, paid, _VOUCHER, _SALE, sale_id))
                    self._return_rest(sale_id, leg.ref, own)
                else:
                    rows.append((leg.ref, merchant, paid, _GRANT, _SALE, sale_id))
                grant += paid
            if paid < wanted:
                by_sponsor = self._sponsor(sale_id, merchant, leg=leg, source=source, own=own, usable=usable, paid=paid)
                sponsor += by_sponsor
                loss += wanted - paid - by_sponsor
        self._spans[sale_id] = (begin, len(rows))
        return purse, grant, sponsor, loss, 0

    def free(self, parts: Sequence[tuple[int, int]]) -> None:
        """What was held for the sale that is booked next, by account, can pay from here on."""
        for account_id, amount_minor in parts:
            if account_id in self._available:
                self._available[account_id] += amount_minor

    def suspend(self, *, sale_id: int, merchant: int, amount_minor: int, why: Failed) -> Paid:
        """Pay the merchant and leave it to a person whose money that is."""
        begin = len(self.rows)
        self.rows.append((self._named.suspense_id, merchant, amount_minor, _SUSPENSE, _SALE, sale_id))
        self._spans[sale_id] = (begin, begin + 1)
        self.failed.append(why)
        return 0, 0, 0, 0, amount_minor

    def undo(self, *, reversal_id: int, sale_id: int, moved: Sequence[CauseTransfer] | None) -> None:
        """Book a sale's transfers the other way round; `moved` are those of an earlier group, None for this one."""
        self._undone.add(sale_id)
        vouchers: dict[int, None] = {}
        for payer, receiver, amount_minor, kind in self._moved(sale_id, moved):
            back_to = payer
            if payer in self._closed:
                back_to = self._named.suspense_id
                self._fail(reversal_id, ExceptionKind.REVERSAL_CLOSED, amount_minor, {"paid_minor": 0})
            elif payer in self._available:
                self._available[payer] += amount_minor
            self.rows.append(
                (receiver, back_to, amount_minor, _RESTORED if kind == _REST else _REVERSAL, _SALE, sale_id)
            )
            if back_to == payer and kind in (_VOUCHER, _REST):
                vouchers[payer] = None
            elif back_to == payer and kind == _GRANT:
                self._refill(payer, amount_minor)
        for voucher in vouchers:
            self._put_back(voucher)

    def refuse(self, why: Failed) -> None:
        """Note a record that moves no money."""
        self.failed.append(why)

    def _entitle(self, sale_id: int, merchant: int, leg: Leg) -> int:
        """Book a free meal to its sponsor; gives the sponsor's part."""
        sponsor = self._named.entitled.get(leg.ref)
        if sponsor is None:
            self._fail(
                sale_id, ExceptionKind.ENTITLEMENT_UNKNOWN, leg.amount_minor, {"paid_minor": 0, "entitlement": leg.ref}
            )
            self._lose(sale_id, merchant, leg.amount_minor)
            return 0
        self.rows.append((sponsor, merchant, leg.amount_minor, _ENTITLEMENT, _SALE, sale_id))
        return leg.amount_minor

    def _return_rest(self, sale_id: int, lot: int, own: GrantSource) -> None:
        """A voucher is used up by its first sale."""
        rest = self._available[lot]
        if rest:
            self._available[lot] = 0
            self.rows.append((lot, own.sponsor_id, rest, _REST, _SALE, sale_id))
        self.taken[lot] = True
        self._spent[lot] = sale_id

    def _moved(self, sale_id: int, earlier: Sequence[CauseTransfer] | None) -> list[tuple[int, int, int, int]]:
        """(payer, receiver, amount, kind) of all that stands for a sale."""
        if earlier is None:
            begin, end = self._spans[sale_id]
            found = [row[:4] for row in self.rows[begin:end]]
        else:
            found = [(each.debit_account_id, each.credit_account_id, each.amount_minor, each.kind) for each in earlier]
        return found + [row[:4] for row in self._passed.pop(sale_id, ())]

    def _refill(self, lot: int, amount_minor: int) -> None:
        """A lot that has ended runs again until it is swept; what a reversed run gave goes back to its sponsor."""
        refilled = self._named.refilled.get(lot)
        if refilled is None:
            return
        if not refilled.taken_back:
            self.taken[lot] = False
            return
        self._available[lot] -= amount_minor
        self.rows.append((lot, refilled.sponsor_id, amount_minor, _TAKEN_BACK, _GIVEN_AS, refilled.grant_id))

    def _put_back(self, voucher: int) -> None:
        """Whose a voucher is once the sale it was spent on is taken back."""
        whole, refilled = self._available[voucher], self._named.refilled.get(voucher)
        sponsor_id = self._named.grants[voucher].sponsor_id if refilled is None else refilled.sponsor_id
        self._spent.pop(voucher, None)
        other = next((sale for sale in self._instead.get(voucher, ()) if sale not in self._undone), None)
        if refilled is not None and refilled.taken_back:
            self.rows.append((voucher, sponsor_id, whole, _TAKEN_BACK, _GIVEN_AS, refilled.grant_id))
        elif other is not None:
            passed = (voucher, sponsor_id, whole, _REST, _SALE, other)
            self.rows.append(passed)
            self._passed.setdefault(other, []).append(passed)
            self._instead[voucher].remove(other)
            self._spent[voucher] = other
        else:
            self.taken[voucher] = False
            return
        self._available[voucher], self.taken[voucher] = 0, True

    def _sponsor(
        self,
        sale_id: int,
        merchant: int,
        *,
        leg: Leg,
        source: GrantSource | None,
        own: GrantSource | None,
        usable: bool,
        paid: int,
    ) -> int:
        """Book what a lot could not pay; gives the sponsor's part (all of it, or nothing where none is known)."""
        short = leg.amount_minor - paid
        params: dict[str, int | str] = {"paid_minor": paid, "programme": leg.programme, "lot": leg.ref}
        kind = self._why_short(leg, source=source, own=own, usable=usable)
        if kind is ExceptionKind.VOUCHER_TWICE:
            params["other"] = self._spent[leg.ref]
        if leg.source == "voucher" and kind in (ExceptionKind.VOUCHER_TWICE, ExceptionKind.LOT_SHORT):
            self._instead.setdefault(leg.ref, []).append(sale_id)
        sponsor = self._named.sponsors.get(leg.programme) if own is None else own.sponsor_id
        self._fail(sale_id, kind, short, params)
        if sponsor is None:
            self._lose(sale_id, merchant, short)
            return 0
        self.rows.append((sponsor, merchant, short, _SPONSOR, _SALE, sale_id))
        return short

    def _why_short(
        self, leg: Leg, *, source: GrantSource | None, own: GrantSource | None, usable: bool
    ) -> ExceptionKind:
        voucher = leg.source == "voucher"
        if own is None:
            return ExceptionKind.VOUCHER_MOVED if voucher and source is not None else ExceptionKind.LOT_MISSING
        if not usable:
            return ExceptionKind.LOT_EXPIRED
        if voucher and leg.ref in self._given:
            return ExceptionKind.VOUCHER_MOVED
        if voucher and leg.ref in self._spent:
            return ExceptionKind.VOUCHER_TWICE
        return ExceptionKind.LOT_RETURNED if own.ended else ExceptionKind.LOT_SHORT

    def _lose(self, sale_id: int, merchant: int, short: int) -> int:
        self.rows.append((self._named.loss_id, merchant, short, _LOSS, _SALE, sale_id))
        return short

    def _fail(self, record_id: int, kind: ExceptionKind, amount_minor: int, params: dict[str, int | str]) -> None:
        """One exception for a record and kind, however many legs failed alike."""
        place = self._told.get((record_id, kind))
        if place is None:
            self._told[record_id, kind] = len(self.failed)
            self.failed.append(Failed(record_id, kind, amount_minor, params))
            return
        told = self.failed[place]
        paid: dict[str, int | str] = {"paid_minor": int(told.params["paid_minor"]) + int(params["paid_minor"])}
        lots = str(told.params.get("lot", "")).split(LOTS_BETWEEN)
        if "lot" in params and str(params["lot"]) not in lots:
            paid["lot"] = LOTS_BETWEEN.join([*lots, str(params["lot"])])
        self.failed[place] = told._replace(amount_minor=told.amount_minor + amount_minor, params=told.params | paid)
