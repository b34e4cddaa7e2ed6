"""Declines and reasons in words, Chinese and English: the one catalogue that terminal, portal and admin read from.

A template's `{x_minor}` is printed as money; other whole numbers as they are; `{programme}`, `{price}`, `{limit}`,
`{entitlement}`, `{block}` and `{allergen}` are ids that the policy names, `{window}` is one of its windows, and
`{product}` an id that the catalogue of an outlet names.
"""

from collections.abc import Iterable, Mapping

from devices.core.catalogue import Catalogue
from devices.core.declines import Decline, Why
from devices.core.money import format_minor
from devices.core.policy import Policy, Rule, Text
from devices.core.quote import Quote, Reason

_DECLINES: dict[Why, Text] = {
    Why.NOT_A_CODE: Text(
        "这不是付款码，请出示校园卡付款码", "This is not a payment code. Please show your e-card code"
    ),
    Why.OTHER_INSTITUTION: Text(
        "这是其他单位（{institution}）的码，请出示本单位的码",
        "This code belongs to another institution ({institution}). Please show ours",
    ),
    Why.DAMAGED: Text("码不完整，请刷新后再扫", "The code is damaged. Refresh it and scan again"),
    Why.UNKNOWN_KEY: Text(
        "本机尚不认识这个码，请刷新付款码或换一台终端",
        "This terminal does not know the code's key yet. Refresh the code or use another terminal",
    ),
    Why.KEY_REVOKED: Text("这个码已作废，请联网刷新付款码", "This code has been withdrawn. Go online and refresh it"),
    Why.ALTERED: Text("码被改动过，不能付款", "The code has been altered and cannot pay"),
    Why.TOO_EARLY: Text("这个码还没到可用时间", "It is too early for this code"),
    Why.EXPIRED: Text("码已过期，请刷新付款码", "The code has expired. Please refresh it"),
    Why.PHONE_SLOW: Text(
        "这个码是 {off_s}前的。请刷新；仍不行，是手机时间慢了，请在设置中改为自动",
        "This code is {off_s} old. Refresh it; if that does not help, your phone's clock is slow: set it to automatic",
    ),
    Why.PHONE_FAST: Text(
        "您的手机时间快了 {off_s}，请在设置中改为自动", "Your phone's clock is {off_s} fast; set it to automatic"
    ),
    Why.ALREADY_USED: Text("这个码已经用过，请等下一个码", "This code was already used. Wait for the next one"),
    Why.OLDER_MOMENT: Text("这是更早的码，请出示当前的码", "This is an older code. Please show the current one"),
    Why.DENIED: Text("这个码已被停用，请重新登录后取新码", "This code was stopped. Sign in again for a new one"),
    Why.STOPPED: Text("该账户已停用，请联系卡务中心", "This account is stopped. Please ask the card office"),
    Why.TOO_MANY_SALES: Text(
        "脱机次数已达上限（{max_count} 次），请联网后再试",
        "The number of sales is used up ({max_count}). Try again online",
    ),
    Why.OVER_SALE_LIMIT: Text("超过单笔限额 {limit_minor}", "Over the limit of {limit_minor} for one sale"),
    Why.OVER_DAY_LIMIT: Text(
        "超过当日限额 {limit_minor}（{limit}），今天已用 {used_minor}",
        "Over today's limit of {limit_minor} ({limit}); {used_minor} already spent",
    ),
    Why.OVER_PERIOD_LIMIT: Text(
        "超过本餐限额 {limit_minor}（{limit}），本餐已用 {used_minor}",
        "Over the limit of {limit_minor} for this meal ({limit}); {used_minor} already spent",
    ),
    Why.OVER_WEEK_LIMIT: Text(
        "超过本周限额 {limit_minor}（{limit}），本周已用 {used_minor}",
        "Over this week's limit of {limit_minor} ({limit}); {used_minor} already spent",
    ),
    Why.OVER_MONTH_LIMIT: Text(
        "超过本月限额 {limit_minor}（{limit}），本月已用 {used_minor}",
        "Over this month's limit of {limit_minor} ({limit}); {used_minor} already spent",
    ),
    Why.TOO_MANY_IN_WINDOW: Text(
        "“{limit}”：{window}最多 {max_count} 笔，已用完", "“{limit}” allows {max_count} {window}: used up"
    ),
    Why.TOO_SOON: Text(
        "离上一笔太近（{limit}），请 {wait_s}后再试",
        "Too soon after the last sale ({limit}). Try again in {wait_s}",
    ),
    Why.OVER_GUARD: Text(
        "超过监护人设定的{window}限额 {limit_minor}", "Over the limit of {limit_minor} {window} that your guardian set"
    ),
    Why.TOO_MANY_GUARD: Text(
        "监护人设定{window}最多 {max_count} 笔，已用完",
        "Your guardian allows {max_count} {window}: used up",
    ),
    Why.GUARD_BLOCKS: Text("监护人不允许购买这类商品", "Your guardian does not allow this kind of product"),
    Why.NOT_ENTITLED: Text(
        "此时此处没有您的免费用餐资格，或已用完", "No free meal for you here and now, or it is used up"
    ),
    Why.WITHDRAWN: Text("本机已停用，请使用其他终端", "This terminal was withdrawn. Please use another one"),
    Why.INSUFFICIENT: Text(
        "余额不足：可用 {have_minor}，还差 {short_minor}",
        "Not enough money: {have_minor} available, {short_minor} short",
    ),
    Why.NOT_SOLD_HERE: Text("“{block}”：{product}不能卖给您", "“{block}”: {product} cannot be sold to you"),
    Why.NO_AMOUNT: Text("请先输入金额", "Enter an amount first"),
    Why.SNAPSHOT_TOO_OLD: Text(
        "终端脱机太久，暂停收款，请找主管",
        "The terminal has been offline too long to sell. Please call a supervisor",
    ),
    Why.OVER_AGED_LIMIT: Text(
        "终端脱机较久，金额超过当前脱机限额 {limit_minor}",
        "Offline for long: the amount is over the present limit of {limit_minor}",
    ),
    Why.CLOCK_SUSPECT: Text(
        "终端时间异常，暂停收款，请联系管理员",
        "The terminal's clock is in doubt; sales stop until it is confirmed",
    ),
    Why.NOT_READY: Text("终端正在准备，请稍候", "The terminal is getting ready. One moment"),
    Why.JOURNAL_FULL: Text("终端存储已满，请联网上传后再收款", "The terminal's storage is full. Connect it to upload"),
    Why.NOT_A_CARD: Text("读卡失败，请重新刷卡", "The card could not be read. Tap it again"),
    Why.CARD_UNKNOWN: Text("此卡未登记或已停用", "This card is not registered, or has been stopped"),
    Why.ALREADY_INSIDE: Text(
        "您已进入且尚未离开，不能再次进入；如有误请找值班人员",
        "You are inside already and have not left. If that is wrong, please ask the attendant",
    ),
    Why.NO_PASSAGE: Text("此门不对您开放", "This gate is not open to you"),
    Why.NOTHING_TO_REVERSE: Text("没有可撤销的交易", "There is no sale to reverse"),
    Why.BUSY: Text("请稍候再扫", "One moment, then scan again"),
}

