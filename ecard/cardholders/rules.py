"""Pure rules about names (what a bystander may see of one, how it is ordered and found), attributes and lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pypinyin import Style, lazy_pinyin

ATTRIBUTES_MAX = 20
VALUE_LENGTH_MAX = 64
CONDITIONS_MAX = 20
VALUES_PER_CONDITION_MAX = 50
_ATTRIBUTE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

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


class BadAttribute(ValueError):
    """The person who typed an attribute went over its bounds. `args` are a kind and what it is about:
    "many" (the number allowed), "name" or "value" (the attribute's name), "twice" (likewise) or "shape" (the line)."""


def attributes_of(given: Mapping[str, str]) -> dict[str, str]:
    """Attributes as they are kept: names in order, values trimmed, empty ones left out. Raises BadAttribute."""
    kept: dict[str, str] = {}
    for name in sorted(given):
        value = " ".join(given[name].split())
        if not _ATTRIBUTE.fullmatch(name):
            raise BadAttribute("name", name)
        if len(value) > VALUE_LENGTH_MAX or not value.isprintable():
            raise BadAttribute("value", name)
        if value:
            kept[name] = value
    if len(kept) > ATTRIBUTES_MAX:
        raise BadAttribute("many", str(ATTRIBUTES_MAX))
    return kept


def attributes_from_text(text: str) -> dict[str, str]:
    """Attributes typed as "grade=3", one a line. Raises BadAttribute."""
    found: dict[str, str] = {}
    for line in filter(None, (each.strip() for each in text.splitlines())):
        name, equals, value = line.replace("＝", "=", 1).partition("=")
        if not equals:
            raise BadAttribute("shape", line)
        found[name.strip().lower()] = value
    return attributes_of(found)


def text_from_attributes(attributes: Mapping[str, str]) -> str:
    """The text that `attributes_from_text` reads."""
    return "\n".join(f"{name}={value}" for name, value in attributes.items())


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute that has one of some values."""

    attribute: str
    values: tuple[str, ...]


def conditions_of(kept: Iterable[Mapping[str, object]]) -> tuple[Condition, ...]:
    """Conditions from the JSON they are kept as."""
    found = []
    for each in kept:
        values = each["values"]
        found.append(Condition(str(each["attribute"]), tuple(map(str, values)) if isinstance(values, list) else ()))
    return tuple(found)


def conditions_from_text(text: str) -> tuple[Condition, ...]:
    """Conditions typed as "grade=3,4", one a line; every line has to hold. Raises BadAttribute."""
    found: dict[str, Condition] = {}
    for line in filter(None, (each.strip() for each in text.splitlines())):
        name, equals, typed = line.replace("＝", "=", 1).replace("，", ",").partition("=")
        name = name.strip().lower()
        values = tuple(dict.fromkeys(filter(None, (" ".join(each.split()) for each in typed.split(",")))))
        if not equals or not values:
            raise BadAttribute("shape", line)
        if name in found:
            raise BadAttribute("twice", name)
        if len(values) > VALUES_PER_CONDITION_MAX:
            raise BadAttribute("many", str(VALUES_PER_CONDITION_MAX))
        for value in values:
            attributes_of({name: value})
        found[name] = Condition(name, values)
    if len(found) > CONDITIONS_MAX:
        raise BadAttribute("many", str(CONDITIONS_MAX))
    return tuple(found.values())


def text_from_conditions(conditions: Sequence[Condition]) -> str:
    """The text that `conditions_from_text` reads."""
    return "\n".join(f"{each.attribute}={','.join(each.values)}" for each in conditions)


def belongs(
    *, conditions: Sequence[Condition], groups: Collection[int], attributes: Mapping[str, str], group_id: int
) -> bool:
    """Whether a list by attributes names a person; one that asks for nothing names nobody."""
    if not conditions and not groups:
        return False
    if groups and group_id not in groups:
        return False
    return all(attributes.get(each.attribute) in each.values for each in conditions)


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
