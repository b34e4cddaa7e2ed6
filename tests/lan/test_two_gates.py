"""Two real gates of one hall on real sockets, with the campus line down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from devices.core.journal import Facts
from devices.lan.udp import LanOptions
from tests.devices import world
from tests.lan.site import SiteOfTills, Till, listed, until
from tests.lan.test_two_terminals import tap_at_once
from tests.lan.wire import DAY

Make = Callable[..., SiteOfTills]


def gates(site: SiteOfTills, **changes: object) -> SiteOfTills:
    """The server set them to be gates, and then the line went down."""
    for till in site.tills:
        settings = {"journal": 2, "device": "gate", "mode": "pass", "anti_passback": True, **changes}
        till.server.parameters = world.parameters(**settings)
    site.introduce()
    site.meet()
    site.go_dark()
    return site


@pytest.fixture
def hall(make: Make) -> SiteOfTills:
    return gates(make(listed(2)))


def goes(till: Till, text: str, way: Literal["in", "out"] = "in") -> str:
    """Why not, or "approved"."""
    return till.terminal.control.scan(text, facts=Facts(device="gate", way=way)).result.why


def heard(till: Till, account_ref: int, *, epochs: int = 1, inwards: bool = True) -> None:
    """Wait until it heard of the person's passages."""

    def known() -> bool:
        seen = till.lan.seen(account_ref, business_date=DAY)
        steps = [step for gate in seen for step in gate.steps]
        return len(steps) == epochs and steps[-1].inwards == inwards

    until(known)


def test_handing_the_phone_back_to_enter_by_the_other_gate(hall: SiteOfTills) -> None:
    """Attack: the one inside passes a phone, or a picture of its code, to somebody at the hall's other gate."""
    here, there = hall.tills
    text = hall.show(1)
    assert goes(here, text) == "approved"
    heard(there, 1)
    assert goes(there, text) == "already_used"
    hall.clock.pass_ms(10_000)
    assert goes(there, hall.show(1)) == "already_inside"
    assert goes(there, hall.show(2)) == "approved"


def test_who_leaves_by_the_other_gate_may_come_in_again_by_the_first(hall: SiteOfTills) -> None:
    here, there = hall.tills
    text = hall.show(1)
    assert goes(here, text) == "approved"
    heard(there, 1)
    assert goes(there, text, "out") == "approved", "nobody is held in by a code that was used next door"
    heard(here, 1, inwards=False)
    hall.clock.pass_ms(10_000)
    assert goes(here, hall.show(1)) == "approved"


def test_a_supervisors_clearing_counts_at_both_gates_also_after_a_restart(hall: SiteOfTills) -> None:
    here, there = hall.tills
    assert goes(here, hall.show(1)) == "approved"
    heard(there, 1)
    hall.clock.pass_ms(10_000)
    assert there.terminal.control.note("menu.opened", by=("3",))
    assert there.terminal.control.desk.let_in_again(by="3")
    assert there.terminal.control.note("shift.closed", by=("3",))
    until(lambda: here.lan.seen(1, business_date=DAY)[0].clearings != ())
    assert goes(here, hall.show(1)) == "approved"
    heard(there, 1)
    hall.clock.pass_ms(10_000)
    here.close()
    here.open()
    until(lambda: here.lan.seen(1, business_date=DAY) != [] and here.lan.seen(1, business_date=DAY)[0].clearings != ())
    assert goes(here, hall.show(1)) == "already_inside"
    there.close()
    there.open()
    heard(there, 1)
    assert goes(there, hall.show(1)) == "already_inside"


def test_one_code_before_two_gates_at_once_opens_one_where_the_institution_waits(make: Make) -> None:
    hall = gates(make(listed(2)), claim_wait_ms=1_000, anti_passback=False)
    for person in range(1, 3):
        outcomes = tap_at_once(hall, hall.show(person))
        assert sum(outcome.approved for outcome in outcomes) == 1
        hall.clock.pass_ms(1_000)
        hall.meet()


def test_gates_without_a_network_between_them_go_each_by_what_they_know(make: Make) -> None:
    lonely: list[LanOptions | None] = [None, None]
    site = make(lonely)
    for till in site.tills:
        till.server.parameters = world.parameters(journal=2, device="gate", mode="pass", anti_passback=True)
    site.introduce()
    here, there = site.tills
    assert goes(here, site.show(1)) == "approved"
    site.clock.pass_ms(10_000)
    assert goes(there, site.show(1)) == "approved"
    site.clock.pass_ms(10_000)
    assert goes(here, site.show(1)) == "already_inside"
