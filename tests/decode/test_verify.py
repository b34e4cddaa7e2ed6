"""The decode SDK against a server in memory: who may pass, and why not."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from devices.core import code as codes
from devices.core import enrolment
from devices.core.accept import FOREVER_S, Denial
from devices.core.code import Grant
from devices.core.enrolment import NotAnEnrolmentCode
from devices.core.messages import MessageError, Refusal
from devices.decode import Decoder, Drivers, NotEnrolled, Verdict
from devices.drivers.folder import InUse
from devices.drivers.network import NoAnswer
from devices.examples import verify
from devices.store import taken
from tests.devices import world
from tests.devices.world import FakeClock, FakeRandomness, FakeServer, Phone

URL = "http://server.invalid"


@dataclass
class Gate:
    """One device in the hands of a test."""

    folder: Path
    clock: FakeClock
    server: FakeServer
    decoder: Decoder

    def drivers(self) -> Drivers:
        return Drivers(clock=self.clock, randomness=FakeRandomness(9), transport=self.server)

    def shows(self, account_ref: int, *, grant: Grant | None = None, number: int = 0) -> Verdict:
        phone = Phone(account_ref, grant, number=number)
        return self.decoder.verify(phone.show(self.clock.now_s), self.clock.now_s)

    def restart(self) -> None:
        self.decoder.close()
        self.decoder = Decoder.open(self.folder, self.drivers())


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    clock = FakeClock()
    server = FakeServer(clock)
    world.add_people(server, world.row(1), world.row(2, name="李*", purse_minor=7_00))
    drivers = Drivers(clock=clock, randomness=FakeRandomness(), transport=server)
    made = Gate(tmp_path / "gate", clock, server, Decoder.enrol(tmp_path / "gate", URL, world.ENROLMENT_CODE, drivers))
    yield made
    made.decoder.close()


def test_a_genuine_code_says_who_and_what_they_may_do(gate: Gate) -> None:
    verdict = gate.shows(2)
    assert verdict.accepted
    assert (verdict.why, verdict.account_ref, verdict.name) == ("accepted", 2, "李*")
    assert (verdict.price_class, verdict.groups, verdict.rights) == (1, (1,), 0)
    assert verdict.pay_up_to_minor == 7_00
    assert (verdict.sentence("zh-hans"), verdict.sentence("en")) == ("已通过", "Accepted")


def test_rights_are_those_in_the_code(gate: Gate) -> None:
    assert gate.shows(1, grant=msgspec.structs.replace(world.grant(1), rights=0x8001)).rights == 0x8001


def test_somebody_the_snapshot_does_not_know_passes_by_the_code_alone(gate: Gate) -> None:
    verdict = gate.shows(99)
    assert verdict.accepted
    assert (verdict.name, verdict.groups, verdict.pay_up_to_minor) == ("", (), 100_00)


def test_somebody_with_no_sale_left_passes_and_pays_nothing(gate: Gate) -> None:
    verdict = gate.shows(99, grant=world.grant(99, max_sales=0))
    assert (verdict.accepted, verdict.pay_up_to_minor, verdict.price_class) == (True, 0, 1)


@pytest.mark.parametrize("pre_signed", [False, True])
def test_one_code_does_not_pass_twice_not_even_after_a_restart(gate: Gate, pre_signed: bool) -> None:
    now_s = gate.clock.now_s
    text = world.pre_signed(1, slot_s=now_s) if pre_signed else Phone(1).show(now_s)
    assert gate.decoder.verify(text, now_s).accepted
    again = gate.decoder.verify(text, now_s + 1)
    assert (again.accepted, again.why, again.account_ref) == (False, "already_used", 0)
    gate.restart()
    assert gate.decoder.verify(text, now_s + 2).why == "already_used"


def test_an_older_picture_of_a_code_does_not_pass_after_a_newer_one(gate: Gate) -> None:
    phone, now_s = Phone(1), gate.clock.now_s
    assert gate.decoder.verify(phone.show(now_s), now_s).accepted
    assert gate.decoder.verify(phone.show(now_s - 5), now_s).why == "older_moment"
    assert gate.decoder.verify(phone.show(now_s + 5), now_s + 5).accepted


def test_a_code_that_was_refused_is_not_used_up(gate: Gate) -> None:
    text, now_s = Phone(1).show(gate.clock.now_s), gate.clock.now_s
    assert gate.decoder.verify(text, now_s + 60).why == "phone_slow"
    assert gate.decoder.verify(text, now_s).accepted


def test_what_is_no_genuine_code_is_refused_with_its_reason(gate: Gate) -> None:
    now_s = gate.clock.now_s
    genuine = Phone(1).show(now_s)
    altered = genuine[:60] + ("0" if genuine[60] != "0" else "1") + genuine[61:]
    cases = {
        "": "not_a_code",
        "https://example.org/menu": "not_a_code",
        genuine[:100]: "damaged",
        altered: "altered",
        Phone(1, institution="XX").show(now_s): "other_institution",
        Phone(1, key_id=200).show(now_s): "unknown_key",
        Phone(1).show(now_s + 11): "phone_fast",
        Phone(1).show(now_s - 26): "phone_slow",
    }
    found = {text: gate.decoder.verify(text, now_s) for text in cases}
    assert {text: verdict.why for text, verdict in found.items()} == cases
    assert all(verdict.zh and verdict.en and not verdict.accepted for verdict in found.values())


def test_the_clock_that_is_wrong_is_named(gate: Gate) -> None:
    verdict = gate.decoder.verify(Phone(1).show(gate.clock.now_s + 40), gate.clock.now_s)
    assert "40" in verdict.en
    assert "手机时间" in verdict.zh


def test_a_stopped_person_is_refused_from_the_next_refresh(gate: Gate) -> None:
    gate.server.denials = (Denial(1, FOREVER_S), Denial(2, world.NOON_S))
    gate.server.number += 1
    assert gate.decoder.refresh()
    assert gate.shows(1).why == "stopped"
    assert gate.shows(2).why == "denied"
    newer = world.grant(2, issued_at_s=world.NOON_S)
    assert gate.shows(2, grant=newer, number=1).accepted


def test_a_door_for_some_groups_is_closed_to_others(gate: Gate) -> None:
    gate.server.parameters = world.parameters(groups=(5, 6))
    world.add_people(gate.server, msgspec.structs.replace(world.row(3), groups=(6, 7)))
    gate.server.number += 1
    gate.decoder.refresh()
    assert gate.shows(3).accepted
    assert [gate.shows(1).why, gate.shows(99).why] == ["no_passage"] * 2


def test_it_works_without_the_line_and_stops_when_what_it_knows_is_too_old(gate: Gate) -> None:
    gate.server.down = True
    assert not gate.decoder.refresh()
    gate.clock.pass_ms(6 * world.DAY_S * 1000)
    text = Phone(1, day_s=gate.clock.now_s - 3600).show(gate.clock.now_s)
    assert gate.decoder.verify(text, gate.clock.now_s).accepted
    gate.clock.pass_ms(2 * world.DAY_S * 1000)
    text = Phone(1, day_s=gate.clock.now_s - 3600, number=1).show(gate.clock.now_s)
    assert gate.decoder.verify(text, gate.clock.now_s).why == "snapshot_too_old"


def test_a_clock_behind_what_the_server_signed_is_not_believed(gate: Gate) -> None:
    behind_s = gate.clock.now_s - 3600
    assert gate.decoder.verify(Phone(1).show(behind_s), behind_s).why == "clock_suspect"


def test_an_older_clock_cannot_bring_a_used_code_back(gate: Gate) -> None:
    """A code issued later than the snapshot raises the floor, too."""
    now_s = gate.clock.now_s + 600
    phone = Phone(1, grant=world.grant(1, issued_at_s=now_s))
    assert gate.decoder.verify(phone.show(now_s), now_s).accepted
    assert gate.decoder.verify(Phone(2).show(now_s - 300), now_s - 300).why == "clock_suspect"


def test_a_withdrawn_device_refuses_everybody(gate: Gate) -> None:
    gate.server.revoked = True
    with pytest.raises(NotEnrolled, match="revoked"):
        gate.decoder.refresh()
    assert gate.shows(1).why == "withdrawn"


def test_a_wrong_device_clock_is_signed_around(gate: Gate) -> None:
    gate.server.clock_off_ms = 600_000
    assert gate.decoder.refresh()
    gate.server.clock_off_ms = -600_000
    gate.server.asked.clear()
    gate.decoder.refresh()
    assert len(gate.server.asked) == 2


def test_answers_that_are_not_the_institutions_change_nothing(gate: Gate) -> None:
    gate.server.tamper = lambda data: data[:-1] + bytes([data[-1] ^ 1])
    assert not gate.decoder.refresh()
    assert gate.shows(1).accepted
    gate.server.tamper = lambda data: data
    assert gate.decoder.refresh()
    assert "?" not in gate.server.asked[-1], "all is fetched anew"


@pytest.mark.parametrize("status", [500, 502])
def test_a_server_that_does_not_work_changes_nothing(gate: Gate, status: int) -> None:
    gate.server.status = status
    assert not gate.decoder.refresh()
    assert gate.shows(1).accepted


def test_new_keys_are_fetched_when_the_snapshot_names_them(gate: Gate) -> None:
    gate.server.keys = world.key_list(number=2, revoked=True)
    gate.decoder.refresh()
    gate.decoder.refresh()
    assert gate.shows(1).why == "key_revoked"


def test_codes_are_forgotten_only_when_they_cannot_live(gate: Gate) -> None:
    gate.shows(1)
    gate.decoder.refresh()
    assert _remembered(gate) == 1
    gate.clock.pass_ms((24 * 3600 + taken.FORGET_AFTER_S) * 1000)
    gate.decoder.refresh()
    assert _remembered(gate) == 0


def _remembered(gate: Gate) -> int:
    return int(gate.decoder._taken._rows.execute("SELECT count(*) FROM taken").fetchone()[0])


def test_a_disk_that_refuses_lets_nobody_through(gate: Gate) -> None:
    gate.decoder._taken._rows.execute("PRAGMA query_only = ON").fetchall()
    assert gate.shows(1).why == "not_ready"
    gate.decoder._taken._rows.execute("PRAGMA query_only = OFF").fetchall()
    assert gate.shows(1).accepted


def test_nothing_personal_lies_readable_on_the_disk(gate: Gate) -> None:
    text = Phone(1).show(gate.clock.now_s)
    gate.decoder.verify(text, gate.clock.now_s)
    lying = world.data_files(gate.folder)
    assert "李*".encode() not in lying
    assert codes.parse(text, institution="EC").code_id not in lying


def test_a_folder_that_is_not_enrolled_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled):
        Decoder.open(tmp_path)


def test_a_folder_has_one_process(gate: Gate) -> None:
    with pytest.raises(InUse):
        Decoder.open(gate.folder, gate.drivers())


Enrol = Callable[..., Decoder]


@pytest.fixture
def enrol(tmp_path: Path) -> Enrol:
    def make(code: str, *, down: bool = False, refuse: Refusal | None = None) -> Decoder:
        clock = FakeClock()
        server = FakeServer(clock)
        server.down, server.refuse = down, refuse
        return Decoder.enrol(tmp_path / "new", URL, code, Drivers(clock=clock, transport=server))

    return make


def test_what_can_go_wrong_with_an_enrolment_is_told_apart(enrol: Enrol) -> None:
    with pytest.raises(NotAnEnrolmentCode):
        enrol("hello")
    with pytest.raises(NotEnrolled, match=r"^code: The code is wrong or has expired\."):
        enrol(world.ENROLMENT_CODE, refuse=Refusal("code"))
    with pytest.raises(NoAnswer):
        enrol(world.ENROLMENT_CODE, down=True)
    with pytest.raises(MessageError, match="another root"):
        enrol(world.ENROLMENT_CODE[:-5] + "00000")
    enrol(world.ENROLMENT_CODE).close()


@pytest.mark.parametrize("typed", ["hello\n", "\n", ""])
def test_the_example_that_is_given_no_enrolment_code_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(SystemExit, match="enrolment code"):
        verify.main(tmp_path / "new", URL)


def test_the_picture_of_an_enrolment_code_works_too(enrol: Enrol) -> None:
    enrol(f"ECE1 {world.ENROLMENT_CODE} {URL}").close()


def test_before_the_first_snapshot_nobody_passes(gate: Gate, enrol: Enrol, tmp_path: Path) -> None:
    enrol(world.ENROLMENT_CODE).close()
    (tmp_path / "new" / "snapshot.sqlite3").unlink()
    fresh = Decoder.open(tmp_path / "new", gate.drivers())
    assert fresh.verify(Phone(1).show(gate.clock.now_s), gate.clock.now_s).why == "not_ready"
    fresh.close()


def test_the_thread_refreshes_until_it_is_closed(gate: Gate) -> None:
    asked = len(gate.server.asked)
    gate.decoder.start()
    for _ in range(5_000):
        if len(gate.server.asked) > asked:
            break
        gate.decoder._ending.wait(0.01)
    gate.decoder.close()
    gate.decoder.close()
    assert len(gate.server.asked) > asked
    assert gate.decoder._thread is not None
    assert not gate.decoder._thread.is_alive()


def test_a_typed_code_that_begins_like_the_picture_is_still_a_typed_one() -> None:
    assert enrolment.read("ece1X-0M4XN-A9C3E") == "ECE1X-0M4XN-A9C3E"
    assert enrolment.read("ECE1 ECE1X-0M4XN-A9C3E https://server") == "ECE1X-0M4XN-A9C3E"
