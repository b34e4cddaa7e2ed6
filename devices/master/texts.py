"""What the terminal says beyond declines and reasons (those are in `devices.core.sentences`), in both languages."""

from collections.abc import Sequence

from devices.core.catalogue import Catalogue
from devices.core.declines import Decline, Why
from devices.core.money import format_minor
from devices.core.policy import Policy, Text
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
NO_BASKET = Said("请先切换到商品模式", "Switch to products first")
BASKET_FULL = Said("一次太多了，请分开收款", "Too much for one sale. Take it in two")
NO_PRODUCTS = Said("请先选择商品", "Choose a product first")
NOT_IN_CATALOGUE = Said("这个商品已不在此处销售", "This product is no longer sold here")
GO_IN = Said("请进", "Please go in")
GO_OUT = Said("请慢走", "Goodbye")
NOT_A_GATE_YET = Said("本机正在等待服务器更新", "This gate waits for an update of the server")
ADMITTED = Said("核验通过，无需付款", "Welcome. Nothing to pay")
NO_NAME = Said("", "")

_ENROLMENT = {
    "clock": Said("本机时间不准，请校准后再登记", "The clock is wrong. Set it, then enrol again"),
    "answer": Said("服务器的应答不可信，请核对地址", "The server's answer is not to be trusted. Check its address"),
    "throttled": Said("尝试太多，请稍后再登记", "Too many tries. Wait, then enrol again"),
}
_ENROLMENT_REFUSED = Said("登记码无效或已过期，请重新索取", "The code is wrong or has expired. Ask for a new one")


def revoked_with(unsent: int) -> Said:
    """Withdrawn, with records that nobody took yet: they are lost with the device."""
    return Said(
        f"本机已被停用，还有 {unsent} 条记录未被接收。请保持开机联网，并请管理员接收",
        f"This terminal was withdrawn. Records not taken yet: {unsent}. "
        "Leave it on and connected, and ask the administrator to take them in",
    )


def name(text: Text) -> Said:
    """A name of the catalogue or the policy."""
    return Said(text.in_language("zh"), text.in_language("en"))


def approved(amount_minor: int) -> Said:
    """The line under the big amount; of nothing to pay, somebody was let in."""
    if not amount_minor:
        return ADMITTED
    shown = format_minor(amount_minor)
    return Said(f"付款成功 {shown}", f"Paid {shown}")


def undone(amount_minor: int) -> Said:
    """After a reversal."""
    if not amount_minor:
        return Said("已撤销，这一餐不计次", "Reversed. The meal does not count")
    shown = format_minor(amount_minor)
    return Said(f"已撤销 {shown}，同一个码可再次付款", f"Reversed {shown}. The same code can pay again")


def declined(decline: Decline, *, policy: Policy | None = None, catalogue: Catalogue | None = None) -> Said:
    """A decline in both languages."""
    zh, en = (
        decline_sentence(decline, language=language, policy=policy, catalogue=catalogue) for language in ("zh", "en")
    )
    return Said(zh, en)


def reason(step: Reason, *, policy: Policy | None, catalogue: Catalogue | None = None) -> Said:
    """One step of the quote in both languages."""
    zh, en = (reason_sentence(step, policy=policy, language=language, catalogue=catalogue) for language in ("zh", "en"))
    return Said(zh, en)


def reasons(steps: Sequence[Reason], *, policy: Policy | None, catalogue: Catalogue | None = None) -> tuple[Said, ...]:
    """All steps in order; what moves nothing and is true of several lots alike is said once.

    A meal by identity has no list price.
    """
    said: list[Said] = []
    for step in steps:
        if step == _NO_LIST_PRICE:
            continue
        sentence = reason(step, policy=policy, catalogue=catalogue)
        if sentence not in said or any(param.endswith("_minor") for param in step.params):
            said.append(sentence)
    return tuple(said)


_NO_LIST_PRICE = Reason("price.list", {"amount_minor": 0})


def too_many(product: Text, most: int) -> Said:
    """More of one product than a line takes."""
    return Said(f"{product.in_language('zh')}最多 {most} 份", f"At most {most} of {product.in_language('en')}")


