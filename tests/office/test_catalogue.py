"""The Chinese catalogue is whole: every text of the server, translated, with the same placeholders."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation import gettext, override
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "ecard" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd%]|{\w*}|</?\w+>")
# Latin words that Chinese text keeps.
KEPT_LATIN = re.compile(
    r"%\(\w+\)[sd]|{\w*}|<[^>]*>|\b(?:IP|QR|PIN|grade|Cookie|JavaScript|http|iPhone|make_root|make_keys|sign_key_list"
    r"|CSV|Excel|xlsx?|UTF|attribute|department|physics|shift)\b"
)


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file)


def messages() -> list[Message]:
    return [message for message in catalogue() if message.id]


def forms(text: object) -> list[str]:
    """A message's texts: one, or one for each plural."""
    return [text] if isinstance(text, str) else [str(each) for each in text]  # type: ignore[attr-defined]  # a tuple


def _sources() -> Iterator[tuple[Path, str]]:
    for folder in ("ecard", "templates"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".py" and "/migrations/" not in path.as_posix():
                yield path, path.read_text(encoding="utf-8")
            if path.suffix == ".html":
                # Python's own tokenizer reads what is left, once no line is indented.
                blanked = templatize(path.read_text(encoding="utf-8"))
                yield path, "\n".join(line.strip() for line in blanked.splitlines())


def test_nothing_is_untranslated_or_only_guessed() -> None:
    unfinished = [message.id for message in messages() if message.fuzzy or not all(forms(message.string))]
    assert unfinished == []


def test_every_text_of_the_server_is_in_the_catalogue() -> None:
    known = {(message.context, forms(message.id)[0]) for message in messages()}
    missing = set()
    for path, text in _sources():
        for _line, found, _comments, context in extract("python", io.BytesIO(text.encode()), keywords=KEYWORDS):
            first = found if isinstance(found, str) else found[0]
            if first and (context, first) not in known:
                missing.add((path.relative_to(ROOT).as_posix(), first))
    assert missing == set(), "run `make messages` and translate what is new"


def test_nothing_in_the_catalogue_is_out_of_use() -> None:
    assert list(catalogue().obsolete) == []


def test_a_translation_has_its_texts_placeholders() -> None:
    wrong = []
    for message in messages():
        wanted = set(PLACEHOLDER.findall(forms(message.id)[-1]))
        wrong += [each for each in forms(message.string) if set(PLACEHOLDER.findall(each)) != wanted]
    assert wrong == []


def test_placeholders_of_python_are_marked_so_that_tools_check_them() -> None:
    assert any("python-format" in message.flags for message in messages())


def test_a_sentence_ends_in_chinese_as_it_does_in_english() -> None:
    wrong = [
        forms(message.id)[0]
        for message in messages()
        if bool(re.search(r"[^.]\.$", forms(message.id)[-1])) != forms(message.string)[0].endswith("。")
    ]
    assert wrong == []


def test_no_translation_is_left_in_english() -> None:
    left = []
    for message in messages():
        plain = KEPT_LATIN.sub("", forms(message.string)[0])
        if re.search(r"[A-Za-z]{3,}", plain):
            left.append(forms(message.string)[0])
    assert left == []


def test_the_compiled_catalogue_is_used() -> None:
    with override("zh-hans"):
        assert gettext("cardholder") == "持卡人"
