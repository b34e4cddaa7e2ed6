"""The words of notes in the journal, and how each is told: one list for terminal and server.

`{x_minor}` is printed as money, other numbers as they are; `{by}` are the supervisors' names.
"""

from collections.abc import Mapping, Sequence

from devices.core.money import format_minor
from devices.core.policy import Text

MENU_TRIED = "menu.tried"
"""A PIN was typed for this supervisor; on the disk before the answer is given."""
MENU_OPENED = "menu.opened"
SHIFT_OPENED = "shift.opened"
SHIFT_CLOSED = "shift.closed"
"""With the totals that were printed."""
VOIDED = "sale.voided"
EXTENDED = "offline.extended"
"""Hours granted for one snapshot, by its stamp."""
CLEARED = "passage.cleared"
DISPENSED, DISPENSED_LATE = "dispensed", "dispensed_late"
"""A cabinet gave out what a sale paid for; late: after the sale was taken back."""

_SENTENCES: dict[str, Text] = {
    MENU_TRIED: Text("{by}：输入 PIN 尝试进入主管菜单", "{by}: a PIN was typed for the supervisor's menu"),
    MENU_OPENED: Text("{by} 进入主管菜单", "{by} opened the supervisor's menu"),
    SHIFT_OPENED: Text("{by} 开班", "{by} opened a shift"),
    SHIFT_CLOSED: Text(
        "{by} 交班：收款 {sales} 笔 {sales_minor}，撤销 {reversals} 笔 {reversed_minor}",
        "{by} closed the shift: {sales} sales of {sales_minor}, {reversals} reversed of {reversed_minor}",
    ),
    VOIDED: Text("{by} 撤销一笔 {amount_minor}", "{by} voided a sale of {amount_minor}"),
    EXTENDED: Text(
        "{by} 同意脱机收款延长 {hours} 小时（本次快照共 {total_hours} 小时）",
        "{by} extended offline sales by {hours} h ({total_hours} h in all for this snapshot)",
    ),
    DISPENSED: Text("货柜已出货（记录 {seq}）", "The cabinet gave out what record {seq} paid for"),
    DISPENSED_LATE: Text(
        "货柜在交易撤销后才出货（记录 {seq}），请核对",
        "The cabinet gave out goods after their sale (record {seq}) was taken back: please look",
    ),
    CLEARED: Text("{by} 清除了进出记忆，所有人可重新进入", "{by} let everybody in again"),
}


def note_sentence(what: str, params: Mapping[str, int], *, by: Sequence[str], language: str) -> str:
    """A note in words; one that this release does not know is told by its own word and numbers."""
    told = _SENTENCES.get(what)
    names = ("、" if language.startswith("zh") else ", ").join(by)
    if told is None:
        numbers = " ".join(f"{name}={value}" for name, value in sorted(params.items()))
        return f"{what} {numbers}".strip()
    return told.in_language(language).format_map(_Shown(params, by=names or "–"))


class _Shown(dict[str, str]):
    def __init__(self, params: Mapping[str, int], *, by: str) -> None:
        shown = {name: format_minor(value) if name.endswith("_minor") else str(value) for name, value in params.items()}
        super().__init__(shown, by=by)

    def __missing__(self, name: str) -> str:
        return "?"
