"""Reading cardholders: by the ref that terminals know, a page at a time, by list, and the deny list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Q, QuerySet

from ecard.cardholders.models import (
    Cardholder,
    CardholderState,
    ListKind,
    ListMember,
    PersonList,
    Stop,
    StopKind,
)
from ecard.cardholders.rules import Condition, belongs, conditions_of
from ecard.cardholders.values import CardholderView, DenyEntry
from ecard.ledger.arrays import array_literal

PAGE_LIMIT = 5_000
SEARCH_LIMIT = 50
CODE_LIFE = timedelta(days=8, hours=2)
"""Longer than any code lives after its issue, so that no deny entry is needed then: signed at most 7 days ahead, it
lives one day (of 25 h where clocks go back) and some minutes into the next. `codes` holds to it; a test says so."""

_MEMBERSHIPS = """
SELECT person.account_ref, member.person_list_id
FROM cardholders_listmember AS member JOIN cardholders_cardholder AS person ON person.id = member.cardholder_id
WHERE person.account_ref = ANY(%s::bigint[])
"""

_VIEW = (
    "id",
    "account_ref",
    "number",
    "name",
    "state",
    "purse_id",
    "group_id",
    "group__price_class__code",
    "group__offline_limit_minor",
    "group__per_sale_limit_minor",
    "group__max_offline_sales",
    "avoid_allergens",
)


def by_account_ref(account_ref: int) -> CardholderView | None:
    """The cardholder a code names, or None."""
    return by_account_refs([account_ref]).get(account_ref)


def by_account_refs(account_refs: Iterable[int]) -> dict[int, CardholderView]:
    """Those of the refs that exist. One statement; the caller bounds the refs."""
    return {view.account_ref: view for view in _views(Cardholder.objects.filter(account_ref__in=set(account_refs)))}


def by_user(user: AbstractBaseUser) -> CardholderView | None:
    """The cardholder who signs in with this login, or None."""
    return next(iter(_views(Cardholder.objects.filter(user_id=user.pk))), None)


def page_after(account_ref: int = 0, *, limit: int = PAGE_LIMIT) -> list[CardholderView]:
    """Active cardholders in order of ref, after the one given: a full load, a page at a time."""
    active = Cardholder.objects.filter(state=CardholderState.ACTIVE, account_ref__gt=account_ref)
    return _views(active.order_by("account_ref")[: min(limit, PAGE_LIMIT)])


def search(text: str, *, limit: int = SEARCH_LIMIT) -> list[CardholderView]:
    """Cardholders whose number, name, pinyin or initials begin with `text`, ordered by name."""
    found = Cardholder.objects.filter(matching(text)).order_by("name_sort", "number")
    return _views(found[: min(limit, SEARCH_LIMIT)])


def matching(text: str) -> Q:
    """The condition behind `search`; every branch is an index prefix."""
    typed = "".join(text.split())
    lower = typed.casefold()
    return (
        Q(number__startswith=typed)
        | Q(name__startswith=" ".join(text.split()))
        | Q(name_joined__startswith=lower)
        | Q(name_initials__startswith=lower)
    )


def lists_of(account_refs: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """The lists each of the refs is on, ids in order; whoever is on none is left out. Four statements at most."""
    wanted = set(account_refs)
    found: dict[int, list[int]] = {}
    with connection.cursor() as cursor:
        # As an array: the ORM's IN of thousands takes longer than the database.
        cursor.execute(_MEMBERSHIPS, [array_literal(wanted)])
        for ref, list_id in cursor.fetchall():
            found.setdefault(ref, []).append(list_id)
    asking = [
        (each.pk, conditions_of(each.conditions), {group.pk for group in each.groups.all()})
        for each in PersonList.objects.filter(kind=ListKind.BY_ATTRIBUTES).prefetch_related("groups")
    ]
    people = Cardholder.objects.filter(account_ref__in=wanted).values_list("account_ref", "group_id", "attributes")
    for ref, group_id, attributes in people if asking else ():
        for list_id, conditions, groups in asking:
            if belongs(conditions=conditions, groups=groups, attributes=attributes, group_id=group_id):
                found.setdefault(ref, []).append(list_id)
    return {ref: tuple(sorted(lists)) for ref, lists in found.items()}


def people_of_list(list_id: int) -> Iterator[int]:
    """Cardholder ids of the active people on a list, in order, read a page at a time."""
    after = 0
    while page := selection_ids(groups=(), attributes={}, list_id=list_id, after=after, limit=PAGE_LIMIT):
        yield from page
        after = page[-1]


def selection_ids(
    *,
    groups: Collection[int],
    attributes: Mapping[str, Collection[str]],
    list_id: int | None,
    after: int,
    limit: int = PAGE_LIMIT,
) -> list[int]:
    """Ids above `after` of active cardholders in one of the groups, with one of the values of every attribute, and on
    the list: a page of at most `limit`, in order. What is empty or None asks for nothing.
    """
    chosen = selected(groups=groups, attributes=attributes, list_id=list_id).filter(pk__gt=after)
    return list(chosen.order_by("pk").values_list("pk", flat=True)[: min(limit, PAGE_LIMIT)])


def selected(
    *, groups: Collection[int], attributes: Mapping[str, Collection[str]], list_id: int | None
) -> QuerySet[Cardholder]:
    """The people `selection_ids` pages through, in no order."""
    chosen = Cardholder.objects.filter(state=CardholderState.ACTIVE)
    if groups:
        chosen = chosen.filter(group_id__in=groups)
    for name, values in attributes.items():
        chosen = chosen.filter(_has_one_of(Condition(name, tuple(values))))
    return chosen if list_id is None else chosen.filter(_on_list(list_id))


def _on_list(list_id: int) -> Q:
    asking = PersonList.objects.filter(pk=list_id).prefetch_related("groups").first()
    if asking is None:
        return Q(pk__in=())
    if asking.kind == ListKind.UPLOADED:
        return Q(pk__in=ListMember.objects.filter(person_list_id=list_id).values("cardholder_id"))
    groups = [group.pk for group in asking.groups.all()]
    conditions = conditions_of(asking.conditions)
    if not groups and not conditions:
        return Q(pk__in=())
    asked = Q(group_id__in=groups) if groups else Q()
    for condition in conditions:
        asked &= _has_one_of(condition)
    return asked


def _has_one_of(condition: Condition) -> Q:
    """Each branch is answered by the index over attributes."""
    asked = Q(pk__in=())
    for value in condition.values:
        asked |= Q(attributes__contains={condition.attribute: value})
    return asked


def deny_entries(
    *, at: datetime, account_refs: Iterable[int] | None = None, code_life: timedelta = CODE_LIFE
) -> list[DenyEntry]:
    """What terminals must refuse now, in order of ref: for all accounts, or for those given.

    An account given and not answered has nothing in force. A whole stop covers any other; of several
    times the latest counts. A closed account stays listed as long as one of its codes can live.
    """
    stops = Stop.objects.filter(lifted_at__isnull=True).exclude(kind=StopKind.CODES_BEFORE, before__lte=at - code_life)
    # An account closed longer ago than a code lives has no code left to refuse.
    stops = stops.exclude(cardholder__closed_at__lte=at - code_life)
    closed = Cardholder.objects.filter(closed_at__gt=at - code_life)
    if account_refs is not None:
        wanted = set(account_refs)
        stops = stops.filter(cardholder__account_ref__in=wanted)
        closed = closed.filter(account_ref__in=wanted)
    strongest: dict[int, datetime | None] = {}
    for ref, before in stops.values_list("cardholder__account_ref", "before"):
        known = strongest.get(ref, before)
        strongest[ref] = None if known is None or before is None else max(known, before)
    strongest.update(dict.fromkeys(closed.values_list("account_ref", flat=True)))
    return [DenyEntry(account_ref=ref, codes_before=before) for ref, before in sorted(strongest.items(), key=_by_ref)]


def stops_in_force(cardholder_id: int) -> list[datetime | None]:
    """The moments before which codes of one person are refused; None stops them altogether. One statement."""
    return list(Stop.objects.filter(cardholder_id=cardholder_id, lifted_at=None).values_list("before", flat=True))


def codes_stopped_at(cardholder_id: int, *, by: AbstractBaseUser) -> datetime | None:
    """The latest moment before which this login stopped the codes of a person; None where it did not, or was lifted."""
    own = Stop.objects.filter(cardholder_id=cardholder_id, kind=StopKind.CODES_BEFORE, made_by=by.pk, lifted_at=None)
    return own.order_by("-before").values_list("before", flat=True).first()


def _by_ref(item: tuple[int, datetime | None]) -> int:
    return item[0]


def _views(cardholders: QuerySet[Cardholder]) -> list[CardholderView]:
    return [
        CardholderView(
            id=row[0],
            account_ref=row[1],
            number=row[2],
            name=row[3],
            active=row[4] == CardholderState.ACTIVE,
            purse_id=row[5],
            group_id=row[6],
            price_class=row[7],
            offline_limit_minor=row[8],
            per_sale_limit_minor=row[9],
            max_offline_sales=row[10],
            avoid_allergens=tuple(row[11]),
        )
        for row in cardholders.values_list(*_VIEW)
    ]
