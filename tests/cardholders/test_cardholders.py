"""Opening, stopping, moving and closing cardholders, and what terminals hear of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from ecard.cardholders import operations, queries
from ecard.cardholders.errors import BadLimits, CardholderClosed, NumberTaken, PurseNotEmpty
from ecard.cardholders.models import Cardholder, Group, PriceClass, Stop, StopKind
from ecard.cardholders.values import DenyEntry, NewCardholder
from ecard.changes.models import Change, Topic
from ecard.ledger import operations as ledger
from ecard.ledger.models import Account, AccountKind, CauseKind, TransferKind
from ecard.ledger.values import NewTransfer

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def price_class() -> PriceClass:
    return operations.make_price_class(code=1, name="学生", name_en="student")


@pytest.fixture
def students(price_class: PriceClass) -> Group:
    return make_group("students", price_class)


def make_group(code: str, price_class: PriceClass, *, offline: int = 10_000, debt_floor_minor: int = 0) -> Group:
    return operations.save_group(
        code=code,
        name=code,
        price_class=price_class,
        offline_limit_minor=offline,
        per_sale_limit_minor=5_000,
        max_offline_sales=10,
        debt_floor_minor=debt_floor_minor,
        at=AT,
    )


def open_one(group: Group, *, number: str = "20260001", name: str = "张三") -> Cardholder:
    return operations.open_cardholder(number=number, name=name, group=group, at=AT)


def fill(cardholder: Cardholder, amount_minor: int) -> None:
    desk = ledger.house_account(kind=AccountKind.CASH_DESK)
    transfer = NewTransfer(desk, cardholder.purse_id, amount_minor, TransferKind.TOP_UP, CauseKind.TOP_UP, 1)
    ledger.post(transfers=[transfer], at=AT)


def told(topic: Topic) -> list[int]:
    return [ref for refs in Change.objects.filter(topic=topic).values_list("refs", flat=True) for ref in refs]


def test_opening_gives_a_random_ref_a_purse_and_tells_terminals(price_class: PriceClass) -> None:
    group = make_group("debtors", price_class, debt_floor_minor=-500)
    person = open_one(group)
    assert 0 < person.account_ref < 2**63
    purse = Account.objects.get(pk=person.purse_id)
    assert (purse.kind, purse.floor_minor, purse.balance_minor) == (AccountKind.PURSE, -500, 0)
    assert told(Topic.CARDHOLDER) == [person.account_ref]
    view = queries.by_account_ref(person.account_ref)
    assert view is not None
    assert (view.number, view.price_class, view.offline_limit_minor, view.active) == ("20260001", 1, 10_000, True)


def test_many_are_opened_in_few_statements(
    students: Group, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    people = [NewCardholder(number=f"n{index}", name="李四", group_id=students.pk) for index in range(1_500)]
    with django_assert_max_num_queries(20):
        opened = operations.open_cardholders(people=people, at=AT)
    assert len({person.account_ref for person in opened}) == 1_500
    assert [person.number for person in opened] == [person.number for person in people]
    assert Account.objects.get(pk=opened[7].purse_id).label == "purse n7"
    assert sorted(told(Topic.CARDHOLDER)) == sorted(person.account_ref for person in opened)


def test_a_number_is_given_once(students: Group) -> None:
    open_one(students)
    with pytest.raises(NumberTaken, match="20260001"):
        open_one(students)
    twice = [NewCardholder(number="x", name="a", group_id=students.pk)] * 2
    with pytest.raises(NumberTaken):
        operations.open_cardholders(people=twice, at=AT)
    assert Cardholder.objects.count() == 1


@pytest.mark.parametrize("offline", [-100, 150, 65_536 * 100])
def test_limits_that_no_code_can_carry_are_refused(price_class: PriceClass, offline: int) -> None:
    with pytest.raises(BadLimits):
        make_group("g", price_class, offline=offline)


def test_the_database_refuses_a_ref_that_is_not_positive(students: Group) -> None:
    person = open_one(students)
    with pytest.raises(IntegrityError), transaction.atomic():
        Cardholder.objects.filter(pk=person.pk).update(account_ref=0)


def test_changing_a_group_tells_of_its_members_and_moves_their_debt_floors(
    students: Group, price_class: PriceClass
) -> None:
    person = open_one(students)
    Change.objects.all().delete()
    make_group("students", price_class, debt_floor_minor=-300)
    assert told(Topic.CARDHOLDER) == [person.account_ref]
    assert Account.objects.get(pk=person.purse_id).floor_minor == -300


def test_moving_to_another_group_changes_limits_and_the_debt_floor(students: Group, price_class: PriceClass) -> None:
    staff = make_group("staff", price_class, offline=20_000, debt_floor_minor=-1_000)
    person = open_one(students)
    operations.move_group(cardholder=person, group=staff, at=AT)
    view = queries.by_account_ref(person.account_ref)
    assert view is not None
    assert view.offline_limit_minor == 20_000
    assert Account.objects.get(pk=person.purse_id).floor_minor == -1_000


def test_a_lost_phones_codes_are_denied_and_its_successors_are_not(students: Group) -> None:
    person = open_one(students)
    operations.stop_codes(cardholder=person, before=AT, by=None, reason="lost", at=AT)
    assert queries.deny_entries(at=AT) == [DenyEntry(account_ref=person.account_ref, codes_before=AT)]
    assert told(Topic.DENY) == [person.account_ref]


def test_of_several_stops_the_latest_time_counts_and_a_whole_stop_covers_all(students: Group) -> None:
    person, later = open_one(students), AT + timedelta(hours=1)
    for before in (later, AT):
        operations.stop_codes(cardholder=person, before=before, by=None, reason="lost", at=later)
    assert queries.deny_entries(at=later) == [DenyEntry(account_ref=person.account_ref, codes_before=later)]
    whole = operations.stop_account(cardholder=person, by=None, reason="stolen", at=later)
    assert queries.deny_entries(at=later) == [DenyEntry(account_ref=person.account_ref, codes_before=None)]
    assert operations.lift_stop(stop=whole, by=None, at=later)
    assert queries.deny_entries(at=later) == [DenyEntry(account_ref=person.account_ref, codes_before=later)]


def test_a_deny_entry_is_kept_as_long_as_a_code_can_live_and_no_longer(students: Group) -> None:
    first, second = open_one(students), open_one(students, number="2")
    operations.stop_codes(cardholder=first, before=AT, by=None, reason="lost", at=AT)
    operations.stop_account(cardholder=second, by=None, reason="stolen", at=AT)
    almost, after = AT + queries.CODE_LIFE - timedelta(seconds=1), AT + queries.CODE_LIFE
    assert {entry.account_ref for entry in queries.deny_entries(at=almost)} == {first.account_ref, second.account_ref}
    assert [entry.account_ref for entry in queries.deny_entries(at=after)] == [second.account_ref]


def test_deny_entries_of_given_accounts_leave_out_what_is_lifted(students: Group) -> None:
    first, second, third = (open_one(students, number=str(index)) for index in range(3))
    for person in (first, second):
        operations.stop_account(cardholder=person, by=None, reason="stolen", at=AT)
    operations.lift_stop(stop=Stop.objects.get(cardholder=first), by=None, at=AT)
    found = queries.deny_entries(at=AT, account_refs=[first.account_ref, second.account_ref, third.account_ref])
    assert found == [DenyEntry(account_ref=second.account_ref, codes_before=None)]


def test_a_stop_is_lifted_once_and_says_by_whom(students: Group) -> None:
    user = User.objects.create_user("finance")
    stop = operations.stop_account(cardholder=open_one(students), by=user, reason="stolen", at=AT)
    Change.objects.all().delete()
    assert operations.lift_stop(stop=stop, by=user, at=AT)
    assert not operations.lift_stop(stop=stop, by=user, at=AT + timedelta(hours=1))
    stop.refresh_from_db()
    assert (stop.kind, stop.made_by, stop.lifted_by, stop.lifted_at) == (StopKind.WHOLE, user, user, AT)
    assert len(told(Topic.DENY)) == 1


def test_closing_needs_an_empty_purse_and_denies_what_codes_are_left(students: Group) -> None:
    person = open_one(students)
    fill(person, 5)
    with pytest.raises(PurseNotEmpty):
        operations.close_cardholder(cardholder=person, at=AT)
    empty = open_one(students, number="2")
    operations.close_cardholder(cardholder=empty, at=AT)
    assert queries.deny_entries(at=AT) == [DenyEntry(account_ref=empty.account_ref, codes_before=None)]
    assert queries.deny_entries(at=AT + queries.CODE_LIFE) == []
    assert [view.account_ref for view in queries.page_after()] == [person.account_ref]
    with pytest.raises(CardholderClosed):
        operations.move_group(cardholder=empty, group=students, at=AT)


def test_pages_follow_the_ref_and_meet_everybody_once(students: Group) -> None:
    refs = sorted(open_one(students, number=str(index)).account_ref for index in range(5))
    met: list[int] = []
    while page := queries.page_after(met[-1] if met else 0, limit=2):
        met.extend(view.account_ref for view in page)
    assert met == refs


@pytest.mark.parametrize("text", ["2026", "张", "zhangs", "zhang san", "ZS", "张三"])
def test_a_person_is_found_by_the_beginning_of_number_name_pinyin_or_initials(students: Group, text: str) -> None:
    person = open_one(students)
    open_one(students, number="9", name="李四")
    assert [view.account_ref for view in queries.search(text)] == [person.account_ref]


def test_a_login_leads_to_its_cardholder(students: Group) -> None:
    user = User.objects.create_user("zhang")
    person = open_one(students)
    assert queries.by_user(user) is None
    operations.link_user(cardholder=person, user=user, at=AT)
    found = queries.by_user(user)
    assert found is not None
    assert found.account_ref == person.account_ref


def test_refs_that_do_not_exist_are_left_out(students: Group) -> None:
    person = open_one(students)
    assert set(queries.by_account_refs([person.account_ref, 5])) == {person.account_ref}