_REASONS: dict[str, Text] = {
    "price.list": Text("标价 {amount_minor}", "List price {amount_minor}"),
    "price.rule": Text("按“{price}”计价 {amount_minor}", "Priced at {amount_minor} by “{price}”"),
    "lot.used": Text(
        "“{programme}”支付 {amount_minor}，剩余 {left_minor}",
        "“{programme}” paid {amount_minor}, {left_minor} left in it",
    ),
    "lot.expired": Text("“{programme}”已过期，未使用", "“{programme}” had expired and was not used"),
    "lot.not_here": Text("“{programme}”不适用于此处或此时段", "“{programme}” cannot be spent here or at this time"),
    "lot.not_whole": Text(
        "“{programme}”不足以付全额，未使用", "“{programme}” could not pay the whole and was not used"
    ),
    "lot.most": Text(
        "“{programme}”每笔最多支付 {most_minor}，其余未使用",
        "“{programme}” pays at most {most_minor} of a sale: the rest of it was not used",
    ),
    "lot.not_these": Text("“{programme}”不适用于这些商品", "“{programme}” is not for these products"),
    "lot.excluded": Text(
        "“{programme}”不能与所用的券同时使用", "“{programme}” cannot be used together with the voucher used"
    ),
    "voucher.used": Text("用券“{programme}”抵扣 {amount_minor}", "Voucher “{programme}” paid {amount_minor}"),
    "voucher.kept": Text(
        "券“{programme}”本次未用，留待以后", "Voucher “{programme}” was not needed and is kept for later"
    ),
    "voucher.expired": Text("券“{programme}”已过期，未使用", "Voucher “{programme}” had expired and was not used"),
    "voucher.not_here": Text(
        "券“{programme}”不适用于此处、此时或这些商品",
        "Voucher “{programme}” is not for this place, time or these products",
    ),
    "voucher.below": Text(
        "券“{programme}”满 {threshold_minor} 可用，本次未达到",
        "Voucher “{programme}” is for {threshold_minor} or more, which this is not",
    ),
    "entitlement.used": Text(
        "“{entitlement}”：免费，由出资方按 {amount_minor} 结算，还剩 {left_count} 次",
        "“{entitlement}”: free of charge; its sponsor pays {amount_minor}; {left_count} left",
    ),
    "entitlement.part": Text(
        "“{entitlement}”：免 {covers_minor}，由出资方按 {amount_minor} 结算，还剩 {left_count} 次",
        "“{entitlement}”: {covers_minor} is free of charge; its sponsor pays {amount_minor}; {left_count} left",
    ),
    "entitlement.used_up": Text(
        "“{entitlement}”的 {max_count} 次已用完", "“{entitlement}” is used up ({max_count} of {max_count})"
    ),
    "warn.allergen": Text("注意：{product}含{allergen}", "Mind: {product} contains {allergen}"),
    "warn.product": Text("注意：{product}（{block}）", "Mind: {product} ({block})"),
    "purse.low": Text(
        "余额偏低：此处可用 {left_minor}，请及时充值", "Low balance: {left_minor} available here. Please top up"
    ),
    "purse.used": Text("钱包支付 {amount_minor}", "The purse paid {amount_minor}"),
}

