"""What a snapshot says, to whom, and how a cursor goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from devices.core.accept import FOREVER_S
from devices.core.funds import PersonRow
from devices.core.keys import Role, open_key_list
from devices.core.messages import MessageError, open_snapshot, snapshot_key_id
from devices.core.quote import Used
from devices.core.signing import POLICY_DOMAIN, verifies
from ecard.benefits.models import AgeStep
from ecard.benefits.operations import add_usage, issue_grants, open_programme
from ecard.cardholders import operations as cardholders
from ecard.cardholders.values import NewCardholder
from ecard.changes import operations as changes
from ecard.codes.models import IssuerKey
from ecard.codes.queries import signed_key_list
from ecard.ledger.holds import place_hold
from ecard.terminals import operations, snapshots
from ecard.terminals.models import TerminalMode
from ecard.terminals.rules import business_dates
from ecard.terminals.snapshots import SnapshotKind, base
from tests.support.campus import Campus
from tests.support.device import Device, Store, read_snapshot, refusal_of, terminal_of
from tests.support.issuing import ROOT
from tests.terminals.posting import load, make_stream, sell


def rows_of(device: Device, at: datetime) -> dict[int, PersonRow]:
    return read_snapshot(snapshots.full(terminal_of(device), at))[1]


def test_a_full_load_names_everybody_masked_and_within_limits(device: Device, campus: Campus, now: datetime) -> None:
    first, second, third, fourth = campus.people
    load(first, 30_00, at=now)
    load(second, 900_00, at=now)
    rows = rows_of(device, now)
    assert set(rows) == {person.account_ref for person in campus.people}
    assert rows[first.account_ref] == PersonRow(
        account_ref=first.account_ref,
        name="张*",
        price_class=1,
        groups=(campus.group.pk,),
        per_sale_minor=60_00,
        offline_minor=200_00,
        max_sales=20,
        purse_minor=30_00,
    )
    assert rows[second.account_ref].purse_minor == 200_00
    assert rows[third.account_ref].purse_minor == rows[fourth.account_ref].purse_minor == 0


def test_money_on_hold_and_a_debt_floor_are_not_offered(device: Device, campus: Campus, now: datetime) -> None:
    person = campus.people[0]
    cardholders.save_group(
        code="debtors",
        name="可欠",
        price_class=campus.price_class,
        offline_limit_minor=200_00,
        per_sale_limit_minor=60_00,
        max_offline_sales=20,
        debt_floor_minor=-50_00,
        at=now,
    )
    group = type(campus.group).objects.get(code="debtors")
    load(person, 30_00, at=now)
    place_hold(account_id=person.purse_id, amount_minor=12_00, key="h", at=now, expires_at=now + timedelta(minutes=5))
    cardholders.move_group(cardholder=person, group=group, at=now)
    assert rows_of(device, now)[person.account_ref].purse_minor == 18_00
    stream = make_stream(terminal_of(device), epoch=1, at=now)
    sell(stream, person, 45_00, at=now)
    assert rows_of(device, now)[person.account_ref].purse_minor == 0


def test_lots_that_still_run_are_sent_with_what_is_left(device: Device, campus: Campus, now: datetime) -> None:
    programme = open_programme(name="餐补")
    for key, hours in (("soon", 1), ("later", 48)):
        issue_grants(
            programme=programme,
            cardholders=campus.people[:1],
            amount_minor=5_00,
            period_key=key,
            expires_at=now + timedelta(hours=hours),
            at=now,
        )
    ref = campus.people[0].account_ref
    assert [lot.remaining_minor for lot in rows_of(device, now)[ref].lots] == [5_00, 5_00]
    base.forget()
    assert len(rows_of(device, now + timedelta(hours=2))[ref].lots) == 1


def test_usage_of_the_running_business_day_is_sent(device: Device, campus: Campus, now: datetime) -> None:
    ref = campus.people[0].account_ref
    today = business_dates(now, days=[("Asia/Shanghai", 0)])[-2]
    add_usage(rows=[(ref, today, 0, 0, 9_00, 4_00, 1, 1), (ref, today - timedelta(days=9), 0, 0, 1, 1, 1, 1)])
    assert rows_of(device, now)[ref].used == (Used(today.isoformat(), 9_00, 4_00, 1),)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [
        (4, 0, [date(2026, 11, 20), date(2026, 11, 21)]),
        (20, 30, [date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)]),
        (19, 30, [date(2026, 11, 20), date(2026, 11, 21)]),
    ],
)
def test_business_dates_follow_the_site(hour: int, minute: int, expected: list[date]) -> None:
    at = datetime(2026, 11, 20, hour, minute, tzinfo=UTC)
    assert list(business_dates(at, days=[("Asia/Shanghai", 4 * 60)])) == expected


def test_the_head_says_where_the_terminal_stands(device: Device, campus: Campus, now: datetime) -> None:
    terminal = terminal_of(device)
    operations.change(
        terminal=terminal, name="一号", outlet=campus.other_outlet, mode=TerminalMode.FIXED, fixed_minor=8_00, at=now
    )
    head, _rows = read_snapshot(snapshots.full(terminal, now))
    parameters = head.parameters
    assert (parameters.name, parameters.outlet, parameters.site) == ("一号", campus.other_outlet.pk, campus.site.pk)
    assert (parameters.mode, parameters.fixed_minor, parameters.zone) == ("fixed", 8_00, "Asia/Shanghai")
    assert (parameters.outlet_name_zh, head.terminal, head.made_s) == ("2号窗口", terminal.pk, int(now.timestamp()))
    listed = signed_key_list()
    assert listed is not None
    assert head.key_list_number == listed.number


def test_stops_are_the_whole_deny_list_each_time(device: Device, campus: Campus, now: datetime) -> None:
    store = Store()
    store.take(snapshots.full(terminal_of(device), now))
    lost, bad = campus.people[:2]
    cardholders.stop_codes(cardholder=lost, before=now, by=None, reason="lost", at=now)
    stop = cardholders.stop_account(cardholder=bad, by=None, reason="asked", at=now)
    store.take(snapshots.delta(terminal_of(device), store.generation, store.number, now))
    assert store.denials[bad.account_ref] == FOREVER_S
    assert now.timestamp() <= store.denials[lost.account_ref] < now.timestamp() + 1
    cardholders.lift_stop(stop=stop, by=None, at=now)
    store.take(snapshots.delta(terminal_of(device), store.generation, store.number, now))
    assert set(store.denials) == {lost.account_ref}


def test_a_published_policy_reaches_terminals_signed(device: Device, campus: Campus, now: datetime) -> None:
    AgeStep.objects.get_or_create(up_to_s=900, defaults={"sale_minor": 60_00, "person_minor": 200_00})
    published = operations.publish(at=now, starts_at=now, by=None)
    data = snapshots.full(terminal_of(device), now + timedelta(seconds=2))
    (policy,) = read_snapshot(data)[0].policies
    assert policy.body == bytes(published.body)
    listed = signed_key_list()
    assert listed is not None
    keys = open_key_list(listed.data, root_public=ROOT.public, institution="EC")
    key = keys.find(Role.SNAPSHOT, policy.key_id)
    assert key is not None
    assert verifies(
        public=bytes.fromhex(key.public), domain=POLICY_DOMAIN, message=policy.body, signature=policy.signature
    )


def test_a_delta_names_who_changed_and_who_left(device: Device, campus: Campus, now: datetime) -> None:
    store = Store()
    store.take(snapshots.full(terminal_of(device), now))
    rich, leaving = campus.people[:2]
    load(rich, 7_00, at=now)
    cardholders.close_cardholder(cardholder=leaving, at=now)
    data = snapshots.delta(terminal_of(device), store.generation, store.number, now)
    head, rows = read_snapshot(data)
    assert head.base == store.number
    assert {ref: row.gone for ref, row in rows.items()} == {rich.account_ref: False, leaving.account_ref: True}
    store.take(data)
    assert leaving.account_ref not in store.rows
    assert store.denials[leaving.account_ref] == FOREVER_S
    assert store.rows[rich.account_ref].purse_minor == 7_00


def test_a_delta_of_nothing_still_makes_the_snapshot_younger(device: Device, now: datetime) -> None:
    store = Store()
    store.take(snapshots.full(terminal_of(device), now))
    later = now + timedelta(seconds=30)
    head = store.take(snapshots.delta(terminal_of(device), store.generation, store.number, later))
    assert (head.people, head.made_s) == (0, int(later.timestamp()))


def test_posted_through_is_of_this_terminals_streams_only(device: Device, campus: Campus, now: datetime) -> None:
    terminal = terminal_of(device)
    other = operations.register(name="other", outlet=campus.outlet, at=now)
    load(campus.people[0], 50_00, at=now)
    sell(make_stream(terminal, epoch=77, at=now), campus.people[0], 1_00, at=now)
    sell(make_stream(other, epoch=88, at=now), campus.people[0], 1_00, at=now)
    make_stream(terminal, epoch=99, at=now)
    store = Store()
    store.take(snapshots.full(terminal, now))
    assert store.posted == {77: 1}


@pytest.mark.parametrize("break_cursor", ["generation", "pruned", "ahead", "zero"])
def test_a_cursor_that_cannot_go_on_gets_everybody(
    device: Device, campus: Campus, now: datetime, break_cursor: str
) -> None:
    store = Store()
    store.take(snapshots.full(terminal_of(device), now))
    generation, number = store.generation, store.number
    for _change in range(3):
        load(campus.people[0], 1_00, at=now)
    changes.number_committed(at=now)
    match break_cursor:
        case "generation":
            changes.new_generation(at=now)
        case "pruned":
            changes.prune(keep=1)
        case "ahead":
            number += 1_000
        case _:
            generation = number = 0
    made = snapshots.make(terminal=terminal_of(device), generation=generation, number=number, at=now)
    head, rows = read_snapshot(made.data)
    assert (made.kind, head.base, len(rows)) == (SnapshotKind.FULL, 0, len(campus.people))
    assert rows[campus.people[0].account_ref].purse_minor == 3_00
    if break_cursor == "generation":
        assert head.generation != generation


def test_a_kept_base_shows_in_nothing_but_time(device: Device, campus: Campus, now: datetime) -> None:
    snapshots.full(terminal_of(device), now)
    load(campus.people[0], 5_00, at=now)
    cardholders.close_cardholder(cardholder=campus.people[1], at=now)
    new = NewCardholder(number="S9999", name="李四", group_id=campus.group.pk)
    (joined,) = cardholders.open_cardholders(people=[new], at=now)
    over_kept = rows_of(device, now)
    base.forget()
    assert over_kept == rows_of(device, now)
    assert joined.account_ref in over_kept
    assert campus.people[1].account_ref not in over_kept


def test_statements_do_not_grow_with_people(device: Device, campus: Campus, now: datetime) -> None:
    def statements() -> int:
        base.forget()
        with CaptureQueriesContext(connection) as captured:
            snapshots.full(terminal_of(device), now)
        return len(captured)

    statements()
    few = statements()
    people = [NewCardholder(number=f"N{number}", name="王五", group_id=campus.group.pk) for number in range(200)]
    cardholders.open_cardholders(people=people, at=now)
    statements()
    assert statements() == few


def test_a_snapshot_is_refused_inside_a_transaction(device: Device, now: datetime) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        snapshots.full(terminal_of(device), now)


def test_a_snapshot_of_another_signer_is_refused(device: Device, now: datetime) -> None:
    data = snapshots.full(terminal_of(device), now)
    assert snapshot_key_id(data) > 0
    with pytest.raises(MessageError):
        open_snapshot(data, public=device.key.public)


def test_the_address_gives_full_then_delta_and_notes_it(device: Device, campus: Campus) -> None:
    store = Store()
    response = device.ask("snapshot")
    store.take(response.content)
    assert (response["X-Ecard-Snapshot"], response["Content-Type"]) == ("full", "application/octet-stream")
    load(campus.people[0], 2_00, at=datetime.now(UTC))
    response = device.ask(f"snapshot?generation={store.generation}&number={store.number}")
    assert response["X-Ecard-Snapshot"] == "delta"
    head = store.take(response.content)
    assert head.people == 1
    row = terminal_of(device)
    assert row.last_snapshot_number == head.number
    assert row.last_snapshot_at is not None


@pytest.mark.parametrize(
    "query",
    ["generation=x&number=1", "generation=1&number=-1", "number=1e3", f"generation={2**64}&number=0", "number=１"],
)
def test_a_malformed_cursor_is_refused(device: Device, query: str) -> None:
    response = device.ask(f"snapshot?{quote(query, safe='=&')}")
    assert (response.status_code, refusal_of(response)["error"]) == (400, "malformed")


def test_without_a_key_in_use_a_terminal_is_told_to_wait(device: Device) -> None:
    IssuerKey.objects.filter(role="snapshot", activated_at__isnull=False).update(retired_at=datetime.now(UTC))
    response = device.ask("snapshot")
    assert (response.status_code, refusal_of(response)["error"]) == (503, "not_ready")
