"""What one neighbour told comes to the same in whatever order, however often and however late it arrives."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from devices.core.funds import Pending
from devices.lan.chains import MAX_GAPS, Chain
from devices.lan.heard import KEEP_S, MAX_SALES, Heard
from devices.lan.messages import Fact, Told, Undone
from tests.devices.world import NOON_S
from tests.lan.test_messages import a_sale

PEOPLE = (1, 2, 3)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """The facts of one terminal over some epochs, as it would tell them; sequences have gaps, as journals have."""
    facts: list[Fact] = []
    open_sales: list[tuple[int, int]] = []
    for epoch in range(1, draw(st.integers(min_value=1, max_value=3)) + 1):
        seq = after = 0
        for _fact in range(draw(st.integers(min_value=1, max_value=8))):
            seq += draw(st.integers(min_value=1, max_value=3))
            takes_back: bool = draw(st.booleans())
            if open_sales and takes_back:
                of_epoch, of_seq = open_sales.pop(draw(st.integers(min_value=0, max_value=len(open_sales) - 1)))
                facts.append(Undone(epoch, seq, after, of_epoch, of_seq))
            else:
                person = draw(st.sampled_from(PEOPLE))
                code = bytes([draw(st.integers(min_value=1, max_value=4))]) * 8
                moment_s = NOON_S + draw(st.integers(min_value=0, max_value=50))
                sale = a_sale(seq, epoch=epoch, after=after, account_ref=person, code=code, moment_s=moment_s)
                facts.append(msgspec.structs.replace(sale, purse_minor=seq, at_s=NOON_S + seq))
                open_sales.append((epoch, seq))
            after = seq
    return facts


def state(heard: Heard) -> object:
    people = []
    for person in PEOPLE:
        pending = heard.pending(person)
        used = tuple(sorted(pending.used, key=lambda each: each.business_date))
        tallies = tuple(sorted(pending.tallies, key=lambda each: (each.key, each.scope)))
        people.append(msgspec.structs.replace(pending, used=used, tallies=tallies))
    codes = [heard.last_presented_s(bytes([number]) * 8) for number in range(1, 5)]
    return people, codes, [heard.through(epoch) for epoch in range(1, 4)]


def told_all(facts: list[Fact]) -> Heard:
    heard = Heard()
    for fact in facts:
        heard.take(fact, now_s=NOON_S)
    return heard


@given(histories(), st.randoms(use_true_random=False))
def test_any_order_with_any_repeats_comes_to_the_same(facts: list[Fact], chance: random.Random) -> None:
    shuffled = facts + chance.choices(facts, k=len(facts))
    chance.shuffle(shuffled)
    assert state(told_all(shuffled)) == state(told_all(facts))


@given(histories(), st.randoms(use_true_random=False))
def test_what_was_lost_and_asked_for_comes_to_the_same(facts: list[Fact], chance: random.Random) -> None:
    """The teller answers as it does: what follows in the journal, linked to the last fact that the listener has."""
    heard = told_all([fact for fact in facts if chance.random() < 0.5])
    for epoch in sorted({fact.epoch for fact in facts}):
        own = [fact for fact in facts if fact.epoch == epoch]
        while (through := heard.through(epoch)) < own[-1].seq:
            answer = [fact for fact in own if fact.seq > through][:2]
            for after, fact in zip((through, *(each.seq for each in answer)), answer, strict=False):
                heard.take(msgspec.structs.replace(fact, after=after), now_s=NOON_S)
    assert state(heard) == state(told_all(facts))


@given(histories())
def test_a_gap_is_seen_wherever_one_fact_is_missing(facts: list[Fact]) -> None:
    for lost in facts:
        heard = told_all([fact for fact in facts if fact is not lost])
        assert heard.through(lost.epoch) < lost.seq


def test_a_snapshot_that_has_the_sales_ends_their_counting_and_not_their_codes() -> None:
    heard = told_all([a_sale(2, after=0), a_sale(3, account_ref=2, code=b"abcdefgh")])
    heard.settle({77: 2})
    assert heard.pending(1) == Pending()
    assert heard.pending(2).sales == 1
    assert heard.last_presented_s(b"12345678") == NOON_S


def test_a_sale_told_after_the_snapshot_that_has_it_uses_up_its_code_and_counts_no_more() -> None:
    heard = Heard()
    heard.settle({77: 9})
    heard.take(a_sale(9), now_s=NOON_S)
    assert heard.pending(1) == Pending()
    assert heard.last_presented_s(b"12345678") == NOON_S
    heard.take(a_sale(11, after=9), now_s=NOON_S)
    assert (heard.pending(1).sales, heard.through(77)) == (1, 11)


def test_a_replayed_sale_of_last_week_counts_nothing() -> None:
    heard = told_all([a_sale(2, at_s=NOON_S - KEEP_S)])
    assert heard.pending(1) == Pending()
    assert heard.last_presented_s(b"12345678") is None


def test_what_no_snapshot_ever_covers_is_let_go_after_seven_days() -> None:
    heard = told_all([a_sale(2)])
    heard.forget(now_s=NOON_S + KEEP_S - 1)
    assert heard.pending(1).sales == 1
    heard.forget(now_s=NOON_S + KEEP_S + 1)
    assert heard.pending(1) == Pending()
    assert heard.last_presented_s(b"12345678") is None


def test_a_bad_neighbour_that_tells_without_end_is_kept_within_bounds() -> None:
    heard = Heard()
    for seq in range(1, MAX_SALES + 50):
        heard.take(a_sale(seq, account_ref=seq, code=seq.to_bytes(8, "big")), now_s=NOON_S)
    assert heard.pending(1) == Pending()
    assert heard.pending(MAX_SALES + 49).sales == 1
    assert heard.last_presented_s((1).to_bytes(8, "big")) is None


def test_a_chain_of_nothing_but_gaps_is_bounded() -> None:
    chain = Chain()
    for place in range(MAX_GAPS + 9):
        chain.cover(10 * place + 5, 10 * place + 6)
    assert chain.through == 0
    assert not chain.has(10 * (MAX_GAPS + 5) + 6)
    chain.cover(0, 5)
    assert chain.through == 6


def test_answers_that_overlap_what_was_heard_before_leave_no_gap() -> None:
    chain = Chain()
    chain.cover(5, 9)
    chain.cover(9, 12)
    chain.cover(0, 7)
    assert chain.through == 12


def test_a_reversal_told_before_its_sale_takes_it_back_all_the_same() -> None:
    sale, reversal = a_sale(2, after=0), Undone(77, 3, 2, 77, 2)
    assert told_all([reversal, sale]).pending(1) == Pending()
    assert told_all([reversal, sale]).last_presented_s(sale.code) == NOON_S
    assert isinstance(sale, Told)
