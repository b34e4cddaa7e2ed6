"""What this terminal tells of itself: its journal's sales and reversals as facts."""

from collections.abc import Iterable, Iterator

from devices.core import code as codes
from devices.core.accept import presented_at
from devices.core.card import read_evidence
from devices.core.code import Code
from devices.core.journal import Record, ReversalRecord, SaleRecord
from devices.journal.spending import spent_of
from devices.lan.messages import Fact, Told, Undone


def told(epoch: int, record: SaleRecord, *, after: int) -> Told:
    """A sale as neighbours hear it."""
    spent, code = spent_of(epoch, record), code_of(record.evidence)
    return Told(
        epoch=epoch,
        seq=record.seq,
        after=after,
        account_ref=record.account_ref,
        at_s=spent.at_s,
        business_date=spent.business_date,
        period=spent.period,
        total_minor=spent.total_minor,
        purse_minor=spent.purse_minor,
        lots=spent.lots,
        scopes=spent.scopes,
        code=code.code_id if code is not None else b"",
        moment_s=presented_at(code) if code is not None else 0,
    )


def undone(epoch: int, record: ReversalRecord, *, after: int) -> Undone:
    """A reversal as neighbours hear it."""
    return Undone(epoch, record.seq, after, record.of_epoch, record.of_seq)


def facts(epoch: int, records: Iterable[Record], *, after: int) -> Iterator[Fact]:
    """The sales and reversals among an epoch's records, which follow `after`."""
    for record in records:
        if isinstance(record, SaleRecord):
            yield told(epoch, record, after=after)
        elif isinstance(record, ReversalRecord):
            yield undone(epoch, record, after=after)
        else:
            continue
        after = record.seq


def code_of(evidence: str) -> Code | None:
    """The code in a record's evidence; None for a card."""
    if read_evidence(evidence) is not None:
        return None
    try:
        return codes.parse(evidence, institution=evidence[2 : codes.PREFIX_LENGTH])
    except (codes.NotACode, codes.OtherInstitution, codes.DamagedCode):
        return None
