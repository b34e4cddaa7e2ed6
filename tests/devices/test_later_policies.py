"""Policies that start later, that a later release wrote, and an older terminal's memory: all with no line."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from devices.core.policy import EVALUATOR_VERSION, Policy, PriceRule, Text, encode_policy
from devices.core.status import STATUS_HEADER, Status, read_status
from devices.drivers.network import Answer
from devices.master.screen import Said
from devices.store.held import Held, NewerPolicy
from devices.terminal import SOFTWARE
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import DAY_S, NOON_S

LATER_S = NOON_S + 3600


def _unknown_words(number: int, *, starts_at_s: int) -> bytes:
    """A source of funds that this release never heard of."""
    plain = msgspec.json.decode(encode_policy(world.policy(number=number, starts_at_s=starts_at_s)))
    return msgspec.json.encode(plain | {"min_evaluator": 9, "funding_order": ["stardust", "purse"]})


def _unknown_rules(number: int, *, starts_at_s: int) -> bytes:
    """Every word known, but rules that only a later evaluator applies."""
    plain = world.policy(number=number, starts_at_s=starts_at_s)
    return encode_policy(msgspec.structs.replace(plain, min_evaluator=EVALUATOR_VERSION + 1))


def _no_policy(_number: int, *, starts_at_s: int) -> bytes:
    """Genuine by its signature, and not even a number to be found."""
    return b'["%d"]' % starts_at_s


Later = Callable[..., bytes]
LATER = pytest.mark.parametrize("later", [_unknown_words, _unknown_rules, _no_policy])


def _policy_of(bench: Bench, account_ref: int) -> int:
    assert bench.pay(1_00, bench.show(account_ref)).approved
    newest = bench.terminal._journal.newest_sale
    assert newest is not None
    return newest.record.quote.policy


def _notice(bench: Bench) -> Said:
    notice = bench.control.screen().notice
    assert notice is not None
    return notice


@LATER
def test_a_policy_of_a_later_release_leaves_the_one_before_it_in_force_when_its_time_comes(
    bench: Bench, later: Later
) -> None:
    bench.server.later_policies = (later(2, starts_at_s=LATER_S),)
    bench.sync()
    bench.server.down = True
    assert _policy_of(bench, 1) == 1
    bench.clock.pass_ms(3600_000)
    assert _policy_of(bench, 2) == 1
    bench.restart()
    assert _policy_of(bench, 1) == 1


@LATER
def test_the_one_before_stays_also_when_the_server_sends_the_later_one_alone(bench: Bench, later: Later) -> None:
    bench.server.policies, bench.server.later_policies = (), (later(2, starts_at_s=NOON_S - 60),)
    for _ in range(3):
        bench.sync()
        bench.clock.pass_ms(10_000)
    assert _policy_of(bench, 1) == 1


def test_the_screen_warns_before_the_start_and_alarms_after_it_in_both_languages(bench: Bench) -> None:
    bench.server.later_policies = (_unknown_words(2, starts_at_s=LATER_S),)
    bench.sync()
    assert _notice(bench) == Said(
        "即将生效的新规则 2 号需要更新本机软件，请在生效前更新",
        "Rules No. 2 that start soon need a newer release of this terminal. Update it before",
    )
    bench.server.down = True
    bench.clock.pass_ms(3600_000)
    assert _notice(bench) == Said(
        "新规则 2 号需要更新本机软件；更新前仍按 1 号规则收款",
        "The new rules No. 2 need a newer release of this terminal. Until then it decides by No. 1",
    )


def test_the_alarm_ends_with_a_policy_that_can_be_read_again(bench: Bench) -> None:
    bench.server.later_policies = (_unknown_rules(2, starts_at_s=NOON_S - 60),)
    bench.sync()
    bench.server.policies, bench.server.later_policies = (world.policy(number=3),), ()
    bench.sync()
    assert bench.control.screen().notice is None
    assert _policy_of(bench, 1) == 3


def test_the_server_is_told_which_policy_decides_and_which_cannot_be_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Status | None] = []
    answer = bench.server.request

    def request(method: str, target: str, **rest: object) -> Answer:
        headers = rest["headers"]
        assert isinstance(headers, dict)
        told.append(read_status(headers.get(STATUS_HEADER, "")))
        return answer(method, target, **rest)  # type: ignore[arg-type]  # the same arguments, handed on

    monkeypatch.setattr(bench.server, "request", request)
    bench.server.later_policies = (_unknown_words(2, starts_at_s=NOON_S - 60),)
    bench.sync()
    bench.sync()
    assert told[-1] == Status(unsent=0, software=SOFTWARE, policy=1, newer_policy=2)


def test_all_terminals_change_over_in_the_same_second_with_no_line(make_bench: Callable[..., Bench]) -> None:
    benches = [make_bench(), make_bench()]
    dearer = msgspec.structs.replace(
        world.policy(number=2, starts_at_s=LATER_S), prices=(PriceRule(1, Text("涨价"), percent_bp=20_000),)
    )
    for bench in benches:
        bench.server.policies = (world.policy(), dearer)
        bench.sync()
        bench.server.down = True
    benches[1].restart()
    for bench in benches:
        bench.clock.pass_ms((LATER_S - bench.clock.now_s) * 1000 - 1)
        bench.control.set_mode("fixed", fixed_minor=5_00)
        before = bench.control.scan(bench.show(1)).result
        bench.clock.pass_ms(1)
        after = bench.control.scan(bench.show(2)).result
        assert (before.amount_minor, after.amount_minor) == (5_00, 10_00)


def test_a_rollback_published_as_a_new_number_takes_the_place_of_a_policy_that_waits(bench: Bench) -> None:
    bench.server.policies = (world.policy(), world.policy(number=2, starts_at_s=LATER_S))
    bench.sync()
    bench.server.policies = (world.policy(), world.policy(number=3, starts_at_s=LATER_S - 60))
    bench.sync()
    bench.server.down = True
    bench.clock.pass_ms(2 * 3600_000)
    assert _policy_of(bench, 1) == 3


# What an older release kept


def _kept_by_the_first_release(bench: Bench) -> Held:
    """It dropped what it did not know, also out of a policy that it was not to use."""
    held = bench.terminal._store.held
    assert held is not None
    stripped = msgspec.structs.replace(world.policy(number=2, starts_at_s=NOON_S - 60), min_evaluator=2)
    return msgspec.structs.replace(
        held, policies=(stripped, world.policy()), catalogue=None, catalogue_stamp=0, evaluator=1
    )


def _restart_on(bench: Bench, held: Held) -> None:
    store = bench.terminal._store
    store._writer.execute("REPLACE INTO state (name, sealed) VALUES ('held', ?)", (store._sealed("held", held),))
    bench.restart()


def test_a_policy_that_an_older_release_kept_without_what_it_did_not_know_is_never_used(bench: Bench) -> None:
    _restart_on(bench, _kept_by_the_first_release(bench))
    bench.server.down = True
    assert _policy_of(bench, 1) == 1


def test_after_an_update_everything_is_fetched_once_and_then_changes_only(bench: Bench) -> None:
    bench.server.catalogue = world.catalogue()
    bench.server._catalogue_sent = bench.server.catalogue
    _restart_on(bench, _kept_by_the_first_release(bench))
    bench.server.asked.clear()
    bench.sync()
    bench.clock.pass_ms(10_000)
    bench.sync()
    snapshots = [asked for asked in bench.server.asked if "snapshot" in asked]
    assert [("?" in asked) for asked in snapshots] == [False, True]
    assert len(bench.control.catalogue().products) == 4


def test_the_state_that_the_first_release_wrote_is_read() -> None:
    old = {
        "stamp": 3,
        "generation": 1,
        "number": 7,
        "made_s": NOON_S,
        "policies": [msgspec.json.decode(encode_policy(world.policy()))],
        "denials": {},
        "posted_through": {"5": 2},
        "parameters": msgspec.to_builtins(world.parameters()),
        "key_list_number": 1,
        "newer_release": False,
    }
    held = msgspec.json.decode(msgspec.json.encode(old), type=Held)
    assert held.of_an_older_release
    assert held.believed().decides_by(at_s=NOON_S) == 1
    assert held.awaited(at_s=NOON_S) is None


def test_a_later_policy_that_is_already_overtaken_alarms_nobody() -> None:
    held = Held(1, 1, 1, NOON_S, (world.policy(number=4),), {}, {}, world.parameters(), 1, newer=(NewerPolicy(3, 0),))
    assert held.awaited(at_s=NOON_S + DAY_S) is None


def test_a_policy_counts_from_its_own_second(bench: Bench) -> None:
    held = bench.terminal._store.held
    assert held is not None
    both: tuple[Policy, ...] = (world.policy(), world.policy(number=2, starts_at_s=LATER_S))
    waiting = msgspec.structs.replace(held, policies=both)
    assert [waiting.decides_by(at_s=LATER_S + by) for by in (-1, 0, 1)] == [1, 2, 2]
