"""What a cashier and a cardholder meet, tap by tap."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devices.core.accept import FOREVER_S, Denial
from devices.core.declines import Why
from devices.core.funds import PersonRow
from devices.core.journal import ReversalRecord, SaleRecord
from devices.core.money import AmountError
from devices.core.quote import Lot
from devices.master.screen import Phase, Screen
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import DAY_S, NOON_S, Phone


def _records(bench: Bench) -> list[object]:
    bench.sync()
    return [record for stream in bench.server.streams.values() for record in stream.records]


def test_an_approval_shows_name_legs_and_what_is_left_and_lapses_within_a_second(bench: Bench) -> None:
    lots = (Lot(90, 5, 3_00, NOON_S + DAY_S),)
    world.add_people(bench.server, world.row(1, lots=lots))
    bench.server.number += 1
    bench.sync()
    outcome = bench.pay(12_50, bench.show(1))
    result = outcome.result
    assert outcome.approved
    assert [(leg.source, leg.amount_minor) for leg in result.legs] == [("lot", 3_00), ("purse", 9_50)]
    assert (result.name, result.left_minor, result.spoken.zh) == ("张*", 90_50, "收款 十二元五角")
    assert [(left.name.en, left.left_minor) for left in result.benefits] == [("Lunch subsidy", 0)]
    assert bench.control.screen().phase is Phase.APPROVED
    bench.clock.pass_ms(1_000)
    screen = bench.control.screen()
    assert screen.phase is Phase.READY
    assert screen.result == result
    bench.clock.pass_ms(5_000)
    assert bench.control.screen().result is None


def test_an_approval_does_not_stay_when_the_clock_is_set_back_a_day(bench: Bench) -> None:
    assert bench.pay(1_00, bench.show(1)).approved
    bench.clock.pass_ms(30_000)
    bench.clock.jump_ms(-86_400_000)
    assert bench.control.screen().result is None


def test_the_next_person_is_served_while_the_last_approval_is_still_shown(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=8_00)
    assert bench.control.scan(bench.show(1)).approved
    assert bench.control.scan(bench.show(2)).approved


def test_further_pictures_of_the_code_just_approved_are_the_same_tap(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=8_00)
    text = bench.show(1)
    first = bench.control.scan(text)
    for _ in range(10):
        bench.clock.pass_ms(100)
        again = bench.control.scan(text)
        assert again.same_tap
        assert again.result == first.result
    assert len(_records(bench)) == 2


def test_a_phone_left_before_the_camera_never_pays_its_next_moment(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=8_00)
    reasons = []
    for _ in range(120):
        outcome = bench.control.scan(Phone(1).show(bench.clock.now_s // 5 * 5))
        reasons.append(outcome.result.why)
        bench.clock.pass_ms(100)
    assert len(_records(bench)) == 2
    assert reasons[-1] == Why.BUSY
    bench.clock.pass_ms(2_000)
    assert bench.control.scan(bench.show(1)).approved


def test_a_phone_left_before_the_camera_does_not_pay_again_because_somebody_else_paid_meanwhile(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=8_00)
    first = bench.control.scan(bench.show(1))
    bench.clock.pass_ms(1_000)
    assert bench.control.scan(bench.show(2)).approved
    bench.clock.pass_ms(200)
    held = bench.control.scan(bench.show(1))
    assert held.same_tap
    assert held.seq == first.seq
    bench.clock.pass_ms(2_000)
    assert not bench.control.scan(bench.show(1)).same_tap


def test_the_picture_shown_again_later_counts_down_to_the_next_code(bench: Bench) -> None:
    text = bench.show(1)
    bench.pay(8_00, text)
    bench.clock.pass_ms(2_000)
    refused = bench.pay(8_00, text).result
    assert (refused.why, refused.wait_s) == (Why.ALREADY_USED, 3)


def test_a_refused_code_held_before_the_camera_is_one_result_that_sounds_once(bench: Bench) -> None:
    text = bench.show(1)
    bench.pay(8_00, text)
    bench.clock.pass_ms(6_000)
    numbers = set()
    for _ in range(10):
        numbers.add(bench.control.scan(text).result.number)
        bench.clock.pass_ms(200)
    assert len(numbers) == 1


def test_a_decline_leaves_the_typed_amount_and_an_approval_clears_it(bench: Bench) -> None:
    bench.pay(8_00, "no code")
    assert bench.control.screen().amount_minor == 8_00
    bench.control.scan(bench.show(1))
    assert bench.control.screen().amount_minor == 0


def test_a_fixed_price_stands_after_each_sale(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=8_00)
    bench.control.scan(bench.show(1))
    assert bench.control.screen().amount_minor == 8_00


def test_the_price_the_server_sets_counts_until_the_cashier_chooses(bench: Bench) -> None:
    bench.server.parameters = world.parameters(mode="fixed", fixed_minor=6_00)
    bench.sync()
    assert bench.control.screen().amount_minor == 6_00
    bench.control.set_mode("typed")
    bench.sync()
    assert bench.control.screen().mode == "typed"


@pytest.mark.parametrize("amount", ["abc", "-1", "1.234", "1000000", -1, 10_000_001])
def test_what_is_no_amount_is_refused_and_changes_nothing(bench: Bench, amount: str | int) -> None:
    bench.control.set_amount(5_00)
    with pytest.raises(AmountError):
        bench.control.set_amount(amount)
    assert bench.control.screen().amount_minor == 5_00


def test_a_reversal_lets_the_same_code_pay_again(bench: Bench) -> None:
    text = bench.show(1)
    bench.pay(80_00, text)
    bench.clock.pass_ms(3_000)
    undone = bench.control.reverse_last()
    assert undone.approved
    assert undone.result.why == "reversed"
    assert bench.pay(8_00, text).approved
    kinds = [type(record) for record in _records(bench)[1:]]
    assert kinds == [SaleRecord, ReversalRecord, SaleRecord]


def test_after_a_reversal_an_older_moment_than_the_one_before_it_is_still_refused(bench: Bench) -> None:
    bench.pay(8_00, Phone(1).show(NOON_S - 5))
    bench.clock.pass_ms(5_000)
    bench.pay(8_00, bench.show(1))
    bench.control.reverse_last()
    bench.clock.pass_ms(2_000)
    assert bench.pay(8_00, Phone(1).show(NOON_S - 5)).result.why == Why.ALREADY_USED
    assert bench.pay(8_00, Phone(1).show(NOON_S - 6)).result.why == Why.OLDER_MOMENT
    assert bench.pay(8_00, Phone(1).show(NOON_S + 5)).approved


def test_what_a_reversal_gives_back_can_be_spent_again(bench: Bench) -> None:
    bench.pay(80_00, bench.show(1))
    bench.clock.pass_ms(6_000)
    assert bench.pay(50_00, bench.show(1)).result.why == Why.INSUFFICIENT
    bench.control.reverse_last()
    assert bench.pay(50_00, bench.show(1)).approved


def test_a_fixed_price_does_not_charge_again_by_itself_after_a_reversal(bench: Bench) -> None:
    bench.control.set_mode("fixed", fixed_minor=8_00)
    text = bench.show(1)
    bench.control.scan(text)
    bench.control.reverse_last()
    bench.clock.pass_ms(100)
    assert bench.control.scan(text).result.why == Why.BUSY
    bench.clock.pass_ms(1_600)
    assert bench.control.scan(text).approved


def test_a_sale_is_reversed_once_and_only_the_newest(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    bench.pay(2_00, bench.show(2))
    assert bench.control.reverse_last().approved
    refused = bench.control.reverse_last()
    assert refused.result.why == Why.NOTHING_TO_REVERSE
    assert len(_records(bench)) == 4


def test_a_sale_of_long_ago_cannot_be_reversed(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    bench.clock.pass_ms(16 * 60 * 1000)
    assert not bench.control.reverse_last().approved


def test_a_top_up_made_after_the_terminal_went_dark_pays(bench: Bench) -> None:
    world.add_people(bench.server, world.row(1, purse_minor=2_00))
    bench.server.number += 1
    bench.sync()
    bench.server.down = True
    bench.clock.pass_ms(600_000)
    stale = Phone(1, world.grant(1, issued_at_s=NOON_S - 60), number=1).show(bench.clock.now_s)
    assert bench.pay(20_00, stale).result.why == Why.INSUFFICIENT
    renewed = Phone(1, world.grant(1, issued_at_s=bench.clock.now_s, offline_minor=60_00), number=2)
    assert bench.pay(20_00, renewed.show(bench.clock.now_s)).approved


def test_a_person_unknown_to_the_snapshot_pays_from_the_purse_within_the_code(bench: Bench) -> None:
    assert bench.pay(30_00, bench.show(99)).approved
    bench.clock.pass_ms(6_000)
    assert bench.pay(90_00, bench.show(99)).result.why == Why.INSUFFICIENT


def test_spending_counts_over_all_codes_of_an_account_until_the_snapshot_contains_it(bench: Bench) -> None:
    assert bench.pay(60_00, bench.show(1)).approved
    other = Phone(1, number=5).show(bench.clock.now_s)
    bench.clock.pass_ms(2_000)
    assert bench.pay(60_00, other).result.why == Why.INSUFFICIENT
    bench.sync()
    assert bench.pay(60_00, other).result.why == Why.INSUFFICIENT
    bench.server.post_all()
    world.add_people(bench.server, world.row(1, purse_minor=140_00))
    bench.sync()
    assert bench.pay(60_00, other).approved


def test_reporting_a_phone_lost_does_not_kill_its_successor(bench: Bench) -> None:
    bench.server.denials = (Denial(1, NOON_S - 60),)
    bench.sync()
    assert bench.pay(1_00, bench.show(1)).result.why == Why.DENIED
    successor = Phone(1, world.grant(1, issued_at_s=NOON_S - 30), number=1)
    assert bench.pay(1_00, successor.show(bench.clock.now_s)).approved


def test_a_whole_account_stopped_is_refused_with_any_code(bench: Bench) -> None:
    bench.server.denials = (Denial(1, FOREVER_S),)
    bench.sync()
    fresh = Phone(1, world.grant(1, issued_at_s=NOON_S), number=1)
    assert bench.pay(1_00, fresh.show(bench.clock.now_s)).result.why == Why.STOPPED


def test_a_pre_signed_slot_pays_once(bench: Bench) -> None:
    text = world.pre_signed(1, slot_s=NOON_S)
    assert bench.pay(5_00, text).approved
    bench.clock.pass_ms(2_000)
    refused = bench.pay(5_00, text).result
    assert (refused.why, refused.wait_s) == (Why.ALREADY_USED, 58)


def test_a_policy_for_a_later_release_leaves_the_usable_one_in_force_and_says_so(bench: Bench) -> None:
    newer = world.policy(number=2)
    bench.server.policies = (type(newer)(2, newer.starts_at_s, min_evaluator=99),)
    bench.sync()
    notice = bench.control.screen().notice
    assert notice is not None
    assert "newer release" in notice.en
    assert bench.pay(5_00, bench.show(1)).approved
    sale = _records(bench)[-1]
    assert isinstance(sale, SaleRecord)
    assert sale.quote.policy == 1


def test_a_jump_of_the_clock_stops_sales_until_the_cashier_or_the_server_confirms(bench: Bench) -> None:
    bench.clock.jump_ms(30_000)
    assert bench.pay(1_00, bench.show(1)).result.why == Why.CLOCK_SUSPECT
    assert bench.control.screen().phase is Phase.STOPPED
    assert bench.control.confirm_clock()
    assert bench.control.scan(bench.show(1)).approved
    bench.clock.jump_ms(-30_000)
    bench.sync()
    assert bench.pay(1_00, bench.show(2)).approved


def test_the_cashier_cannot_confirm_a_time_before_what_the_server_signed(bench: Bench) -> None:
    bench.clock.jump_ms(-3_600_000)
    assert not bench.control.confirm_clock()
    assert bench.pay(1_00, bench.show(1)).result.why == Why.CLOCK_SUSPECT


def test_a_terminal_whose_clock_is_wrong_sells_by_the_servers_signed_time(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(enrolled=False)
    bench.server.clock_off_ms = 900_000
    bench.enrol()
    bench.sync()
    text = Phone(1).show(bench.clock.now_s + 900)
    assert bench.pay(1_00, text).approved


def test_every_change_is_told_to_who_asked_for_it_and_no_longer_after(bench: Bench) -> None:
    seen: list[Screen] = []
    end = bench.control.subscribe(seen.append)
    bench.pay(1_00, bench.show(1))
    assert [screen.phase for screen in seen] == [Phase.READY, Phase.APPROVED]
    end()
    bench.control.set_amount("")
    assert len(seen) == 2


def test_a_revoked_terminal_stops_and_keeps_what_it_holds(bench: Bench) -> None:
    bench.pay(1_00, bench.show(1))
    bench.server.revoked = True
    bench.sync()
    screen = bench.control.screen()
    assert (screen.phase, screen.unsent) == (Phase.STOPPED, 1)
    assert screen.notice is not None
    assert "Records not taken yet: 1." in screen.notice.en
    assert "还有 1 条记录未被接收" in screen.notice.zh
    refused = bench.pay(1_00, bench.show(2)).result
    assert refused.why == Why.WITHDRAWN
    assert refused.sentence.en == "This terminal was withdrawn. Please use another one"


def test_a_person_who_left_the_site_is_gone_from_the_next_delta(bench: Bench) -> None:
    bench.server.people = {1: PersonRow(1, "", 0, (), 0, 0, 0, 0, gone=True)}
    bench.server.number += 1
    bench.sync()
    assert bench.pay(1_00, bench.show(1)).result.name == ""


def test_a_person_with_hundreds_of_lots_pays_like_anybody(bench: Bench) -> None:
    """A record has a bound; what is looked at has one too, and the lot that is spent first is within it."""
    spent = tuple(Lot(1000 + each, 6, 1_00, NOON_S - 1) for each in range(600))
    good = tuple(Lot(5000 + each, 5, 1, NOON_S + DAY_S + each) for each in range(600))
    world.add_people(bench.server, world.row(3, lots=spent + good))
    bench.server.number += 1
    bench.sync()
    outcome = bench.pay(10_00, bench.show(3))
    assert outcome.approved
    legs = [(leg.source, leg.amount_minor) for leg in outcome.result.legs]
    assert legs == [("lot", 1)] * 32 + [("purse", 10_00 - 32)]
