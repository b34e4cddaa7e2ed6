"""What the supervisor's menu says, in both languages."""

from devices.core.money import format_minor
from devices.master.screen import Said

NO_MENU = Said("本机还没有主管菜单，请先联网更新", "There is no menu yet. Connect the terminal to its server")
WRONG_PIN = Said("PIN 不正确", "The PIN is wrong")
ENDED = Said("主管菜单已关闭，请重新输入 PIN", "The menu has closed. Type the PIN again")
NOT_WRITTEN = Said("存储不可用，未执行", "The journal takes nothing more: nothing was done")
CLOCK = Said("终端时间未确认，暂不能输入 PIN", "The clock is in doubt: confirm it before another PIN")
TWO_PEOPLE = Said("需要另一位主管输入 PIN", "Another supervisor must type their PIN")
NOT_NEEDED = Said("目前不需要延长脱机时间", "Offline time need not be extended now")
TOO_LONG = Said("超过可延长的时间", "That is longer than may be granted")
OPEN_ALREADY = Said("已有班次未交班", "A shift is open already")
NO_SHIFT = Said("没有已开的班次", "No shift is open")
NOT_OF_SHIFT = Said("本班没有这笔交易，或已撤销", "That is no sale of this shift, or it was reversed")
OPENED = Said("已开班", "The shift is open")
CLOSED = Said("已交班", "The shift is closed")
LET_IN = Said("已清除，所有人可重新进入", "Done: everybody may enter again")


def wait(seconds: int) -> Said:
    """Shut out."""
    minutes = -(-seconds // 60)
    return Said(f"尝试太多，请 {minutes} 分钟后再试", f"Too many tries. Try again in {minutes} min")


def voided(amount_minor: int) -> Said:
    """A sale undone, whole."""
    return Said(f"已撤销 {format_minor(amount_minor)}", f"Voided {format_minor(amount_minor)}")


def extended(hours: int) -> Said:
    """By two people."""
    return Said(f"脱机收款已延长 {hours} 小时", f"Offline sales go on for {hours} h more")
