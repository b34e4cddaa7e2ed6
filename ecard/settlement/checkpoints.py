"""Named points of receiving and posting, where a test may stop, interleave or kill the work."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

RECEIVE_POINTS = (
    "receive.opened",
    "receive.locked",
    "receive.stored",
    "receive.advanced",
    "receive.committed",
)
CHECK_POINTS = ("check.taken", "check.done", "check.written", "check.committed")
POST_POINTS = (
    "post.taken",
    "post.locked",
    "post.decided",
    "post.transfers",
    "post.sales",
    "post.usage",
    "post.marked",
    "post.committed",
)
"""A group that is simply funded has no "post.locked" and "post.decided"."""

watcher: ContextVar[Callable[[str], None] | None] = ContextVar("settlement_checkpoint", default=None)


def checkpoint(name: str) -> None:
    """Tell the watcher, where there is one, that the work has come this far."""
    watch = watcher.get()
    if watch is not None:
        watch(name)
