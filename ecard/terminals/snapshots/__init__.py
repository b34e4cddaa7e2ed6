"""What a terminal must know to sell with no network, cut out of one moment of the database.

`make` answers a cursor; `full` and `delta` are its two halves by name.
"""

from ecard.terminals.snapshots.making import Made, SnapshotKind, delta, full, make

__all__ = ["Made", "SnapshotKind", "delta", "full", "make"]
