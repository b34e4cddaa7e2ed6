"""What the terminal says beyond declines and reasons (those are in `devices.core.sentences`), in both languages."""

from devices.core.declines import Decline, Why
from devices.core.money import format_minor
from devices.core.policy import Policy
from devices.core.quote import Reason
from devices.core.sentences import decline_sentence, reason_sentence
from devices.master.screen import Said

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")

UNENROLLED = Said("本机尚未登记，请输入登记码", "This terminal is not enrolled. Enter its code")
ENROLLING = Said("正在登记…", "Enrolling…")
BOOTING = Said("正在取得密钥和名单，请稍候", "Fetching keys and the site's list. One moment")
REVOKED = Said("本机已被停用，请联系管理员", "This terminal was withdrawn. Please call the administrator")
STORAGE = Said("存储故障，暂停收款，请联系管理员", "Storage has failed and sales stop. Please call the administrator")
FULL = Said("待上传记录已满，请联网", "Too many sales wait to be uploaded. Connect the terminal")
CLOCK_JUMPED = Said("时间被改动，请核对后确认", "The clock was changed. Check the time and confirm it")
CLOCK_BEHIND = Said(
    "时间早于服务器签发的时间，请校准", "The clock is behind the time the server has signed. Please set it"
)
UPLOAD_HELD = Said(
    "服务器暂存了本机的记录，请联系管理员", "The server holds this terminal's records apart. Call the administrator"
)
NEWER_RELEASE = Said("价格规则需要更新本机软件", "The new price rules need a newer release of this terminal")
NO_NAME = Said("", "")

_ENROLMENT = {
    "clock": Said("本机时间不准，请校准后再登记", "The clock is wrong. Set it, then enrol again"),
    "answer": Said("服务器的应答不可信，请核对地址", "The server's answer is not to be trusted. Check its address"),
    "throttled": Said("尝试太多，请稍后再登记", "Too many tries. Wait, then enrol again"),
}
_ENROLMENT_REFUSED = Said("登记码无效或已过期，请重新索取", "The code is wrong or has expired. Ask for a new one")


def approved(amount_minor: int) -> Said:
    """The line under the big amount."""
    shown = format_minor(amount_minor)
    return Said(f"付款成功 {shown}", f"Paid {shown}")


def undone(amount_minor: int) -> Said:
    """After a reversal."""
    shown = format_minor(amount_minor)
    return Said(f"已撤销 {shown}，同一个码可再次付款", f"Reversed {shown}. The same code can pay again")


def declined(decline: Decline) -> Said:
    """A decline in both languages."""
    return Said(decline_sentence(decline, language="zh"), decline_sentence(decline, language="en"))


def reason(step: Reason, *, policy: Policy | None) -> Said:
    """One step of the quote in both languages."""
    return Said(
        reason_sentence(step, policy=policy, language="zh"), reason_sentence(step, policy=policy, language="en")
    )


def enrolment_refused(error: str) -> Said:
    """Why the server did not enrol this terminal."""
    return _ENROLMENT.get(error, _ENROLMENT_REFUSED)


def spoken_approved(amount_minor: int) -> Said:
    """For the speech switch: "收款 十二元五角" and "12.50 yuan paid"."""
    return Said(f"收款 {chinese_amount(amount_minor)}", f"{format_minor(amount_minor, symbol='')} yuan paid")


def spoken_undone(amount_minor: int) -> Said:
    """For the speech switch, after a reversal."""
    return Said(f"已撤销 {chinese_amount(amount_minor)}", f"{format_minor(amount_minor, symbol='')} yuan reversed")


_SHORT = {
    Why.ALREADY_USED: Said("已付过，请等新码", "Already used, wait for a new code"),
    Why.INSUFFICIENT: Said("余额不足", "Not enough money"),
    Why.NOT_A_CODE: Said("不是付款码", "Not a payment code"),
    Why.NO_AMOUNT: Said("请输入金额", "Enter an amount"),
}


def spoken_declined(decline: Decline) -> Said:
    """Short where the sentence is long."""
    return _SHORT.get(decline.why) or declined(decline)


def chinese_amount(amount_minor: int) -> str:
    """An amount below ten million units as it is said: 1250 → 十二元五角, 1005 → 十元零五分, 200 → 两元."""
    units, rest = divmod(amount_minor, 100)
    jiao, fen = divmod(rest, 10)
    said = f"{_whole(units)}元" if units else ""
    if jiao:
        said += f"{_DIGITS[jiao]}角"
    elif fen and units:
        said += "零"
    if fen:
        said += f"{_DIGITS[fen]}分"
    return said or "零元"


def _whole(units: int) -> str:
    if units == 2:
        return "两"
    high, low = divmod(units, 10_000)
    if not high:
        said = _below_ten_thousand(low)
    else:
        gap = "零" if 0 < low < 1_000 else ""
        said = f"{_whole(high)}万{gap}{_below_ten_thousand(low) if low else ''}"
    return said.removeprefix("一") if said.startswith("一十") else said


def _below_ten_thousand(number: int) -> str:
    said, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + _PLACES[place]
        gap = not digit
    return said
