"""How the hot path hands PostgreSQL many numbers: measured, not obvious (ADR 0001)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.utils import CursorWrapper

MANY_ROWS = 200


def array_literal(numbers: Iterable[int]) -> str:
    """Numbers as a bigint[] literal; adapting a list element by element takes three times as long."""
    return "{" + ",".join(map(str, numbers)) + "}"


@contextmanager
def looked_up_by_index(cursor: CursorWrapper, *, rows: int) -> Iterator[None]:
    """Inside, statements over `rows` ids go through the index, in the order of the sorted ids.

    Left alone the planner reads the whole table to find some thousands of rows: twice as slow at
    100,000 accounts, and worse with every account more, all of it under the locks.
    """
    if rows < MANY_ROWS or not connection.in_atomic_block:
        yield
        return
    cursor.execute(
        "SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),"
        " set_config('enable_seqscan', 'off', true)"
    )
    yield
    # Not after an error: the savepoint or the transaction is lost then, and these settings with it.
    for name in ("enable_hashjoin", "enable_mergejoin", "enable_seqscan"):
        cursor.execute(f"SET LOCAL {name} TO DEFAULT")
