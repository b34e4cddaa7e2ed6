"""ecard/adr: every decision is in the list under its own title, and every file and test they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

FOLDER = ROOT / "ecard" / "adr"
DECISIONS = sorted(FOLDER.glob("0*.md"))
MOST_LINES = 70


def test_the_list_names_every_decision_by_its_title() -> None:
    listed = dict(re.findall(r"\]\((0[\w-]+\.md)\) \| (.+) \|", (FOLDER / "README.md").read_text(encoding="utf-8")))
    titles = {path.name: path.read_text(encoding="utf-8").splitlines()[0].split(": ", 1)[1] for path in DECISIONS}
    assert listed == titles


def test_no_number_is_given_twice() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_a_page_with_context_decision_and_consequences(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert re.search(r"^Status: (accepted|replaced by \d{4})", text, re.MULTILINE)
    assert text.count("\n") <= MOST_LINES


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.stem)
def test_what_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|ecard|devices|firmware_sim)/[\w/.-]+?)(?:::\w+)*`", text)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert [each for each in named if not (ROOT / each).exists()] == []
    assert [each for each in linked if not (path.parent / each).exists()] == []