def gone(products: Sequence[Said]) -> Said:
    """These left the catalogue while they lay in the basket."""
    zh, en = "、".join(each.zh for each in products), ", ".join(each.en for each in products)
    return Said(f"{zh}已不在此处销售，已从购物篮移除", f"No longer sold here and taken off the basket: {en}")


def newer_policy(number: int, *, decides_by: int, started: bool) -> Said:
    """Rules came that this release cannot evaluate: until an update it decides by the ones before."""
    zh, en = (f" {number} 号" if number else "", f" No. {number}" if number else "")
    if started:
        return Said(
            f"新规则{zh}需要更新本机软件；更新前仍按 {decides_by} 号规则收款",
            f"The new rules{en} need a newer release of this terminal. Until then it decides by No. {decides_by}",
        )
    return Said(
        f"即将生效的新规则{zh}需要更新本机软件，请在生效前更新",
        f"Rules{en} that start soon need a newer release of this terminal. Update it before",
    )


def enrolment_refused(error: str) -> Said:
    """Why the server did not enrol this terminal."""
    return _ENROLMENT.get(error, _ENROLMENT_REFUSED)


def spoken_approved(amount_minor: int, *, warnings: Sequence[Said] = ()) -> Said:
    """For the speech switch: "收款 十二元五角" and "12.50 yuan paid", then what to mind."""
    paid = Said(f"收款 {chinese_amount(amount_minor)}", f"{format_minor(amount_minor, symbol='')} yuan paid")
    first = paid if amount_minor else _SPOKEN_ADMITTED
    return Said("，".join((first.zh, *(each.zh for each in warnings))), ". ".join((first.en, *_en(warnings))))


def spoken_undone(amount_minor: int) -> Said:
    """For the speech switch, after a reversal."""
    if not amount_minor:
        return undone(amount_minor)
    return Said(f"已撤销 {chinese_amount(amount_minor)}", f"{format_minor(amount_minor, symbol='')} yuan reversed")


def _en(said: Sequence[Said]) -> list[str]:
    return [each.en for each in said]


_SPOKEN_ADMITTED = Said("核验通过", "Welcome")
_SHORT = {
    Why.ALREADY_USED: Said("已付过，请等新码", "Already used, wait for a new code"),
    Why.INSUFFICIENT: Said("余额不足", "Not enough money"),
    Why.NOT_A_CODE: Said("不是付款码", "Not a payment code"),
    Why.NO_AMOUNT: Said("请输入金额", "Enter an amount"),
    Why.OVER_SALE_LIMIT: Said("超过单笔限额", "Over the limit for one sale"),
    Why.OVER_PERIOD_LIMIT: Said("超过本餐限额", "Over the limit for this meal"),
    Why.OVER_DAY_LIMIT: Said("超过当日限额", "Over today's limit"),
    Why.OVER_WEEK_LIMIT: Said("超过本周限额", "Over this week's limit"),
    Why.OVER_MONTH_LIMIT: Said("超过本月限额", "Over this month's limit"),
    Why.TOO_MANY_IN_WINDOW: Said("次数已用完", "The number of sales is used up"),
    Why.TOO_SOON: Said("离上一笔太近，请稍候", "Too soon after the last sale"),
    Why.NOT_SOLD_HERE: Said("有商品不能购买", "Something in the basket cannot be sold"),
    Why.NOT_ENTITLED: Said("没有用餐资格，或已用完", "No free meal, or it is used up"),
    Why.OVER_GUARD: Said("超过监护人设定的限额", "Over the guardian's limit"),
    Why.TOO_MANY_GUARD: Said("监护人设定的次数已用完", "The guardian's number of sales is used up"),
    Why.GUARD_BLOCKS: Said("监护人不允许购买", "The guardian does not allow this"),
    Why.ALREADY_INSIDE: Said("您已在里面", "You are inside already"),
    Why.WITHDRAWN: Said("本机已停用", "This terminal was withdrawn"),
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
