"""Keep what a device of the present release leaves: `python -m tests.compatibility.make_kept 3`.

Only for the newest release, until it is out; those before it are what their own code wrote.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from devices.core import card
from devices.core.journal import Facts
from devices.core.messages import Ack, open_batch
from devices.terminal import Terminal
from tests.compatibility.kept import DEVICE_SEED, FOLDER, STORAGE_KEY, forms
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer, Phone

UID = bytes.fromhex("04a1b2c3")
PAUSE_MS = 30_000
NOT_KEPT = ("device.key", "storage.key", "lock", "journal.reserve")


class Listener(FakeServer):
    """Keeps what it is sent."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.batches: list[bytes] = []

    def receive(self, body: bytes) -> Ack:
        self.batches.append(body)
        return super().receive(body)


class Story:
    """One device's work, the same at each making."""

    def __init__(self, folder: Path) -> None:
        world.KEY_ID = 1
        self.folder, self.clock = folder, FakeClock()
        self.server = Listener(self.clock)
        self.server.catalogue, self.server.parameters = world.catalogue(), world.parameters(journal=2)
        name = card.name_of(UID, card_key=self.server.card_key)
        second = msgspec.structs.replace(world.row(2, name="李*"), cards=(name,))
        world.add_people(self.server, world.row(1), second)
        for file, secret in (("device.key", DEVICE_SEED), ("storage.key", STORAGE_KEY)):
            (folder / file).touch(mode=0o600)
            (folder / file).write_bytes(secret)
        self.terminal = self.boot(1)

    def boot(self, number: int) -> Terminal:
        return Terminal.open(
            self.folder,
            server_url="http://server.invalid",
            clock=self.clock,
            randomness=FakeRandomness(number),
            transport=self.server,
            software="kept",
        )

    def sync(self) -> None:
        self.terminal.sync.nudge()
        for _ in range(12):
            if self.terminal.sync.step():
                break

    def present(self, account_ref: int, amount_minor: int = 0, *, facts: Facts | None = None) -> None:
        self.clock.pass_ms(PAUSE_MS)
        if amount_minor:
            self.terminal.control.set_amount(amount_minor)
        text = Phone(account_ref, key_id=1).show(self.clock.now_s)
        assert self.terminal.control.scan(text, facts=facts).approved

    def before_the_line_is_cut(self) -> None:
        control = self.terminal.control
        self.terminal.enrol(world.ENROLMENT_CODE)
        self.sync()
        self.present(1, 12_50)
        self.clock.pass_ms(PAUSE_MS)
        control.set_amount(8_00)
        assert control.scan(world.pre_signed(2, slot_s=self.clock.now_s - 10)).approved
        assert control.reverse_last().approved
        self.present(1, 5_00)
        self.present(1, 2_00, facts=Facts(device="bus", line="12", stop="Gate", grams=350))
        tail = self.terminal._journal.tail
        assert control.reverse(epoch=tail.epoch, seq=tail.seq, reason="void", by="1").approved
        control.set_mode("products")
        control.add(world.NOODLES)
        control.add(world.RICE, quantity=2)
        self.present(2)
        self.sync()
        self.terminal.close()
        self.clock.pass_ms(2 * PAUSE_MS)

    def without_a_line(self) -> None:
        self.terminal = self.boot(2)
        control = self.terminal.control
        self.server.down = True
        control.set_mode("typed")
        self.present(2, 3_20)
        self.clock.pass_ms(PAUSE_MS)
        control.set_amount(6_60)
        assert control.tap_card(UID, facts=Facts(device="cabinet", order="A1", slot=3)).approved
        control.set_mode("pass")
        self.present(1, facts=Facts(device="gate", way="in"))
        assert control.note("shift_opened", by=("1",), params={"sales": 3})
        control.set_mode("typed")
        self.present(1, 4_40)


def main(release: int) -> None:
    """Write the folder of that release anew."""
    out = FOLDER / f"release-{release}"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        story = Story(Path(folder))
        story.before_the_line_is_cut()
        story.without_a_line()
        ended_ms, sent = story.clock.now_ms, len(story.server.batches)
        for each in sorted(Path(folder).iterdir()):
            if each.name not in NOT_KEPT and not each.name.endswith("-shm") and each.stat().st_size:
                shutil.copyfile(each, out / each.name)  # as it lies there at this moment: the device is not closed
        story.server.down = False
        story.sync()
        story.terminal.close()
    streams: dict[int, list[str]] = {}
    names = [f"batch-{number + 1}.bin" for number in range(len(story.server.batches))]
    for name, data in zip(names, story.server.batches, strict=True):
        (out / name).write_bytes(data)
        head, lines = open_batch(data, device_public=bytes.fromhex(story.server.device_public))
        streams.setdefault(head.epoch, []).extend(line.decode() for line in lines)
    written = {"unsent_batches": names[sent:], "batches": names, "ended_ms": ended_ms, "streams": streams}
    written["forms"] = forms()
    (out / "written.json").write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]))
