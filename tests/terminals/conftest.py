"""A campus with keys, made and committed, and a device enrolled at its first outlet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.core.cache import cache
from django.utils import timezone

from ecard.terminals.snapshots import base
from tests.support.campus import Campus, make_campus
from tests.support.device import Device, enrolled_device
from tests.support.issuing import make_keys_ready


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Throttles and the kept rows live in the process, not in the database."""
    cache.clear()
    base.forget()
    yield
    cache.clear()
    base.forget()


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def campus(committed_db: None, now: datetime) -> Campus:
    make_keys_ready(at=now)
    return make_campus(people=4, at=now)


@pytest.fixture
def device(campus: Campus, now: datetime) -> Device:
    return enrolled_device(outlet=campus.outlet, at=now)
