"""A campus, somebody who imports, and files made in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from django.contrib.auth.models import User

from ecard.imports import operations
from ecard.imports.models import ImportBatch
from ecard.imports.writing import csv_bytes
from tests.support.campus import NOON, Campus, make_campus

ReadFile = Callable[..., ImportBatch]


@pytest.fixture
def campus(db: None) -> Campus:
    return make_campus(people=3)


@pytest.fixture
def clerk(db: None) -> User:
    return User.objects.create_superuser("importer")


@pytest.fixture
def read_file(clerk: User) -> ReadFile:
    """`read_file("people", header, *rows)` gives the preview of such a file."""

    def read(kind: str, header: Sequence[str], *rows: Sequence[str]) -> ImportBatch:
        return operations.read_file(kind=kind, data=csv_bytes(header, rows), name=f"{kind}.csv", by=clerk, at=NOON)

    return read
