"""What settlement gives. Amounts in minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from devices.core.policy import Text
from devices.core.quote import Quote


@dataclass(frozen=True, slots=True)
class CheckReport:
    """One round of checking evidence; `bad` counts records that cannot simply be posted."""

    batches: int
    records: int
    bad: int


@dataclass(frozen=True, slots=True)
class PostReport:
    """One posting group. `records` counts every record passed, `sales` and `reversals` what was written for them."""

    posting_group: int = 0
    batches: int = 0
    records: int = 0
    sales: int = 0
    reversals: int = 0
    suspended: int = 0
    exceptions: int = 0
    transfers: int = 0


@dataclass(frozen=True, slots=True)
class SaleView:
    """A posted sale as its payer sees it; `benefit_minor` is what grants and their sponsors paid."""

    id: int
    account_ref: int
    taken_at: datetime
    business_date: date
    outlet_id: int
    outlet_name: str
    outlet_name_en: str
    terminal_id: int
    amount_minor: int
    purse_minor: int
    benefit_minor: int
    loss_minor: int
    suspense_minor: int
    policy: int
    reversed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Recheck:
    """A sale evaluated again from what its record kept."""

    sale_id: int
    recorded: Quote
    again: Quote

    @property
    def same(self) -> bool:
        """Whether amount, legs, reasons and decline come out as they were recorded.

        An earlier evaluator's record names that evaluator, and says nothing of what a sale counts for.
        """
        recorded = self.recorded
        if recorded.evaluator != self.again.evaluator:
            recorded = msgspec.structs.replace(recorded, evaluator=self.again.evaluator, counted=self.again.counted)
        return recorded == self.again


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of a basket at its list price; no name is a typed amount, or a product that is not known any more."""

    name: Text | None
    quantity: int
    unit_minor: int

    @property
    def amount_minor(self) -> int:
        return self.quantity * self.unit_minor


@dataclass(frozen=True, slots=True)
class StreamAudit:
    """One stream read back from the ledger. `lost` and `twice` must be 0 once `posted_through` is `received_through`.

    `lost` counts records passed by posting that became neither sale, reversal, epoch, exception, nor (`reported`)
    passage or note; `twice` counts sales whose transfers do not sum to exactly their amount.
    """

    stream_id: int
    terminal_id: int
    epoch: int
    received_through: int
    posted_through: int
    sales: int
    reversals: int
    set_aside: int
    reported: int
    lost: int
    twice: int
    forked: bool


@dataclass(frozen=True, slots=True)
class UploadCounts:
    """All streams together, in records and sales."""

    records_received: int
    records_posted: int
    sales: int
    reversals: int
    set_aside: int
    reported: int
    lost: int
    twice: int


@dataclass(frozen=True, slots=True)
class SettleReport:
    """What one run of checking and posting did, in records; `more` says that it stopped before the end."""

    checked: int
    posted: int
    exceptions: int
    more: bool
