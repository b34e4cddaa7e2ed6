"""The snapshot on disk: whole or not at all, small in memory, and never mixed with its predecessor."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from devices.core.catalogue import Catalogue
from devices.core.messages import MessageError, SnapshotHead, encode_row, seal_snapshot
from devices.core.quote import Lot
from devices.drivers.randomness import SystemRandomness
from devices.drivers.vault import Vault
from devices.store.held import Keys
from devices.store.snapshots import FILE, SnapshotStore, StoreBroken
from devices.sync.verify import verify_snapshot
from tests.devices import world
from tests.devices.world import NOON_S, key_list

LARGE = 50_000
MAX_RSS_MB = 150


def _store(folder: Path) -> SnapshotStore:
    return SnapshotStore.open(folder, vault=Vault(bytes(32), randomness=SystemRandomness()))


def _head(people: int, *, number: int, base: int = 0, generation: int = 1, made_s: int = NOON_S) -> SnapshotHead:
    return SnapshotHead(
        terminal=7,
        generation=generation,
        number=number,
        base=base,
        made_s=made_s,
        people=people,
        policies=(),
        denials=(),
        posted_through=(),
        parameters=world.parameters(),
        key_list_number=1,
    )


def _load(store: SnapshotStore, head: SnapshotHead, *rows: bytes) -> None:
    store.apply(head, rows, policies=(world.policy(),))


def _row(account_ref: int, name: str = "张*") -> bytes:
    return encode_row(world.row(account_ref, name=name, lots=(Lot(1, 5, 3_00, NOON_S),)))


def test_before_the_first_load_nobody_is_found(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken):
        _store(tmp_path).find(1)


def test_a_delta_changes_adds_and_removes_and_leaves_the_rest(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _load(store, _head(3, number=5), _row(1), _row(2), _row(3))
    gone = encode_row(world.row(3).__class__(3, "", 0, (), 0, 0, 0, 0, gone=True))
    _load(store, _head(3, number=6, base=5), _row(2, "李*"), gone, _row(4))
    names = {account_ref: (found := store.find(account_ref)[1]) and found.name for account_ref in (1, 2, 3, 4)}
    assert names == {1: "张*", 2: "李*", 3: None, 4: "张*"}
    reopened = _store(tmp_path)
    held, row = reopened.find(2)
    assert (held.number, row.name if row else "") == (6, "李*")


def test_a_full_load_replaces_everybody(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _load(store, _head(2, number=5), _row(1), _row(2))
    _load(store, _head(1, number=1, generation=2), _row(9))
    assert store.people() == 1
    assert store.find(1)[1] is None


@pytest.mark.parametrize("bad", [b"no json", b"[1]", b'["x","y"]', encode_row(world.row(-1)), b"[1e400]"])
def test_a_load_with_a_row_that_is_none_leaves_the_old_one_whole(tmp_path: Path, bad: bytes) -> None:
    store = _store(tmp_path)
    _load(store, _head(1, number=5), _row(1))
    for head in (_head(2, number=6), _head(2, number=6, base=5)):
        with pytest.raises(MessageError):
            _load(store, head, _row(2), bad)
        assert store.people() == 1
        assert store.find(1)[0].number == 5


def test_a_person_and_the_head_are_of_the_same_snapshot_while_one_is_loading(tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []

    def look(step: str) -> None:
        if step.startswith("snapshot") and store.held is not None:
            held, row = store.find(1)
            seen.append((held.number, row.name if row else ""))

    store = SnapshotStore.open(tmp_path, vault=Vault(bytes(32), randomness=SystemRandomness()), passing=look)
    _load(store, _head(1, number=1), _row(1, "old"))
    seen.clear()
    _load(store, _head(1, number=2), _row(1, "new"))
    assert seen == [(1, "old"), (1, "old"), (2, "new")]


def test_names_and_accounts_do_not_lie_readable_on_the_disk(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _load(store, _head(1, number=5), _row(0x1122334455667788, "欧阳*"))
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for plain in ("欧阳*".encode(), (0x1122334455667788).to_bytes(8, "big"), b"1234605616436508552"):
        assert plain not in stored
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_no_clock_may_be_behind_the_newest_signed_time(tmp_path: Path) -> None:
    store = _store(tmp_path)
    assert store.signed_time_s == 0
    store.keep_keys(Keys(key_list(made_s=NOON_S - 9), {1: bytes(32)}))
    assert store.signed_time_s == NOON_S - 9
    _load(store, _head(0, number=1))
    assert store.signed_time_s == NOON_S


_LOAD = """
import sys
from pathlib import Path
from tests.devices import test_store
test_store.load_many(Path(sys.argv[1]))
status = Path("/proc/self/status").read_text()
print(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
"""


def load_many(folder: Path) -> None:
    """As it comes: sealed, signed, packed."""
    people = [_row(account_ref) for account_ref in range(1, LARGE + 1)]
    sealed = seal_snapshot(_head(LARGE, number=1), people, key_id=1, signer=world.SNAPSHOT_SIGNER)
    found = verify_snapshot(sealed, key_list=key_list(), terminal=7)
    store = _store(folder)
    store.apply(found.head, found.rows, policies=(world.policy(),))
    assert store.find(LARGE)[1] is not None


def test_a_whole_campus_is_loaded_in_little_memory(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", _LOAD, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(found.stdout) < MAX_RSS_MB * 1024


def test_the_newest_catalogue_is_kept_across_deltas_and_restarts(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _load(store, msgspec.structs.replace(_head(1, number=1), catalogue=world.catalogue()), _row(1))
    _load(store, _head(0, number=2, base=1))
    held = _store(tmp_path).held
    assert held is not None
    assert (held.number, held.catalogue, held.catalogue_stamp) == (2, world.catalogue(), 1)
    fewer = world.catalogue(without=world.CAKE)
    _load(store, msgspec.structs.replace(_head(0, number=3, base=2), catalogue=fewer))
    _load(store, msgspec.structs.replace(_head(0, number=4, base=3), catalogue=fewer))
    held = _store(tmp_path).held
    assert held is not None
    assert (held.catalogue, held.catalogue_stamp) == (fewer, 3)


def test_an_outlet_that_sells_nothing_any_more_has_an_empty_catalogue(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _load(store, msgspec.structs.replace(_head(1, number=1), catalogue=world.catalogue()), _row(1))
    _load(store, msgspec.structs.replace(_head(0, number=2, base=1), catalogue=Catalogue()))
    assert store.held is not None
    assert store.held.catalogue == Catalogue()
