"""What `make bench` promises about its parts."""

from __future__ import annotations

import importlib

import pytest

from tests.bench.parts import PARTS


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_the_bench_says_its_name_and_can_be_run(name: str) -> None:
    part = importlib.import_module(f"tests.bench.{name}")
    assert name == part.NAME
    assert callable(part.run)
