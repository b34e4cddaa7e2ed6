"""The judgement of a rush: it must not find well what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecard.demo.tally import Found, Key, Posted, Shown, Span, Tally, Verdict, judge, keep, kept

TALLY = Tally(
    began="2026-11-20T12:00:00+00:00",
    taps=4,
    shown=(Shown(1, 77, 2, 10_00), Shown(1, 77, 3, 8_00), Shown(2, 88, 2, 12_00)),
    declined={"insufficient": 1},
    unread=0,
    offline=1,
    spans=(Span(1, 77, 1, 3), Span(2, 88, 1, 2)),
)
POSTED: dict[Key, Posted] = {
    (each.terminal, each.epoch, each.seq): Posted(each.amount_minor, each.amount_minor, True) for each in TALLY.shown
}
FOUND = Found(received_through={(1, 77): 3, (2, 88): 2}, posted=POSTED, books_balance=True)
FIRST: Key = (1, 77, 2)


def test_all_posted_once_is_well() -> None:
    assert judge(TALLY, FOUND) == Verdict(
        approved=3,
        uploaded=3,
        posted=3,
        lost=0,
        twice=0,
        altered=0,
        strange=0,
        repriced=0,
        shown_minor=30_00,
        free_minor=0,
        moved_minor=30_00,
        books_balance=True,
    )
    assert judge(TALLY, FOUND).ok


def test_what_a_free_meals_sponsor_bears_is_moved_and_not_shown() -> None:
    verdict = judge(TALLY, replace(FOUND, posted=POSTED | {FIRST: Posted(16_00, 16_00, True, 6_00)}))
    assert verdict.ok
    assert (verdict.shown_minor, verdict.free_minor, verdict.moved_minor) == (30_00, 6_00, 36_00)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (replace(FOUND, posted={key: value for key, value in POSTED.items() if key != FIRST}), "lost"),
        (replace(FOUND, posted=POSTED | {FIRST: Posted(10_00, 20_00, True)}), "twice"),
        (replace(FOUND, posted=POSTED | {FIRST: Posted(10_00, 9_99, True)}), "altered"),
        (replace(FOUND, posted=POSTED | {FIRST: Posted(10_00, 0, True)}), "altered"),
        (replace(FOUND, posted=POSTED | {FIRST: Posted(11_00, 11_00, True)}), "altered"),
        (replace(FOUND, posted=POSTED | {FIRST: Posted(10_00, 10_00, True, 6_00)}), "altered"),
        (replace(FOUND, posted=POSTED | {(1, 77, 9): Posted(1, 1, True)}), "strange"),
        (replace(FOUND, posted=POSTED | {FIRST: Posted(10_00, 10_00, False)}), "repriced"),
    ],
)
def test_each_fault_is_counted_by_its_name_and_fails_the_rush(found: Found, named: str) -> None:
    verdict = judge(TALLY, found)
    assert getattr(verdict, named) == 1
    assert not verdict.ok


@pytest.mark.parametrize(
    "found", [replace(FOUND, books_balance=False), replace(FOUND, received_through={(1, 77): 2, (2, 88): 2})]
)
def test_books_that_do_not_balance_or_a_missing_upload_fail_the_rush(found: Found) -> None:
    assert not judge(TALLY, found).ok


def test_one_record_shown_for_two_sales_counts_as_twice() -> None:
    tally = Tally(TALLY.began, 5, (*TALLY.shown, TALLY.shown[0]), {}, 0, 0, TALLY.spans)
    verdict = judge(tally, FOUND)
    assert verdict.twice == 1
    assert not verdict.ok


@given(st.permutations(sorted(POSTED)), st.integers(1, 3))
def test_any_missing_sales_are_counted_as_lost(order: list[Key], missing: int) -> None:
    verdict = judge(TALLY, replace(FOUND, posted={key: POSTED[key] for key in order[missing:]}))
    assert verdict.lost == missing
    assert not verdict.ok


def test_tallies_are_kept_and_the_newest_read_again(tmp_path: Path) -> None:
    assert kept(tmp_path, limit=5) == []
    for day in (20, 21, 22):
        keep(Tally(f"2026-11-{day}T12:00:00+00:00", 0, TALLY.shown, {}, 0, 0), folder=tmp_path)
    assert [tally.began[8:10] for tally in kept(tmp_path, limit=2)] == ["21", "22"]
    assert kept(tmp_path, limit=1)[0].shown == TALLY.shown


def test_a_tally_whose_writing_was_cut_short_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(_path: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", end)  # written, and not yet in its place
    with pytest.raises(KeyboardInterrupt):
        keep(TALLY, folder=tmp_path)
    assert kept(tmp_path, limit=5) == []
