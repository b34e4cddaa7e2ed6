"""Every page: its links, their anchors and the files it names are there, and it leans on nothing that is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

FOLDERS = ("ecard", "devices", "firmware_sim", "tests")
PAGES = sorted(
    page.relative_to(ROOT)
    for page in (ROOT / "README.md", *(each for name in FOLDERS for each in (ROOT / name).rglob("*.md")))
)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`((?:tests|ecard|devices|firmware_sim|requirements)/[\w/.-]+\.\w+)(?:::\w+)*`")


def prose(page: Path) -> str:
    return FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in an address."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_the_pages_are_found() -> None:
    assert {Path("README.md"), Path("devices/TILL.md"), Path("ecard/adr/threats.md")} <= set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_anchor_and_file_of_a_page_is_there(page: Path) -> None:
    text = prose(page)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith(("http:", "https:"))]
    assert [link for link in links if not leads_somewhere(page, link)] == []
    assert [name for name in NAMED.findall(text) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_page_refers_to_a_document_that_its_reader_does_not_have(page: Path) -> None:
    assert re.findall(r"sections? \d[^.;\n]* of the design|design's section|design section", prose(page)) == []