_UNDONE: dict[str, Text] = {
    "lot.used": Text("“{programme}”本可支付 {amount_minor}", "“{programme}” would have paid {amount_minor}"),
    "voucher.used": Text(
        "券“{programme}”本可抵扣 {amount_minor}", "Voucher “{programme}” would have paid {amount_minor}"
    ),
    "entitlement.used": Text("“{entitlement}”：本可免费", "“{entitlement}”: it would have been free of charge"),
    "entitlement.part": Text(
        "“{entitlement}”：本可免 {covers_minor}", "“{entitlement}”: {covers_minor} would have been free of charge"
    ),
    "purse.used": Text("钱包本应支付 {amount_minor}", "The purse would have paid {amount_minor}"),
}
"""Steps of a sale that was declined: nothing of them came to pass."""

_NAMELESS = {
    "programme": Text("补贴", "a benefit"),
    "price": Text("价格规则", "a price rule"),
    "limit": Text("限额", "a limit"),
    "entitlement": Text("免费用餐", "a free meal"),
    "block": Text("购买限制", "a restriction"),
    "allergen": Text("过敏原", "an allergen"),
    "product": Text("该商品", "this product"),
}

_WINDOWS = {
    "sale": Text("每笔", "a sale"),
    "period": Text("每餐", "a meal"),
    "day": Text("每日", "a day"),
    "week": Text("每周", "a week"),
    "month": Text("每月", "a month"),
}


