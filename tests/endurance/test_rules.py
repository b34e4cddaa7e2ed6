"""devices/ENDURANCE.md: each rule names a test, and each test it names exists."""

from __future__ import annotations

import ast
import re

from tests.docs.blocks import ROOT

PAGE = ROOT / "devices" / "ENDURANCE.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_rule_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rules = [row for row in rows if not row.startswith("| what happens")]
    assert len(rules) > 25
    assert [rule for rule in rules if not NAMED.search(rule)] == []
    named = {found for rule in rules for found in NAMED.findall(rule)}
    assert sorted(f"{path}::{name}" for path, name in named if name not in _tests_in(path)) == []


def test_every_file_it_names_exists() -> None:
    files = re.findall(r"`((?:tests|devices|firmware_sim)/[\w/]+\.py)", PAGE.read_text(encoding="utf-8"))
    assert [file for file in files if not (ROOT / file).exists()] == []


def _tests_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
