"""Attributes, lists of people, and whom a programme would choose."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from ecard.cardholders import operations, queries
from ecard.cardholders.errors import CardholderClosed, NotUploaded
from ecard.cardholders.models import Cardholder, Group, ListKind, PersonList
from ecard.cardholders.rules import (
    BadAttribute,
    Condition,
    attributes_from_text,
    attributes_of,
    belongs,
    conditions_from_text,
    text_from_attributes,
    text_from_conditions,
)
from ecard.cardholders.values import ChangedCardholder, NewCardholder
from ecard.changes.models import Change, Topic
from ecard.ledger.models import Account
from tests.cardholders.test_cardholders import make_group

AT = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def students(db: None) -> Group:
    return make_group("students", operations.make_price_class(code=1, name="学生"))


@pytest.fixture
def staff(students: Group) -> Group:
    return make_group("staff", students.price_class, debt_floor_minor=-5_000)


@pytest.fixture
def people(students: Group, staff: Group) -> list[Cardholder]:
    """P0 to P5: grades 1, 2, 3, 1, 2, 3; the last two are staff."""
    return operations.open_cardholders(
        people=[
            NewCardholder(f"P{place}", "张三", (students, staff)[place >= 4].pk, None, {"grade": str(place % 3 + 1)})
            for place in range(6)
        ],
        at=AT,
    )


def told() -> set[int]:
    """Refs that terminals heard of since the last call."""
    found = Change.objects.filter(topic=Topic.CARDHOLDER)
    refs = {ref for refs in found.values_list("refs", flat=True) for ref in refs}
    found.delete()
    return refs


def chosen(
    people: list[Cardholder],
    *,
    groups: Collection[int] = (),
    attributes: Mapping[str, Collection[str]] | None = None,
    list_id: int | None = None,
) -> list[int]:
    """Places of those chosen, read two at a time."""
    places, after = {person.pk: place for place, person in enumerate(people)}, 0
    found: list[int] = []
    while page := queries.selection_ids(
        groups=groups, attributes=attributes or {}, list_id=list_id, after=after, limit=2
    ):
        found += [places[each] for each in page]
        after = page[-1]
    return found


@pytest.mark.parametrize(
    "attributes",
    [
        {"Grade": "3"},
        {"": "3"},
        {"a" * 33: "3"},
        {"grade": "x" * 65},
        {"grade": "a\x00b"},
        {f"k{number}": "1" for number in range(21)},
    ],
)
def test_attributes_over_their_bounds_are_refused_by_the_rule(attributes: dict[str, str]) -> None:
    with pytest.raises(BadAttribute):
        attributes_of(attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        {"Grade": "3"},
        {"grade": 3},
        {"grade": {"a": "b"}},
        {"grade": ""},
        {"grade": "x" * 65},
        {f"k{number}": "1" for number in range(21)},
        ["grade"],
        "grade",
    ],
)
def test_attributes_over_their_bounds_are_refused_by_the_database(
    people: list[Cardholder], attributes: Mapping[str, object]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Cardholder.objects.filter(pk=people[0].pk).update(attributes=attributes)


@given(st.dictionaries(st.from_regex(r"\A[a-z][a-z0-9_-]{0,9}\Z"), st.text("甲乙ab1 =", min_size=1, max_size=8)))
def test_attributes_written_out_read_back_the_same(given_attributes: dict[str, str]) -> None:
    kept = attributes_of(dict(list(given_attributes.items())[:20]))
    assert attributes_from_text(text_from_attributes(kept)) == kept


def test_conditions_are_typed_one_a_line_with_values_between_commas() -> None:
    typed = "grade = 3, 4\n\nDepartment＝物理，化学\n"
    expected = (Condition("grade", ("3", "4")), Condition("department", ("物理", "化学")))
    assert conditions_from_text(typed) == expected
    assert conditions_from_text(text_from_conditions(expected)) == expected
    for wrong in ("grade", "grade=", "grade=1\ngrade=2", "gr ade=1"):
        with pytest.raises(BadAttribute):
            conditions_from_text(wrong)


def test_a_list_that_asks_for_nothing_names_nobody(people: list[Cardholder]) -> None:
    assert not belongs(conditions=(), groups=(), attributes={"grade": "1"}, group_id=1)
    empty = operations.save_list(code="empty", name="空", kind=ListKind.BY_ATTRIBUTES, at=AT)
    assert list(queries.people_of_list(empty.pk)) == []
    assert queries.lists_of([person.account_ref for person in people]) == {}


def test_lists_of_a_page_of_people_take_a_fixed_number_of_statements(
    people: list[Cardholder], staff: Group, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    refs = [person.account_ref for person in people]
    third = operations.save_list(
        code="third", name="三", kind=ListKind.BY_ATTRIBUTES, conditions=[Condition("grade", ("3",))], at=AT
    )
    grown = operations.save_list(
        code="grown",
        name="职工",
        kind=ListKind.BY_ATTRIBUTES,
        conditions=[Condition("grade", ("1", "2"))],
        groups=[staff],
        at=AT,
    )
    named = operations.save_list(code="named", name="名单", at=AT)
    operations.add_members(person_list=named, cardholder_ids=[people[0].pk, people[2].pk], at=AT)
    with django_assert_max_num_queries(4):
        found = queries.lists_of(refs)
    assert found == {
        refs[0]: (named.pk,),
        refs[2]: tuple(sorted((third.pk, named.pk))),
        refs[4]: (grown.pk,),
        refs[5]: (third.pk,),
    }
    assert {ref for each in (third, grown, named) for ref in _refs(queries.people_of_list(each.pk))} == set(found)


def _refs(ids: Iterable[int]) -> set[int]:
    return set(Cardholder.objects.filter(pk__in=list(ids)).values_list("account_ref", flat=True))


def test_a_selection_is_read_page_by_page_and_leaves_out_whoever_has_left(
    people: list[Cardholder], students: Group
) -> None:
    assert chosen(people) == [0, 1, 2, 3, 4, 5]
    assert chosen(people, groups=[students.pk]) == [0, 1, 2, 3]
    assert chosen(people, groups=[students.pk], attributes={"grade": ["1", "3"]}) == [0, 2, 3]
    assert chosen(people, attributes={"grade": []}) == []
    named = operations.save_list(code="named", name="名单", at=AT)
    operations.add_members(person_list=named, cardholder_ids=[people[2].pk, people[3].pk], at=AT)
    assert chosen(people, list_id=named.pk) == [2, 3]
    assert chosen(people, list_id=named.pk, attributes={"grade": ["1"]}) == [3]
    operations.close_cardholder(cardholder=people[3], at=AT)
    assert chosen(people, list_id=named.pk) == [2]
    assert chosen(people, list_id=9_999) == []


def test_terminals_hear_of_whoever_joins_or_leaves_a_list(people: list[Cardholder]) -> None:
    refs = [person.account_ref for person in people]
    told()
    named = operations.save_list(code="named", name="名单", at=AT)
    assert operations.add_members(person_list=named, cardholder_ids=[people[0].pk, people[1].pk], at=AT) == 2
    assert told() == {refs[0], refs[1]}
    assert operations.add_members(person_list=named, cardholder_ids=[people[1].pk], at=AT) == 0
    assert told() == set()
    assert operations.remove_members(person_list=named, cardholder_ids=[people[0].pk, people[5].pk], at=AT) == 1
    assert told() == {refs[0]}
    for values, expected in ((("1",), {refs[0], refs[3]}), (("1", "2"), {refs[1], refs[4]})):
        asked = [Condition("grade", values)]
        operations.save_list(code="grade", name="年级", kind=ListKind.BY_ATTRIBUTES, conditions=asked, at=AT)
        assert told() == expected
    operations.set_attributes(cardholder=people[0], attributes={"grade": "3"}, at=AT)
    assert told() == {refs[0]}
    operations.set_avoided(cardholder=people[1], allergens=[7, 2, 7], at=AT)
    assert told() == {refs[1]}
    view = queries.by_account_ref(refs[1])
    assert view is not None
    assert view.avoid_allergens == (2, 7)


def test_a_list_stays_of_the_kind_it_was_made_as(people: list[Cardholder], staff: Group) -> None:
    named = operations.save_list(code="named", name="名单", at=AT)
    asking = operations.save_list(code="asking", name="条件", kind=ListKind.BY_ATTRIBUTES, groups=[staff], at=AT)
    with pytest.raises(NotUploaded):
        operations.save_list(code="named", name="名单", groups=[staff], at=AT)
    with pytest.raises(NotUploaded):
        operations.add_members(person_list=asking, cardholder_ids=[people[0].pk], at=AT)
    assert operations.save_list(code="named", name="新名", kind=ListKind.BY_ATTRIBUTES, at=AT).kind == ListKind.UPLOADED
    assert PersonList.objects.get(pk=named.pk).name == "新名"


def test_many_people_are_changed_in_few_statements_their_debt_floors_included(
    people: list[Cardholder], staff: Group, students: Group, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    told()
    changes = [
        ChangedCardholder(person.pk, "李四", staff.pk, {"grade": "9", "class": "2"}) for person in reversed(people)
    ]
    with django_assert_max_num_queries(15):
        operations.change_cardholders(changes=changes, at=AT)
    for person in people:
        person.refresh_from_db()
        assert (person.name, person.name_joined, person.group_id) == ("李四", "lisi", staff.pk)
        assert person.attributes == {"class": "2", "grade": "9"}
        assert Account.objects.get(pk=person.purse_id).floor_minor == -5_000
    assert told() == {person.account_ref for person in people}
    operations.close_cardholder(cardholder=people[0], at=AT)
    with pytest.raises(CardholderClosed):
        operations.change_cardholders(
            changes=[ChangedCardholder(person.pk, "王五", students.pk, {}) for person in people], at=AT
        )
    assert Cardholder.objects.filter(name="王五").count() == 0
