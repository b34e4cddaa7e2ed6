"""What a journal may let go: acknowledged records past the backup window, and codes that cannot live any more."""

from devices.drivers.database import Connection
from devices.journal import tables
from devices.journal.values import Limits, Stream

ROWS = 500
"""At most this many rows go at once, so that a sale never waits long."""


def prune_stream(connection: Connection, stream: Stream, *, current: bool, now_ms: int, limits: Limits) -> bool:
    """Delete records below the acknowledged end; True where the whole stream is gone.

    The last record stays until the stream goes: the next one names its head. What the server has not reported as
    posted stays longer, since it still lessens what people may spend.
    """
    below = min(stream.acked, stream.last_seq)
    posted = min(below, stream.posted + 1)
    lowest = tables.record_id(stream.ordinal, 0)
    for upto, keep_ms in ((posted, limits.keep_ms), (below, limits.unposted_keep_ms)):
        _delete_oldest(connection, lowest, tables.record_id(stream.ordinal, upto), before_ms=now_ms - keep_ms)
    stream.first_seq = tables.first_sequence(connection, stream.ordinal)
    if current or not stream.acked == stream.last_seq == stream.first_seq:
        return False
    settled = stream.posted >= stream.last_seq or stream.last_seq == 1
    keep_ms = limits.keep_ms if settled else limits.unposted_keep_ms
    last = tables.record_id(stream.ordinal, stream.last_seq)
    (at_ms,) = connection.execute("SELECT at_ms FROM record WHERE id = ?", (last,)).fetchone()
    if at_ms >= now_ms - keep_ms:
        return False
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM record WHERE id = ?", (last,))
    connection.execute("DELETE FROM stream WHERE epoch = ?", (stream.epoch,))
    connection.execute("COMMIT")
    return True


def _delete_oldest(connection: Connection, lowest: int, end: int, *, before_ms: int) -> None:
    """Whatever stands before a record that is old enough is older still, also where the clock was ahead once: it goes
    too. Left there it would be a hole in the chain later, or keep all that follows it for as long as the clock was off.
    """
    connection.execute(_THROUGH_OLD, (lowest, lowest, end, before_ms, ROWS))


def prune_codes(connection: Connection, *, now_ms: int) -> None:
    """Forget codes whose life is over."""
    connection.execute(_CODES, (now_ms // 1000, ROWS))


_THROUGH_OLD = """
DELETE FROM record WHERE id >= ? AND id <= (
    SELECT max(id) FROM (SELECT id FROM record WHERE id >= ? AND id < ? AND at_ms < ? ORDER BY id LIMIT ?)
)
"""
_CODES = "DELETE FROM presented WHERE code IN (SELECT code FROM presented WHERE forget_s < ? LIMIT ?)"
