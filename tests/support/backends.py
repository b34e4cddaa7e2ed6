"""PostgreSQL's own processes, one behind each connection."""

from __future__ import annotations

import time

from django.db import connection

WAIT_S = 60.0


def wait_until_gone(backend: int) -> None:
    """A dead client's locks go with its connection; whoever comes next comes a moment later."""
    deadline_s = time.monotonic() + WAIT_S
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend])
            if cursor.fetchone() is None:
                return
        assert time.monotonic() < deadline_s, "the broken connection is still there"
        time.sleep(0.01)