def decline_sentence(
    decline: Decline, *, language: str, policy: Policy | None = None, catalogue: Catalogue | None = None
) -> str:
    """What the screen says; for a language code such as "zh-hans" or "en"."""
    return _fill(_DECLINES[decline.why], decline.params, language=language, policy=policy, catalogue=catalogue)


def reason_sentence(
    reason: Reason,
    *,
    policy: Policy | None,
    language: str,
    catalogue: Catalogue | None = None,
    declined: bool = False,
) -> str:
    """One step in words; an unknown step (from a later release) is shown by its code rather than hidden."""
    template = _REASONS.get(reason.code)
    if template is None:
        return reason.code
    if declined:
        template = _UNDONE.get(reason.code, template)
    return _fill(template, reason.params, language=language, policy=policy, catalogue=catalogue)


def quote_sentences(
    quote: Quote, *, policy: Policy | None, language: str, catalogue: Catalogue | None = None
) -> list[str]:
    """All steps of a quote, its decline last. What moves nothing and is true of several lots alike is said once."""
    declined = quote.decline is not None
    said: list[str] = []
    for reason in quote.reasons:
        if declined and reason.code == "purse.low":
            continue
        sentence = reason_sentence(reason, policy=policy, language=language, catalogue=catalogue, declined=declined)
        moves = any(name.endswith("_minor") for name in reason.params)
        if moves or sentence not in said:
            said.append(sentence)
    if quote.decline is not None:
        said.append(decline_sentence(quote.decline, language=language, policy=policy, catalogue=catalogue))
    return said


def _fill(
    template: Text,
    params: Mapping[str, int | str],
    *,
    language: str,
    policy: Policy | None,
    catalogue: Catalogue | None,
) -> str:
    shown = {
        name: format_minor(value)
        if name.endswith("_minor") and isinstance(value, int)
        else _name(name, value, language=language, policy=policy, catalogue=catalogue)
        for name, value in params.items()
    }
    for name in ("off_s", "wait_s"):
        if isinstance(params.get(name), int):
            shown[name] = _duration(int(params[name]), language=language, whole=name == "wait_s")
    return template.in_language(language).format_map(_Known(shown))


def _duration(seconds: int, *, language: str, whole: bool) -> str:
    """As people say it: 40 s, 2 min, 3 h, 2 days. `whole`: not a second less, so that whoever waits waits enough."""
    for size, unit in _UNITS:
        if seconds >= 2 * size or size == 1:
            return f"{(seconds + (size - 1 if whole else size // 2)) // size} {unit.in_language(language)}"
    return ""


_UNITS = (
    (24 * 3600, Text("天", "days")),
    (3600, Text("小时", "h")),
    (60, Text("分钟", "min")),
    (1, Text("秒", "s")),
)


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _name(kind: str, value: int | str, *, language: str, policy: Policy | None, catalogue: Catalogue | None) -> str:
    if kind == "window" and value in _WINDOWS:
        return _WINDOWS[str(value)].in_language(language)
    if kind not in _NAMELESS:
        return str(value)
    text = next((name for each, name in _named(kind, policy, catalogue) if each == value), _NAMELESS[kind])
    return text.in_language(language)


def _named(kind: str, policy: Policy | None, catalogue: Catalogue | None) -> Iterable[tuple[int, Text]]:
    if kind == "product":
        return ((each.id, each.name) for each in catalogue.products) if catalogue is not None else ()
    if policy is None:
        return ()
    if kind == "allergen":
        return policy.allergens
    rules: Mapping[str, tuple[Rule, ...]] = {
        "programme": (*policy.programmes,),
        "price": (*policy.prices,),
        "limit": (*policy.limits,),
        "entitlement": (*policy.entitlements,),
        "block": (*policy.blocks,),
    }
    return ((rule.id, rule.name) for rule in rules[kind])
