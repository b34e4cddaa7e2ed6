"""Every kind of rule in one plain sentence, in both languages: what a canteen manager reads before publishing."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from django.utils.translation import override

from devices.core.policy import (
    AgeStep,
    Block,
    DayKind,
    Entitlement,
    Limit,
    Policy,
    PriceRule,
    Programme,
    Text,
    Where,
    Who,
)
from devices.core.quote import Guard
from ecard.benefits.models import Ends, Schedule
from ecard.benefits.sentences import (
    Names,
    Terms,
    difference,
    guard_sentence,
    preview_sentence,
    programme_sentence,
    settings_sentence,
    voucher_terms,
)
from ecard.benefits.sentences.difference import rule_sentence

NAMES = Names(
    sites={1: Text("本部", "Main campus")},
    outlets={10: Text("体育馆", "the gym"), 11: Text("一食堂", "Canteen 1")},
    periods={100: Text("早餐", "breakfast"), 101: Text("夜宵", "late supper")},
    classes={0: Text("教工", "staff")},
    groups={5: Text("本科生", "undergraduates"), 6: Text("小学生", "pupils")},
    lists={3: Text("夜班名单", "the late shift")},
    categories={40: Text("可乐", "cola"), 41: Text("甜点", "desserts")},
    allergens={8: Text("麸质", "gluten")},
    products={60: Text("大瓶可乐", "large cola")},
    programmes={2: Text("餐补", "meal subsidy")},
)
GYM, STUDENTS, PUPILS = Where(outlets=(10,)), Who(groups=(5,)), Who(groups=(6,))
NAME = Text("规则", "Rule")


def said(tell: Any) -> tuple[str, str]:
    with override("en"):
        english = tell()
    with override("zh-hans"):
        return english, tell()


def terms(**of: Any) -> Terms:
    usual: dict[str, Any] = {
        "for_whom": STUDENTS,
        "attributes": (),
        "amount_minor": 100_00,
        "pieces": 1,
        "schedule": Schedule.MONTHLY,
        "schedule_day": 1,
        "schedule_dates": (),
        "ends": Ends.PERIOD,
        "ends_days": 0,
        "ends_on": None,
        "rollover_cap_minor": 0,
        "transferable": False,
        "sponsor": Text("后勤"),
    }
    return Terms(**{**usual, **of})


def test_the_programme_of_the_gym_is_told_as_anybody_would_say_it() -> None:
    gym = Programme(1, Text("运动补贴", "Sports"), where=GYM)
    assert said(lambda: preview_sentence(gym, terms(), NAMES)) == (
        "“Sports”: on the 1st of each month undergraduates get ¥100, to be spent only at the gym;"
        " what is left at the end of the month is lost.",
        "“运动补贴”：每月 1 日发给本科生 ¥100，只能在体育馆使用；月底作废。",
    )


def test_a_late_shift_voucher_is_told_with_its_threshold_and_where_it_is_good() -> None:
    late = Programme(
        1,
        Text("夜班券", "Late"),
        where=Where(periods=(101,), weekdays=(0, 1, 2, 3, 4)),
        kind="voucher",
        threshold_minor=20_00,
        alone=True,
    )
    of = terms(for_whom=Who(lists=(3,)), amount_minor=15_00, schedule=Schedule.WEEKLY, pieces=5, transferable=True)
    assert said(lambda: preview_sentence(late, of, NAMES)) == (
        "“Late”: every Monday the late shift get 5 vouchers (¥15 off from a price of ¥20), to be spent only at late"
        " supper, on working days, never together with another voucher, may be given to somebody else;"
        " what is left at the end of the week is lost.",
        "“夜班券”：每逢星期一发给夜班名单 5 张券（满 ¥20 减 ¥15），只能夜宵时段，工作日使用，"
        "不与其他券同用，可转赠；周末作废。",
    )


@pytest.mark.parametrize(
    ("of", "english", "chinese"),
    [
        ({"schedule": Schedule.BY_HAND}, "whenever somebody issues it, undergraduates get", "手工发放时发给本科生"),
        ({"schedule_day": 22}, "on the 22nd of each month undergraduates", "每月 22 日发给本科生"),
        ({"schedule_day": 31}, "on day 31 of each month, or on its last, under", "每月 31 日（当月不足则为最后一天）"),
        (
            {"schedule": Schedule.DATES, "schedule_dates": (date(2026, 9, 1), date(2027, 2, 20))},
            "on 2026-09-01, 2027-02-20 undergraduates get",
            "2026-09-01、2027-02-20 发给本科生",
        ),
        (
            {"attributes": (("grade", ("1", "2")),)},
            "undergraduates with grade = 1 / 2 get",
            "本科生中符合 grade = 1 / 2 的人",
        ),
        ({"for_whom": Who()}, "all people get ¥100", "发给所有人 ¥100"),
        ({"ends": Ends.DAYS, "ends_days": 30}, "; what is left after 30 days is lost.", "；30 天后作废。"),
        ({"ends": Ends.DATE, "ends_on": date(2027, 1, 31)}, "after 2027-01-31 is lost.", "；2027-01-31 之后作废。"),
        (
            {"ends": Ends.ROLLOVER, "rollover_cap_minor": 50_00},
            "up to ¥50 of what is left goes over to the next time, the rest is lost.",
            "未用完的最多 ¥50 结转到下次，其余作废。",
        ),
        ({"schedule_day": 15}, "what is left when the next is issued is lost.", "下次发放时作废。"),
    ],
)
def test_when_a_programme_is_issued_and_how_it_ends_is_said(of: dict[str, Any], english: str, chinese: str) -> None:
    told = said(lambda: preview_sentence(Programme(1, NAME), terms(**of), NAMES))
    assert english in told[0]
    assert chinese in told[1]


@pytest.mark.parametrize(
    ("programme", "value_minor", "english", "chinese"),
    [
        (Programme(1, NAME, kind="voucher"), 15_00, "¥15 off, to be spent everywhere", "减 ¥15，各处通用"),
        (
            Programme(1, NAME, kind="voucher", percent_bp=2_000, where=GYM),
            12_50,
            "20 % off, ¥12.50 at most, to be spent only at the gym",
            "减 20 %，最多 ¥12.50，只能在体育馆使用",
        ),
        (
            Programme(1, NAME, kind="voucher", percent_bp=10_000),
            30_00,
            "a whole meal of up to ¥30, to be spent everywhere",
            "整餐，最高 ¥30，各处通用",
        ),
        (
            Programme(1, NAME, kind="voucher", excludes=(2,), where=Where(categories=(41,))),
            5_00,
            "¥5 off, to be spent everywhere, on desserts only, never together with meal subsidy",
            "减 ¥5，各处通用，限购甜点，不与餐补同用",
        ),
    ],
)
def test_a_voucher_is_told_to_its_holder(programme: Programme, value_minor: int, english: str, chinese: str) -> None:
    assert said(lambda: voucher_terms(programme, NAMES, value_minor=value_minor)) == (english, chinese)


@pytest.mark.parametrize(
    ("rule", "english", "chinese"),
    [
        (
            Entitlement(1, NAME, who=PUPILS, where=Where(periods=(100,)), agreed_minor=6_00),
            "“Rule”: pupils eat free, once a meal, everywhere, at breakfast; the sponsor bears ¥6 each time.",
            "“规则”：小学生免费用餐，每餐 1 次，所有地点，早餐时段；出资方每次承担 ¥6。",
        ),
        (
            Entitlement(1, NAME, window="week", count=3, agreed_minor=6_50, covers_minor=10_00),
            "“Rule”: all people eat free, 3 times a week, everywhere, at any time, up to a price of ¥10; the sponsor"
            " bears ¥6.50 each time.",
            "“规则”：所有人免费用餐，每周 3 次，所有地点，任何时间，价格以 ¥10 为限；出资方每次承担 ¥6.50。",
        ),
        (
            PriceRule(1, NAME, who=Who(classes=(0,)), percent_bp=8_000),
            "“Rule”: for staff the price is 80 % of the list price, everywhere, at any time.",
            "“规则”：教工的价格为标价的 80 %，所有地点，任何时间。",
        ),
        (
            PriceRule(1, NAME, add_minor=-2_00, round_to_minor=50, rounding="up", where=Where(categories=(41,))),
            "“Rule”: for everybody desserts cost ¥2 below the list price, rounded up to a multiple of ¥0.50,"
            " everywhere, at any time.",
            "“规则”：所有人买甜点的价格为标价减 ¥2，向上取到 ¥0.50 的倍数，所有地点，任何时间。",
        ),
        (
            PriceRule(1, NAME, percent_bp=13_000, add_minor=1_00, where=Where(from_date="2026-12-01")),
            "“Rule”: for everybody the price is 130 % of the list price plus ¥1, everywhere, at any time,"
            " from 2026-12-01 on.",
            "“规则”：所有人的价格为标价的 130 % 再加 ¥1，所有地点，任何时间，2026-12-01 起。",
        ),
        (
            Limit(1, NAME, "month", who=Who(classes=(0,), groups=(5,)), max_minor=500_00, max_count=30, min_gap_s=600),
            "“Rule”: for staff who are also undergraduates, at most ¥500 a month and at most 30 sales a month and not"
            " within 10 minutes of the last sale, everywhere, at any time.",
            "“规则”：教工兼本科生每月最多 ¥500，且每月最多 30 笔，且与上一笔相隔不少于 10 分钟，所有地点，任何时间。",
        ),
        (
            Limit(1, NAME, "period", on="purse", max_minor=20_00, where=Where(categories=(40,), outlets=(11,))),
            "“Rule”: for everybody, at most ¥20 of the purse a meal on cola, at Canteen 1, at any time.",
            "“规则”：所有人买可乐，每餐最多从钱包支付 ¥20，在一食堂，任何时间。",
        ),
        (
            Block(1, NAME, who=PUPILS, where=Where(categories=(40,))),
            "“Rule”: cola may not be sold to pupils, everywhere, at any time.",
            "“规则”：可乐不卖给小学生，所有地点，任何时间。",
        ),
        (
            Block(1, NAME, allergens=(8,), avoided_only=True, action="warn"),
            "“Rule”: all people who avoid it are warned of whatever contains gluten, everywhere, at any time.",
            "“规则”：忌口的所有人买含麸质的商品时给出提示，所有地点，任何时间。",
        ),
    ],
)
def test_a_rule_is_one_plain_sentence(rule: Any, english: str, chinese: str) -> None:
    assert said(lambda: rule_sentence(rule, NAMES)) == (english, chinese)


@pytest.mark.parametrize(
    ("guard", "english", "chinese"),
    [
        (Guard(1, "day", 20_00), "At most ¥20 a day.", "每天最多 ¥20。"),
        (
            Guard(1, "week", 50_00, 5),
            "At most ¥50 a week and at most 5 sales a week.",
            "每周最多 ¥50，且每周最多 5 笔。",
        ),
        (Guard(1, "day", 0, None, (40,)), "No cola.", "不卖可乐。"),
        (Guard(1, "sale", 5_00, None, (41,)), "At most ¥5 on desserts a sale.", "每笔买甜点最多 ¥5。"),
    ],
)
def test_a_guardians_limit_is_one_plain_sentence(guard: Guard, english: str, chinese: str) -> None:
    assert said(lambda: guard_sentence(guard, NAMES)) == (english, chinese)


def test_the_order_of_payment_is_one_plain_sentence() -> None:
    assert said(lambda: settings_sentence(Policy(1, 0, low_balance_minor=10_00))) == (
        "A sale is paid from free meals, then vouchers, then subsidies, then the purse; 2 vouchers at most in one sale."
        " Whoever has less than ¥10 left is told so.",
        "消费依次由免费餐、券、补贴、钱包支付；每笔最多用 2 张券。余额低于 ¥10 时提醒本人。",
    )


# Two policies

OLD = Policy(
    number=1,
    starts_at_s=1_795_000_000,
    ages=(AgeStep(900, 100, 100),),
    prices=(PriceRule(1, NAME, percent_bp=8_000), PriceRule(2, Text("乙", "Two"), percent_bp=9_000)),
    programmes=(Programme(1, NAME),),
    days=(DayKind(1, "2020-01-01", 7),),
)


def test_a_difference_tells_what_comes_goes_and_changes_each_with_its_record() -> None:
    new = msgspec.structs.replace(
        OLD,
        number=2,
        prices=(PriceRule(1, NAME, percent_bp=8_500), PriceRule(3, Text("丙", "Three"), percent_bp=7_000)),
        days=(DayKind(1, "2026-12-25", 7),),
    )
    with override("en"):
        told = difference(OLD, new, NAMES)
        assert [(each.ref, each.after) for each in told.added] == [
            (
                ("benefits.pricerule", 3),
                "“Three”: for everybody the price is 70 % of the list price, everywhere, at any time.",
            ),
            (None, "2026-12-25 is a holiday at Main campus."),
        ]
        assert [each.before for each in told.removed] == [
            "“Two”: for everybody the price is 90 % of the list price, everywhere, at any time."
        ]
        (changed,) = told.changed
        assert changed.ref == ("benefits.pricerule", 1)
        assert ("80 %" in changed.before, "85 %" in changed.after) == (True, True)
        assert told.kept == 3


def test_a_day_that_has_passed_out_of_sight_is_no_difference() -> None:
    assert difference(OLD, msgspec.structs.replace(OLD, number=2, days=()), NAMES).none


def test_a_change_that_no_sentence_shows_is_told_as_one() -> None:
    new = msgspec.structs.replace(OLD, programmes=(Programme(1, NAME, order=5),))
    with override("en"):
        (changed,) = difference(OLD, new, NAMES).changed
    assert changed.after == f"{changed.before} (changed in its name in the other language, or in its order)"


def test_against_no_policy_everything_is_new() -> None:
    told = difference(None, OLD, NAMES)
    assert (told.kept, told.removed, told.changed) == (0, (), ())
    assert len(told.added) == 5


def test_a_published_programme_is_told_without_what_only_its_issue_knows() -> None:
    assert said(lambda: programme_sentence(Programme(1, NAME, where=GYM, most_minor=8_00), NAMES)) == (
        "“Rule” is a subsidy, to be spent only at the gym, at most ¥8 of it a sale.",
        "“规则”是补贴，只能在体育馆使用，每笔最多用 ¥8。",
    )
