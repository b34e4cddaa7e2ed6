"""Sites of real terminals, put away after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.core.funds import PersonRow
from devices.lan.udp import LanOptions
from tests.lan.site import SiteOfTills, listed, make_site


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., SiteOfTills]]:
    made: list[SiteOfTills] = []

    def build(options: list[LanOptions], *, people: list[PersonRow] | None = None) -> SiteOfTills:
        made.append(make_site(tmp_path / str(len(made)), options, people=people))
        return made[-1]

    yield build
    for site in made:
        site.close()


@pytest.fixture
def pair(make: Callable[..., SiteOfTills]) -> SiteOfTills:
    """Two terminals that heard each other, and no server any more."""
    site = make(listed(2))
    site.meet()
    site.go_dark()
    return site
