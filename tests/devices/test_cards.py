"""A card laid on a terminal: known by its hash, bounded by the snapshot alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from devices.core.accept import FOREVER_S, Denial
from devices.core.card import evidence_of, name_of
from devices.core.declines import Why
from devices.core.journal import ReversalRecord, SaleRecord
from devices.core.quote import Lot
from devices.master.screen import Outcome, Phase
from tests.devices import world
from tests.devices.conftest import Bench
from tests.devices.world import AGES, CARD_KEY, DAY_S, NOON_S

UID = bytes.fromhex("04a1b2c3d4e5f6")
OTHER_UID = bytes.fromhex("1a2b3c4d")
NAME = name_of(UID, card_key=CARD_KEY)
OTHER_NAME = name_of(OTHER_UID, card_key=CARD_KEY)


@pytest.fixture
def cards(bench: Bench) -> Bench:
    """Person 1 has one card, person 2 another."""
    give(bench, 1, NAME)
    give(bench, 2, OTHER_NAME)
    bench.sync()
    return bench


def give(bench: Bench, account_ref: int, *names: str) -> None:
    row = bench.server.people[account_ref]
    bench.server.people[account_ref] = msgspec.structs.replace(row, cards=names)
    bench.server.number += 1


def pay(bench: Bench, amount_minor: int = 8_00, uid: bytes = UID) -> Outcome:
    bench.clock.pass_ms(2_000)
    bench.control.set_amount(amount_minor)
    return bench.control.tap_card(uid)


def uploaded(bench: Bench) -> list[object]:
    bench.sync()
    return [record for stream in bench.server.streams.values() for record in stream.records]


def test_a_card_pays_and_the_record_carries_its_name_as_evidence(cards: Bench) -> None:
    outcome = pay(cards, 12_50)
    assert outcome.approved
    assert (outcome.result.name, outcome.result.left_minor) == ("张*", 87_50)
    assert cards.control.screen().phase is Phase.APPROVED
    sales = [record for record in uploaded(cards) if isinstance(record, SaleRecord)]
    assert [(sale.account_ref, sale.evidence) for sale in sales] == [(1, evidence_of(NAME))]


def test_the_number_itself_is_nowhere_on_the_terminals_disk_nor_on_the_wire(cards: Bench, tmp_path: Path) -> None:
    assert pay(cards).approved
    kept = world.data_files(cards.folder)
    sent = b"".join(line for stream in cards.server.streams.values() for line in stream.lines)
    for form in (UID, UID.hex().encode(), UID.hex().upper().encode()):
        assert form not in kept
        assert form not in sent


def test_an_unknown_card_is_told_what_it_is_and_one_more_frame_of_it_sounds_once(cards: Bench) -> None:
    first = pay(cards, uid=b"nobody")
    assert (first.approved, first.result.why) == (False, Why.CARD_UNKNOWN)
    assert first.result.sentence.en == "This card is not registered, or has been stopped"
    cards.clock.pass_ms(100)
    assert cards.control.tap_card(b"nobody").result.number == first.result.number
    assert not [record for record in uploaded(cards) if isinstance(record, SaleRecord)]


@pytest.mark.parametrize("uid", [b"", b"abc", bytes(11)])
def test_what_is_no_cards_number_is_declined_not_an_error(cards: Bench, uid: bytes) -> None:
    assert pay(cards, uid=uid).result.why == Why.NOT_A_CARD


def test_a_stopped_card_is_refused_from_the_next_contact_and_the_persons_other_card_pays(cards: Bench) -> None:
    give(cards, 1, NAME, name_of(b"spare", card_key=CARD_KEY))
    cards.sync()
    assert pay(cards).approved
    give(cards, 1, name_of(b"spare", card_key=CARD_KEY))
    assert pay(cards).approved
    cards.sync()
    assert pay(cards).result.why == Why.CARD_UNKNOWN
    assert pay(cards, uid=b"spare").approved


def test_a_replaced_card_is_refused_and_its_successor_pays_from_the_same_limits(cards: Bench) -> None:
    assert pay(cards, 60_00).approved
    give(cards, 1, name_of(b"new one", card_key=CARD_KEY))
    cards.sync()
    assert pay(cards).result.why == Why.CARD_UNKNOWN
    assert pay(cards, 60_00, uid=b"new one").result.why == Why.INSUFFICIENT
    assert pay(cards, 40_00, uid=b"new one").approved


def test_a_card_handed_to_the_next_person_is_theirs_from_the_next_contact(cards: Bench) -> None:
    give(cards, 1)
    give(cards, 2, NAME)
    cards.sync()
    outcome = pay(cards)
    assert (outcome.approved, outcome.result.name) == (True, "李*")


def test_a_stopped_accounts_card_is_refused_and_a_lost_phones_is_not(cards: Bench) -> None:
    cards.server.denials = (Denial(1, cards.clock.now_s),)
    cards.server.number += 1
    cards.sync()
    assert pay(cards).approved
    cards.server.denials = (Denial(1, FOREVER_S),)
    cards.server.number += 1
    cards.sync()
    refused = pay(cards)
    assert (refused.result.why, refused.result.name) == (Why.STOPPED, "张*")


def test_a_person_who_left_takes_their_card_with_them(cards: Bench) -> None:
    row = cards.server.people[1]
    cards.server.people[1] = msgspec.structs.replace(row, gone=True, cards=())
    cards.server.number += 1
    cards.sync()
    assert pay(cards).result.why == Why.CARD_UNKNOWN


def test_too_old_a_snapshot_declines_a_card_and_says_so(cards: Bench) -> None:
    cards.server.down = True
    cards.clock.pass_ms((AGES[-1].up_to_s + 1) * 1000)
    refused = pay(cards, 1_00)
    assert refused.result.why == Why.SNAPSHOT_TOO_OLD
    assert refused.result.sentence.en


def test_the_older_the_snapshot_the_less_a_card_pays(cards: Bench) -> None:
    cards.server.down = True
    cards.clock.pass_ms((AGES[1].up_to_s - 3600) * 1000)
    assert pay(cards, 51_00).result.why == Why.OVER_AGED_LIMIT
    assert pay(cards, 50_00).approved
    assert pay(cards, 49_00).approved
    assert not pay(cards, 2_00).approved


def test_limits_are_the_rows_amount_a_sale_and_the_smaller_of_limit_and_funds(cards: Bench) -> None:
    row = cards.server.people[1]
    cards.server.people[1] = msgspec.structs.replace(row, per_sale_minor=30_00, offline_minor=50_00, max_sales=3)
    cards.server.number += 1
    cards.sync()
    cards.server.down = True
    assert pay(cards, 31_00).result.why == Why.OVER_SALE_LIMIT
    assert pay(cards, 30_00).approved
    assert pay(cards, 21_00).result.why == Why.INSUFFICIENT
    assert pay(cards, 10_00).approved
    assert pay(cards, 1_00).approved
    assert pay(cards, 1_00).result.why == Why.TOO_MANY_SALES


def test_a_copied_card_pays_at_a_dark_terminal_up_to_the_snapshots_limits_and_then_no_more(cards: Bench) -> None:
    cards.server.down = True
    taken_minor = 0
    for _tap in range(40):
        taken_minor += 10_00 if pay(cards, 10_00).approved else 0
    assert taken_minor == 100_00
    assert pay(cards, 1).result.why == Why.INSUFFICIENT


def test_a_persons_phone_and_card_share_one_limit(cards: Bench) -> None:
    assert pay(cards, 70_00).approved
    cards.clock.pass_ms(2_000)
    assert cards.pay(31_00, cards.show(1)).result.why == Why.INSUFFICIENT
    assert cards.pay(30_00, cards.show(1)).approved


def test_a_benefit_pays_first_by_card_too(cards: Bench) -> None:
    row = cards.server.people[1]
    cards.server.people[1] = msgspec.structs.replace(row, lots=(Lot(90, 5, 3_00, NOON_S + DAY_S),))
    cards.server.number += 1
    cards.sync()
    legs = pay(cards, 12_50).result.legs
    assert [(leg.source, leg.amount_minor) for leg in legs] == [("lot", 3_00), ("purse", 9_50)]


def test_a_card_left_on_the_reader_is_one_tap_and_must_be_taken_away(cards: Bench) -> None:
    cards.control.set_mode("fixed", fixed_minor=8_00)
    first = cards.control.tap_card(UID)
    assert first.approved
    reasons = []
    for _ in range(120):
        cards.clock.pass_ms(100)
        again = cards.control.tap_card(UID)
        reasons.append(again.result.why)
        assert again.same_tap or not again.approved
    assert reasons[-1] == Why.BUSY
    cards.clock.pass_ms(2_000)
    assert cards.control.tap_card(UID).approved
    assert len([record for record in uploaded(cards) if isinstance(record, SaleRecord)]) == 2


def test_a_card_and_the_phone_of_the_same_person_in_one_moment_are_one_tap(cards: Bench) -> None:
    cards.control.set_mode("fixed", fixed_minor=8_00)
    assert cards.control.tap_card(UID).approved
    cards.clock.pass_ms(200)
    assert cards.control.scan(cards.show(1)).same_tap


def test_two_people_one_after_the_other_are_two_taps(cards: Bench) -> None:
    cards.control.set_mode("fixed", fixed_minor=8_00)
    first, second = cards.control.tap_card(UID), cards.control.tap_card(OTHER_UID)
    assert (first.approved, second.approved, second.same_tap) == (True, True, False)
    assert (first.result.name, second.result.name) == ("张*", "李*")


def test_a_card_sale_is_taken_back_and_the_money_is_there_again(cards: Bench) -> None:
    assert pay(cards, 90_00).approved
    assert cards.control.reverse_last().approved
    assert pay(cards, 90_00).approved
    assert [type(record) for record in uploaded(cards)][1:] == [SaleRecord, ReversalRecord, SaleRecord]


def test_after_a_reversal_a_fixed_price_does_not_charge_a_card_that_still_lies_there(cards: Bench) -> None:
    cards.control.set_mode("fixed", fixed_minor=8_00)
    assert cards.control.tap_card(UID).approved
    assert cards.control.reverse_last().approved
    cards.clock.pass_ms(300)
    assert cards.control.tap_card(UID).result.why == Why.BUSY
    cards.clock.pass_ms(2_000)
    assert cards.control.tap_card(UID).approved


def test_what_was_spent_by_card_is_still_known_after_the_power_was_cut(cards: Bench) -> None:
    cards.server.down = True
    assert pay(cards, 70_00).approved
    cards.restart()
    assert pay(cards, 31_00).result.why == Why.INSUFFICIENT
    assert pay(cards, 30_00).approved


def test_a_terminal_without_a_card_key_says_it_is_not_ready_and_takes_codes(cards: Bench) -> None:
    bench = cards
    bench.server.card_key = b""
    bench.clock.pass_ms(2 * 3_600_000)
    bench.sync()
    assert pay(bench).result.why == Why.NOT_READY
    assert bench.pay(8_00, bench.show(1)).approved
    bench.server.card_key = CARD_KEY
    bench.clock.pass_ms(2 * 3_600_000)
    bench.sync()
    assert pay(bench).approved


def test_a_box_that_holds_no_card_key_is_not_believed(cards: Bench) -> None:
    cards.server.card_key = b"too short"
    cards.clock.pass_ms(2 * 3_600_000)
    asked = len(cards.server.asked)
    cards.sync()
    assert any(each.endswith("/keys") for each in cards.server.asked[asked:])
    assert pay(cards).approved
