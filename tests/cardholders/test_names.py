"""Names: what a bystander sees, and how they are ordered and found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecard.cardholders.rules import masked_name, name_keys


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张三", "张*"),
        ("张小三", "张*三"),
        ("欧阳娜娜", "欧**娜"),
        ("阿卜杜拉·买买提", "阿**提"),
        ("王", "王*"),
        ("Alice Smith", "A. Smith"),
        ("alice mary smith", "A. smith"),
        ("Madonna", "M*"),
        ("  李  明 ", "李*"),
        ("", "*"),
        ("   ", "*"),
        ("𠮷田一郎", "𠮷**郎"),
    ],
)
def test_a_name_is_masked_for_the_screen(name: str, shown: str) -> None:
    assert masked_name(name) == shown


@given(st.text(max_size=60))
def test_any_text_can_be_masked_and_keyed(name: str) -> None:
    assert masked_name(name)
    keys = name_keys(name)
    assert keys.joined == keys.sort.replace(" ", "")


@given(st.text(alphabet="赵钱孙李周吴郑王冯陈", min_size=3, max_size=20))
def test_a_mask_hides_everything_between_the_ends(name: str) -> None:
    shown = masked_name(name)
    assert shown.strip("*")[0] == name[0]
    assert set(shown[1:-1]) == {"*"}
    assert len(shown) <= 4


@pytest.mark.parametrize(
    ("name", "sort", "initials"),
    [
        ("张三", "zhang san", "zs"),
        ("单雄信", "shan xiong xin", "sxx"),
        ("曾国藩", "zeng guo fan", "zgf"),
        ("仇英", "qiu ying", "qy"),
        ("尉迟恭", "yu chi gong", "ycg"),
        ("欧阳修", "ou yang xiu", "oyx"),
        ("吕布", "lv bu", "lb"),
        ("Zoë Müller", "zoe muller", "zm"),
        ("O'Brien Pat", "o brien pat", "obp"),
    ],
)
def test_a_name_is_ordered_by_pinyin_with_the_surnames_own_reading(name: str, sort: str, initials: str) -> None:
    keys = name_keys(name)
    assert (keys.sort, keys.initials) == (sort, initials)


def test_chinese_names_are_ordered_as_a_class_list_is() -> None:
    names = ["周杰", "曾志", "安宁", "单田芳", "李四"]
    assert sorted(names, key=lambda name: name_keys(name).sort) == ["安宁", "李四", "单田芳", "曾志", "周杰"]
