"""Pure rules about names: what a bystander may see of one, and how it is ordered and found."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from pypinyin import Style, lazy_pinyin

MASK = "*"
MASKS_MAX = 2
"""More would tell the length of a long name."""

# Surnames whose reading is not the character's usual one.
_SURNAME_READINGS = {
    "尉迟": "yu chi",
    "万俟": "mo qi",
    "单于": "chan yu",
    "澹台": "tan tai",
    "令狐": "ling hu",
    "长孙": "zhang sun",
    "单": "shan",
    "仇": "qiu",
    "曾": "zeng",
    "解": "xie",
    "查": "zha",
    "盖": "ge",
    "区": "ou",
    "任": "ren",
    "朴": "piao",
    "翟": "zhai",
    "华": "hua",
    "覃": "qin",
    "缪": "miao",
    "乐": "yue",
    "种": "chong",
    "员": "yun",
    "繁": "po",
    "宓": "mi",
    "冼": "xian",
    "召": "shao",
}


@dataclass(frozen=True, slots=True)
class NameKeys:
    """`sort` orders ("zhang san"); `joined` ("zhangsan") and `initials` ("zs") are searched by prefix."""

    sort: str
    joined: str
    initials: str


def masked_name(name: str) -> str:
    """What a terminal shows: "张*", "张*三", "欧**娜"; "A. Smith" for Alice Smith; "M*" for one Latin word."""
    words = name.split()
    if not words:
        return MASK
    if _is_han(words[0][0]):
        return _masked_han("".join(words))
    if len(words) == 1:
        return words[0][0].upper() + MASK
    return f"{words[0][0].upper()}. {words[-1]}"


def name_keys(name: str) -> NameKeys:
    """How a name is ordered and found: Chinese by pinyin, with a surname's own reading; Latin without accents."""
    text = " ".join(name.split())
    surname = next((text[:size] for size in (2, 1) if text[:size] in _SURNAME_READINGS), "")
    syllables = _SURNAME_READINGS[surname].split() if surname else []
    for part in lazy_pinyin(text[len(surname) :], style=Style.NORMAL, v_to_u=False):
        syllables.extend(_plain(part).split())
    return NameKeys(
        sort=" ".join(syllables), joined="".join(syllables), initials="".join(part[0] for part in syllables)
    )


def _masked_han(name: str) -> str:
    if len(name) <= 2:
        return name[0] + MASK
    return name[0] + MASK * min(len(name) - 2, MASKS_MAX) + name[-1]


def _is_han(character: str) -> bool:
    return "一" <= character <= "鿿" or "㐀" <= character <= "䶿" or "\U00020000" <= character <= "\U0003ffff"


def _plain(text: str) -> str:
    """Lower case, accents dropped, anything but letters and digits turned into a space."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letter if letter.isalnum() else " " for letter in bare).casefold()
