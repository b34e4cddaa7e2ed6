"""Two or three real terminals of a site on real sockets, with the campus line down."""

from __future__ import annotations

from devices.core.declines import Why
from tests.lan.conftest import SiteOfTills, until


def test_the_same_code_is_refused_at_the_neighbour_with_the_line_down(pair: SiteOfTills) -> None:
    here, there = pair.tills
    text = pair.show(1)
    assert here.pay(8_00, text).approved
    until(lambda: there.knows(1, sales=1))
    outcome = there.pay(8_00, text)
    assert not outcome.approved
    assert outcome.result.why == Why.ALREADY_USED.value


def test_spend_at_the_neighbour_lessens_what_may_be_spent_here(pair: SiteOfTills) -> None:
    here, there = pair.tills
    assert here.pay(60_00, pair.show(1)).approved
    until(lambda: there.knows(1, sales=1))
    pair.clock.pass_ms(6_000)
    assert not there.pay(60_00, pair.show(1)).approved
    pair.clock.pass_ms(6_000)
    assert there.pay(40_00, pair.show(1)).approved
