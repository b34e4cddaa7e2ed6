"""The sync protocol as transcripts: what happens, what the machine then wants, what it tells the journal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.core.messages import MAX_BATCH_RECORDS, Ack, Refusal
from devices.sync.machine import (
    BACKOFF_CAP_MS,
    BACKOFF_FIRST_MS,
    BACKOFF_LEAST_MS,
    HELD_MS,
    KEYS_AGAIN_MS,
    KEYS_EVERY_MS,
    MAX_GAPS,
    REVOKED_MS,
    SyncMachine,
    backoff_ms,
)
from devices.sync.protocol import (
    Acknowledge,
    Effect,
    Enrol,
    Event,
    Failed,
    FetchKeys,
    FetchSnapshot,
    HasIdentity,
    HasKeys,
    HasSnapshot,
    NotEnrolled,
    NotKept,
    Refused,
    Rewind,
    SendBatch,
    Sent,
    SignBy,
    Standing,
    Tell,
    Wait,
    Withdraw,
)

FIRST_SENT = SendBatch(MAX_BATCH_RECORDS)
FLOWS, HELD = Tell(Standing.FLOWS), Tell(Standing.HELD)


def _machine(*, enrolled: bool = True, keys: int | None = 1, snapshot: bool = True) -> SyncMachine:
    machine = SyncMachine(enrolled=enrolled, key_list_number=keys, fraction=lambda: 0.5)
    if enrolled and keys is not None:
        machine.handle(HasKeys(keys), 0)
    if enrolled and snapshot:
        machine.handle(HasSnapshot(keys or 0, 5), 0)
    return machine


def _sent(status: str, acknowledged: int, *, first: int = 1, last: int = 3, need: int = 0) -> Sent:
    return Sent(Ack(status, 9, acknowledged, need), first, last)  # type: ignore[arg-type]  # the table names only real ones


def test_a_new_terminal_waits_for_a_code_then_enrols_then_fetches_keys_then_sends_then_the_snapshot() -> None:
    machine = _machine(enrolled=False, keys=None, snapshot=False)
    assert isinstance(machine.next(0, unsent=1), Wait)
    machine.enrol("ABC")
    assert machine.next(0, unsent=1) == Enrol("ABC")
    machine.handle(HasIdentity(), 0)
    assert machine.next(0, unsent=1) == FetchKeys()
    machine.handle(HasKeys(4), 0)
    assert machine.next(0, unsent=1) == FIRST_SENT
    machine.handle(_sent("accepted", 1, last=1), 0)
    assert machine.next(0, unsent=0) == FetchSnapshot(full=False)
    machine.handle(HasSnapshot(4, 5), 0)
    assert machine.next(0, unsent=0) == Wait(5_000)


ANSWERS: dict[str, tuple[Event, tuple[Effect, ...]]] = {
    "accepted": (_sent("accepted", 3), (Acknowledge(9, 3), FLOWS)),
    "a repeat": (_sent("repeat", 3), (Acknowledge(9, 3), FLOWS)),
    "more than was sent": (_sent("repeat", 7), (Acknowledge(9, 3), FLOWS)),
    "a part": (_sent("accepted", 2), (Acknowledge(9, 2), FLOWS)),
    "a gap in this epoch": (_sent("gap", 0, first=4), (Rewind(9, 0),)),
    "an earlier epoch missing": (_sent("gap", 0, need=5), (Rewind(5, 0),)),
    "quarantined": (_sent("quarantined", 0), (HELD,)),
    "quarantined after a part": (_sent("quarantined", 2), (Acknowledge(9, 2), HELD)),
    "other content under what is held": (_sent("quarantined", 7), (Acknowledge(9, 3), HELD)),
    "an acknowledgement of nothing": (_sent("accepted", 3, first=4, last=5), (HELD,)),
    "no answer": (Failed(FIRST_SENT), ()),
    "records no longer kept": (NotKept(), (HELD,)),
    "another clock": (Refused(FIRST_SENT, Refusal("clock", "", 77)), (SignBy(77),)),
    "revoked": (Refused(FIRST_SENT, Refusal("revoked")), (Withdraw(),)),
    "a bad batch": (Refused(FIRST_SENT, Refusal("malformed")), (HELD,)),
    "too large": (Refused(FIRST_SENT, Refusal("too_large")), ()),
    "one record too large": (Refused(SendBatch(1), Refusal("too_large")), (HELD,)),
    "not ready": (Refused(FIRST_SENT, Refusal("not_ready")), ()),
    "a wrong code": (Refused(Enrol("A"), Refusal("code")), (NotEnrolled("code"),)),
    "a false server": (Failed(Enrol("A"), bad=True), (NotEnrolled("answer"),)),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_each_answer_has_its_effects(name: str) -> None:
    event, effects = ANSWERS[name]
    assert _machine().handle(event, 0) == effects


NEXT: dict[str, tuple[Event, object]] = {
    "accepted": (_sent("accepted", 3), FIRST_SENT),
    "a gap": (_sent("gap", 0, first=4), FIRST_SENT),
    "quarantined": (_sent("quarantined", 0), Wait(5_000)),
    "no answer": (Failed(FIRST_SENT), Wait(500)),
    "not ready": (Refused(FIRST_SENT, Refusal("not_ready")), Wait(500)),
    "an acknowledgement of nothing": (_sent("accepted", 3, first=4, last=5), Wait(5_000)),
    "no keys": (Failed(FetchKeys(), bad=True), Wait(500)),
    "another clock": (Refused(FIRST_SENT, Refusal("clock", "", 77)), FIRST_SENT),
    "revoked": (Refused(FIRST_SENT, Refusal("revoked")), Wait(REVOKED_MS)),
    "too large": (Refused(FIRST_SENT, Refusal("too_large")), SendBatch(MAX_BATCH_RECORDS // 2)),
    "a snapshot that does not fit": (Failed(FetchSnapshot(full=False), bad=True), Wait(500)),
}


@pytest.mark.parametrize("name", NEXT)
def test_after_each_answer_the_next_step_is(name: str) -> None:
    machine = _machine()
    event, following = NEXT[name]
    machine.handle(event, 0)
    assert machine.next(0, unsent=5) == following


@pytest.mark.parametrize("asked", [FetchKeys(), FetchSnapshot(full=False)])
def test_a_device_that_learns_of_its_revocation_still_hands_in_all_it_holds(asked: FetchKeys | FetchSnapshot) -> None:
    machine = _machine()
    assert machine.handle(Refused(asked, Refusal("revoked")), 10) == (Withdraw(),)
    assert machine.next(10, unsent=5) == FIRST_SENT
    machine.handle(_sent("repeat", 3), 20)
    assert machine.next(20, unsent=2) == FIRST_SENT
    machine.handle(Refused(FIRST_SENT, Refusal("revoked")), 30)
    assert machine.next(30, unsent=2) == Wait(30 + REVOKED_MS)


def test_a_revoked_device_that_starts_anew_hands_in_each_time_it_asks_for_keys() -> None:
    machine = _machine(snapshot=False)
    now_ms = KEYS_EVERY_MS
    for _time in range(3):
        assert machine.next(now_ms, unsent=5) == FetchKeys()
        machine.handle(Refused(FetchKeys(), Refusal("revoked")), now_ms)
        assert machine.next(now_ms, unsent=5) == FIRST_SENT
        machine.handle(Refused(FIRST_SENT, Refusal("revoked")), now_ms)
        assert machine.next(now_ms, unsent=5) == Wait(now_ms + REVOKED_MS)
        now_ms += REVOKED_MS


HANDED_IN: dict[str, Event] = {
    "no answer": Failed(FIRST_SENT),
    "an answer not to be believed": Failed(FIRST_SENT, bad=True),
    "quarantined": _sent("quarantined", 0),
    "an acknowledgement of nothing": _sent("repeat", 3, first=4, last=5),
    "records no longer kept": NotKept(),
    "malformed": Refused(FIRST_SENT, Refusal("malformed")),
    "not ready": Refused(FIRST_SENT, Refusal("not_ready")),
}


@pytest.mark.parametrize("name", HANDED_IN)
def test_a_revoked_device_whose_records_are_not_taken_rests(name: str) -> None:
    machine = _machine()
    machine.handle(Refused(FetchKeys(), Refusal("revoked")), 10)
    assert machine.next(10, unsent=5) == FIRST_SENT
    machine.handle(HANDED_IN[name], 10)
    assert isinstance(machine.next(10, unsent=5), Wait)


def test_a_snapshot_that_does_not_fit_is_fetched_whole_after_new_keys() -> None:
    machine = _machine()
    machine.handle(Failed(FetchSnapshot(full=False), bad=True), 10)
    assert machine.next(1_000, unsent=0) == FetchKeys()
    machine.handle(HasKeys(2), 1_000)
    assert machine.next(6_000, unsent=0) == FetchSnapshot(full=True)
    machine.handle(HasSnapshot(2, 5), 6_000)
    assert machine.next(11_000, unsent=0) == FetchSnapshot(full=False)


def test_a_newer_key_list_is_fetched_as_soon_as_a_snapshot_names_it_and_else_hourly() -> None:
    machine = _machine()
    machine.handle(HasSnapshot(2, 5), 0)
    assert machine.next(0, unsent=0) == FetchKeys()
    machine.handle(HasKeys(2), 0)
    assert isinstance(machine.next(0, unsent=0), Wait)
    assert machine.next(KEYS_EVERY_MS, unsent=0) == FetchKeys()


@pytest.mark.parametrize("no", [Failed(FetchKeys()), Failed(FetchKeys(), bad=True), Refused(FetchKeys(), Refusal("x"))])
def test_keys_that_cannot_be_had_are_asked_for_again_while_the_rest_goes_on(no: Event) -> None:
    machine, now_ms = _machine(), KEYS_EVERY_MS
    assert machine.next(now_ms, unsent=1) == FetchKeys()
    machine.handle(no, now_ms)
    assert machine.next(now_ms + 500, unsent=1) == FIRST_SENT
    machine.handle(_sent("accepted", 3), now_ms + 500)
    assert machine.next(now_ms + 500, unsent=0) == FetchSnapshot(full=False)
    machine.handle(HasSnapshot(1, 3_600), now_ms + 500)
    assert machine.next(now_ms + KEYS_AGAIN_MS, unsent=0) == FetchKeys()


def test_without_keys_nothing_is_asked_before_them() -> None:
    machine = _machine(keys=None)
    machine.handle(Failed(FetchKeys()), 0)
    assert machine.next(500, unsent=1) == FetchKeys()


def test_a_long_upload_does_not_starve_the_snapshot() -> None:
    machine = _machine()
    wanted = []
    for round_ in range(6):
        command = machine.next(10_000, unsent=1_000)
        wanted.append(type(command))
        machine.handle(_sent("accepted", 3) if isinstance(command, SendBatch) else HasSnapshot(1, 5), 10_000 + round_)
    assert wanted[:3] == [SendBatch, FetchSnapshot, SendBatch]


def test_a_server_that_always_finds_a_gap_is_not_asked_in_a_circle() -> None:
    machine = _machine()
    effects = [machine.handle(_sent("gap", 0, first=4), 0) for _ in range(MAX_GAPS + 1)]
    assert effects[-1] == (HELD,)
    assert machine.next(0, unsent=5) == Wait(5_000)
    assert machine.next(HELD_MS - 1, unsent=5) == FetchSnapshot(full=False)
    machine.handle(HasSnapshot(1, 3_600), HELD_MS)
    assert machine.next(HELD_MS, unsent=5) == FIRST_SENT


def test_a_clock_refused_twice_in_a_row_waits_like_any_failure() -> None:
    machine = _machine()
    refused = Refused(FIRST_SENT, Refusal("clock", "", 77))
    machine.handle(refused, 0)
    machine.handle(refused, 0)
    assert machine.next(0, unsent=1) == Wait(500)


def test_a_nudge_tries_at_once() -> None:
    machine = _machine()
    for _ in range(5):
        machine.handle(Failed(FIRST_SENT), 0)
    assert isinstance(machine.next(0, unsent=1), Wait)
    machine.nudge()
    assert machine.next(0, unsent=1) == FIRST_SENT


def test_after_a_smaller_batch_went_through_the_size_grows_back() -> None:
    machine = _machine()
    machine.handle(Refused(FIRST_SENT, Refusal("too_large")), 0)
    machine.handle(_sent("accepted", 3), 0)
    assert machine.next(0, unsent=1) == FIRST_SENT


def test_online_is_whether_anything_answered() -> None:
    machine = _machine()
    for event, online in ((Failed(FIRST_SENT), False), (Refused(FIRST_SENT, Refusal("not_ready")), True)):
        machine.handle(event, 0)
        assert machine.online is online


@given(failures=st.integers(1, 10_000), fraction=st.floats(0, 1, exclude_max=True))
def test_the_backoff_stays_within_its_bounds_and_uses_all_of_them(failures: int, fraction: float) -> None:
    most_ms = min(BACKOFF_CAP_MS, BACKOFF_FIRST_MS * 2 ** min(failures - 1, 20))
    delay_ms = backoff_ms(failures, fraction=fraction)
    assert BACKOFF_LEAST_MS <= delay_ms <= most_ms
    assert abs(delay_ms - max(BACKOFF_LEAST_MS, most_ms * fraction)) <= 1


@given(
    events=st.lists(
        st.sampled_from([event for event, _ in ANSWERS.values()] + [HasKeys(1), HasSnapshot(1, 5), HasSnapshot(9, 0)]),
        max_size=30,
    ),
    step_ms=st.integers(0, 20_000),
)
def test_whatever_comes_the_machine_asks_again_sooner_or_later(events: list[Event], step_ms: int) -> None:
    machine, now_ms = _machine(), 0
    for event in events:
        machine.handle(event, now_ms)
        command = machine.next(now_ms, unsent=3)
        assert not isinstance(command, Wait) or now_ms < command.until_ms <= now_ms + KEYS_EVERY_MS
        now_ms += step_ms
    assert not isinstance(machine.next(now_ms + KEYS_EVERY_MS, unsent=3), Wait)
