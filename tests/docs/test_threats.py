"""ecard/adr/threats.md: each test it names exists, each number is the code's."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from ecard.benefits.models import AgeStep
from tests.docs.blocks import ROOT

PAGE = ROOT / "ecard" / "adr" / "threats.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")
ACTORS = (
    "A stolen phone",
    "A stolen terminal",
    "A bystander with a camera",
    "A bad cashier",
    "A bad administrator",
    "A stolen database",
    "A person with two phones, two dark terminals",
    "A false server at enrolment",
    "A cloned terminal, or a restored image",
    "A retired issuer key",
    "One administrator",
    "A subsidy paid twice",
    "A voucher spent at two dark terminals",
    "The same free breakfast at two terminals",
    "An expired subsidy",
    "A limit",
    "A forged policy",
    "A file",
    "A manager of one site",
    'Whoever asks "what would they pay?"',
    "A template",
)


def test_every_test_that_bounds_a_threat_exists() -> None:
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) > 60
    assert [f"{path}::{name}" for path, name in named if name not in _tests_in(path)] == []


@pytest.mark.parametrize("actor", ACTORS)
def test_every_attacker_is_answered_by_a_test(actor: str) -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| **{actor}**")]
    assert len(rows) == 1
    assert NAMED.search(rows[0])


def test_every_row_names_a_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| (\*\*|…)", line)]
    assert len(rows) > 50
    assert [row for row in rows if not NAMED.search(row)] == []


def test_every_constant_that_bounds_is_among_the_numbers() -> None:
    text, _title, numbers = PAGE.read_text(encoding="utf-8").partition("## The numbers")
    named = set(re.findall(r"`([A-Z][A-Z_]+)`", text))
    assert named
    assert [each for each in named if f".{each}`" not in numbers] == []


def test_every_number_of_a_bound_is_the_codes() -> None:
    numbers = PAGE.read_text(encoding="utf-8").partition("## The numbers")[2]
    rows = re.findall(r"^\| `([\w.]+)` \| ((?:\d+ days?, )?[\d:]+) \|$", numbers, re.MULTILINE)
    assert len(rows) == numbers.count("\n| `") > 15
    assert [(name, value) for name, value in rows if str(_constant(name)) != value] == []


def test_no_test_of_an_attack_is_left_out_of_the_page() -> None:
    told = {name for _path, name in NAMED.findall(PAGE.read_text(encoding="utf-8"))}
    attacks = set().union(
        *(_tests_in(f"tests/threats/{path.name}") for path in (ROOT / "tests/threats").glob("test_*"))
    )
    assert attacks
    assert attacks - told == set()


@pytest.mark.django_db
def test_the_table_of_snapshot_ages_is_a_new_installations() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for step in AgeStep.objects.all():
        minutes, hours, days = step.up_to_s // 60, step.up_to_s // 3600, step.up_to_s // 86_400
        age = f"{minutes} minutes" if minutes < 60 else f"{hours} h" if days < 7 else f"{days} days"
        assert f"{age} {step.sale_minor // 100}, {step.person_minor // 100};" in text


@cache
def _tests_in(path: str) -> frozenset[str]:
    """The tests a file defines, as pytest would name them."""
    file = ROOT / path
    if not file.exists():
        return frozenset()
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (each.name for each in node.body if isinstance(each, ast.FunctionDef))
            found |= {f"{node.name}::{name}" for name in methods if name.startswith("test_")}
    return frozenset(found)


def _constant(name: str) -> Any:
    """A module's constant, or the default of a value's field."""
    module, constant = name.rsplit(".", 1)
    try:
        return getattr(import_module(module), constant)
    except ModuleNotFoundError:
        module, kind = module.rsplit(".", 1)
        return getattr(getattr(import_module(module), kind)(), constant)
