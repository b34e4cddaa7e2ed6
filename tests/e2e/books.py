"""The server's books, read and never written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

_SALES = """
SELECT sale.id, sale.amount_minor, sale.purse_minor, sale.grant_minor,
       sale.sponsor_minor + sale.loss_minor + sale.suspense_minor AS others_minor,
       reversal.id IS NOT NULL AS reversed,
       (SELECT coalesce(sum(CASE merchant.account_id WHEN credit_account_id THEN amount_minor
                                                     WHEN debit_account_id THEN -amount_minor END), 0)
        FROM ledger_transfer WHERE cause_kind = 1 AND cause_id = sale.id)::bigint AS moved_minor
FROM settlement_sale AS sale
JOIN merchants_merchant AS merchant ON merchant.id = sale.merchant_id
JOIN cardholders_cardholder AS person ON person.account_ref = sale.account_ref
LEFT JOIN settlement_salereversal AS reversal ON reversal.sale_id = sale.id
WHERE person.number = %s ORDER BY sale.taken_at, sale.id
"""
_PURSE = """
SELECT account.balance_minor FROM ledger_account AS account
JOIN cardholders_cardholder AS person ON person.purse_id = account.id WHERE person.number = %s
"""
_TOTAL = """
SELECT (SELECT coalesce(sum(balance_minor), 0) FROM ledger_account)
     + (SELECT coalesce(sum(amount_minor), 0) FROM ledger_accountdelta)
"""


@dataclass(frozen=True, slots=True)
class BookedSale:
    """A posted sale: who paid which part, and what it has moved to the merchant, all in minor units."""

    id: int
    amount_minor: int
    purse_minor: int
    grant_minor: int
    others_minor: int
    reversed: bool
    moved_minor: int


class Books:
    """Questions to the ledger and the sales."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self._session = session
        self._last_exception = self._number("SELECT coalesce(max(id), 0) FROM settlement_saleexception")

    def sales_of(self, number: str) -> list[BookedSale]:
        """A cardholder's posted sales, oldest first."""
        with self._session.cursor(row_factory=class_row(BookedSale)) as cursor:
            return cursor.execute(_SALES, (number,)).fetchall()

    def purse_minor(self, number: str) -> int:
        """What is in a cardholder's purse."""
        return self._number(_PURSE, number)

    def balance(self) -> bool:
        """Whether all accounts together come to nothing, as a double-entry ledger must."""
        return self._number(_TOTAL) == 0

    def policy_of(self, terminal: int) -> int:
        """The number of the policy by which a terminal has said that it decides."""
        return self._number("SELECT policy_number FROM terminals_terminal WHERE id = %s", terminal)

    def exceptions(self) -> int:
        """How many matters have come to the finance office since these books were opened."""
        return self._number("SELECT count(*) FROM settlement_saleexception WHERE id > %s", self._last_exception)

    def open_holds(self) -> int:
        """How many sales the server holds money for and has not heard the end of."""
        return self._number("SELECT count(*) FROM settlement_authorisedhold WHERE state = 0")

    def _number(self, statement: str, *given: object) -> int:
        row = self._session.execute(statement, given).fetchone()
        assert row is not None
        return int(row[0])


@contextmanager
def open_books(database_url: str) -> Iterator[Books]:
    """For reading only: the session cannot write."""
    with psycopg.connect(database_url, autocommit=True, options="-c default_transaction_read_only=on") as session:
        yield Books(session)
