"""A terminal's part of a full load, in a process of its own: `python -m tests.bench.loading FOLDER ROOT TERMINAL`.

FOLDER holds `snapshot` and `keys` as the server gave them, `card_key`, and `delta-0`, `delta-1`, … that follow. Prints
what it took as JSON, and leaves in FOLDER/store what `tests.bench.standing` stands on.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from pathlib import Path

import msgspec

from devices.core.funds import PersonRow
from devices.core.keys import KeyList, open_key_list
from devices.core.messages import Enrolled, decode_row
from devices.drivers import vault
from devices.drivers.database import SqliteStorage
from devices.drivers.keyfile import write_whole
from devices.drivers.randomness import SystemRandomness
from devices.drivers.vault import Vault
from devices.store.held import Keys
from devices.store.identity import save_identity
from devices.store.snapshots import SnapshotStore
from devices.sync.verify import verify_snapshot
from devices.terminal import STORAGE_KEY
from tests.devices.world import INSTITUTION

KIB_PER_MB = 1_000_000 / 1024


def main() -> None:
    """Load, then measure what it is held against."""
    folder, root, terminal = Path(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3])
    key_list = open_key_list((folder / "keys").read_bytes(), root_public=root, institution=INSTITUTION)
    store_folder = folder / "store"
    store_folder.mkdir()
    key = secrets.token_bytes(vault.KEY_BYTES)
    write_whole(store_folder / STORAGE_KEY, key)
    save_identity(store_folder, Enrolled(terminal, INSTITUTION, root.hex(), 0))
    store = SnapshotStore.open(store_folder, vault=Vault(key, randomness=SystemRandomness()))
    store.keep_keys(Keys(key_list, {}, (folder / "card_key").read_bytes()))
    idle_rss_mb = peak_mb()
    began = time.perf_counter()
    found = verify_snapshot((folder / "snapshot").read_bytes(), key_list=key_list, terminal=terminal)
    store.apply(found.head, found.rows, policies=found.policies)
    loaded_s = time.perf_counter() - began
    told = {
        "loaded_s": loaded_s,
        "rss_mb": peak_mb(),
        "idle_rss_mb": idle_rss_mb,
        "people": store.people(),
        "deltas_s": _deltas_s(folder, store, key_list, terminal),
        "bare_s": _bare_insert_s(folder / "bare.sqlite3", found.rows),
        "json_bytes": sum(len(_as_plain_json(row)) + 1 for row in found.rows),
    }
    store.close()
    print(json.dumps(told))


def _deltas_s(folder: Path, store: SnapshotStore, key_list: KeyList, terminal: int) -> list[float]:
    """Each verified and applied, durably."""
    took = []
    for number in range(len(list(folder.glob("delta-*")))):
        data = (folder / f"delta-{number}").read_bytes()
        began = time.perf_counter()
        found = verify_snapshot(data, key_list=key_list, terminal=terminal)
        store.apply(found.head, found.rows, policies=found.policies)
        took.append(time.perf_counter() - began)
        assert len(found.rows) == found.head.people, "rows are missing from a delta"
        assert found.head.base, "a delta was a full load"
    return took


def _bare_insert_s(path: Path, rows: list[bytes]) -> float:
    began = time.perf_counter()
    connection = SqliteStorage().connect(path)
    connection.execute("CREATE TABLE person (account INTEGER PRIMARY KEY, row BLOB NOT NULL)")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO person (account, row) VALUES (?, ?)", enumerate(rows))
    connection.execute("COMMIT")
    connection.close()
    return time.perf_counter() - began


def _as_plain_json(row: bytes) -> bytes:
    """With every field named, as an API would send it."""
    person = decode_row(row)
    named = {name: getattr(person, name) for name in PersonRow.__struct_fields__}
    for several in ("lots", "used"):
        named[several] = [msgspec.structs.asdict(each) for each in named[several]]
    return msgspec.json.encode(named)


def peak_mb() -> float:
    """The most memory this process ever stood in. (getrusage would also count its parent's, from before the exec.)"""
    line = next(each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / KIB_PER_MB


if __name__ == "__main__":
    main()
