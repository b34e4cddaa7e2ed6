"""A shift's totals and its report. Pure: records in, lines out."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

import msgspec

from devices.core.journal import NoteRecord, PassRecord, ReversalRecord, SaleRecord
from devices.core.money import format_minor
from devices.core.notes import SHIFT_CLOSED, SHIFT_OPENED
from devices.journal.looking import Written
from devices.master.screen import Said
from devices.supervisor.values import Totals

RULE = "-" * 30

Find = Callable[[int, int], SaleRecord | None]
"""A sale by epoch and sequence, for a reversal of one from before the shift."""


def open_since(written: Sequence[Written]) -> int | None:
    """Where in the list the note stands that opened the present shift; None where none is open."""
    for place in range(len(written) - 1, -1, -1):
        record = written[place].record
        if isinstance(record, NoteRecord) and record.what in (SHIFT_OPENED, SHIFT_CLOSED):
            return place if record.what == SHIFT_OPENED else None
    return None


def totals(written: Sequence[Written], *, find: Find) -> Totals:
    """Of these records, in their order."""
    sums = dict.fromkeys((field.name for field in msgspec.structs.fields(Totals)), 0)
    sold = {(each.epoch, each.record.seq): each.record for each in written if isinstance(each.record, SaleRecord)}
    for each in written:
        match each.record:
            case SaleRecord() as sale:
                sums["sales"] += 1
                sums["sales_minor"] += sale.shown_minor
                for source in ("purse", "lot", "voucher", "entitlement"):
                    sums[f"{source}_minor"] += sale.quote.leg_minor(source)
            case ReversalRecord() as reversal:
                place = reversal.of_epoch, reversal.of_seq
                undone = sold.get(place) or find(*place)
                sums["reversals"] += 1
                sums["reversed_minor"] += undone.shown_minor if undone is not None else 0
            case PassRecord(direction="in"):
                sums["passes_in"] += 1
            case PassRecord():
                sums["passes_out"] += 1
            case _:
                pass
    return Totals(**sums)


class Head(msgspec.Struct, frozen=True):
    """What stands over a report."""

    outlet: Said
    terminal: str
    opened_ms: int
    opened_by: str
    closed_ms: int
    closed_by: str
    unsent: int
    place: str


def report(head: Head, sums: Totals, *, language: str, zone: tzinfo) -> tuple[str, ...]:
    """For a roll of 58 mm: each line fits 32 columns where names do."""

    def line(zh: str, en: str, value: object) -> str:
        label = Said(zh, en).in_language(language)
        return f"{label}: {value}"

    def money(zh: str, en: str, amount_minor: int) -> str:
        return line(zh, en, format_minor(amount_minor))

    sources = (
        ("余额", "Purse", sums.purse_minor),
        ("补贴", "Subsidies", sums.lot_minor),
        ("券", "Vouchers", sums.voucher_minor),
        ("出资方", "Sponsors", sums.entitlement_minor),
    )
    passes = [line("进 / 出", "In / out", f"{sums.passes_in} / {sums.passes_out}")]
    return (
        head.outlet.in_language(language),
        Said("班次报表", "Shift report").in_language(language),
        line("终端", "Terminal", head.terminal),
        line("开班", "Opened", f"{_local(head.opened_ms, zone)} {head.opened_by}"),
        line("交班", "Closed", f"{_local(head.closed_ms, zone)} {head.closed_by}"),
        RULE,
        line("笔数", "Sales", sums.sales),
        money("收款", "Taken", sums.sales_minor),
        *(money(f"  {zh}", f"  {en}", amount_minor) for zh, en, amount_minor in sources if amount_minor),
        line("撤销笔数", "Reversed", sums.reversals),
        money("撤销金额", "Of", sums.reversed_minor),
        money("净额", "Net", sums.net_minor),
        *(passes if sums.passes_in or sums.passes_out else ()),
        RULE,
        line("待上传", "Not uploaded yet", head.unsent),
        line("记录", "Record", head.place),
    )


def _local(at_ms: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).strftime("%m-%d %H:%M")
