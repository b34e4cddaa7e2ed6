"""Clusters of their own for the tests that kill servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ecard.embedded import EmbeddedPostgres


@pytest.fixture
def cluster_folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose server, if any is left, is stopped and deleted afterwards."""
    folder = tmp_path / "postgres"
    yield folder
    EmbeddedPostgres(folder).destroy()
