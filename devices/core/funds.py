"""What a terminal may let a person spend: snapshot, code and local memory put together (ecard/adr/0004)."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from devices.core.code import Grant
from devices.core.declines import Decline, Why
from devices.core.policy import AgeStep
from devices.core.quote import Guard, Lot, Person, Tally, Used

MAX_LOTS = 32
"""So many lots of a person are looked at in one sale: its record, and the legs posted from it, stay bounded."""


class PersonRow(msgspec.Struct, frozen=True, array_like=True):
    """One person in a snapshot; `purse_minor` is capped at the offline limit. An `account_ref` with no name left
    and `gone` set has left the site's snapshot.
    """

    account_ref: int
    name: str
    price_class: int
    groups: tuple[int, ...]
    per_sale_minor: int
    offline_minor: int
    max_sales: int
    purse_minor: int
    lots: tuple[Lot, ...] = ()
    used: tuple[Used, ...] = ()
    gone: bool = False
    lists: tuple[int, ...] = ()
    avoid: tuple[int, ...] = ()
    guards: tuple[Guard, ...] = ()
    tallies: tuple[Tally, ...] = ()
    last_s: int = 0
    cards: tuple[str, ...] = ()
    """Names of their cards (`core.card`)."""


class Pending(msgspec.Struct, frozen=True):
    """What this terminal (and later its LAN) knows was spent by a person and the snapshot does not contain yet."""

    purse_minor: int = 0
    sales: int = 0
    lots: dict[int, int] = {}
    used: tuple[Used, ...] = ()
    tallies: tuple[Tally, ...] = ()
    last_s: int = 0


def person_state(
    *,
    grant: Grant | None,
    row: PersonRow | None,
    snapshot_made_s: int,
    pending: Pending,
    ages: tuple[AgeStep, ...],
    now_s: int,
) -> Person | Decline:
    """The person as `evaluate` shall see them, or why nothing can be sold to them offline.

    The later stamp governs: a code issued after the snapshot was made brings its own limits, class and funds (so a
    top-up made after the terminal went dark can be spent); a person the snapshot does not know has the purse only.
    """
    step = age_step(ages, age_s=now_s - snapshot_made_s)
    if step is None:
        return Decline(Why.SNAPSHOT_TOO_OLD, {"age_s": max(0, now_s - snapshot_made_s)})
    if row is not None and row.gone:
        row = None
    if grant is not None and (row is None or grant.issued_at_s > snapshot_made_s):
        per_sale_minor, funds_minor = grant.per_sale_minor, grant.offline_minor
        max_sales, price_class = grant.max_sales, grant.price_class
    elif row is not None:
        per_sale_minor, funds_minor = row.per_sale_minor, min(row.offline_minor, row.purse_minor)
        max_sales, price_class = row.max_sales, row.price_class
    else:
        return Decline(Why.STOPPED)
    if pending.sales >= max_sales:
        return Decline(Why.TOO_MANY_SALES, {"max_count": max_sales})
    account_ref = grant.account_ref if grant is not None else row.account_ref if row is not None else 0
    return Person(
        account_ref=account_ref,
        price_class=price_class,
        purse_minor=min(funds_minor, step.person_minor) - pending.purse_minor,
        per_sale_minor=min(per_sale_minor, step.sale_minor),
        groups=row.groups if row is not None else (),
        lots=_lots_left(row.lots, pending, now_s=now_s) if row is not None else (),
        used=add_used(row.used if row is not None else (), pending.used),
        lists=row.lists if row is not None else (),
        avoid=row.avoid if row is not None else (),
        guards=row.guards if row is not None else (),
        tallies=add_tallies(row.tallies if row is not None else (), pending.tallies),
        last_s=max(row.last_s if row is not None else 0, pending.last_s),
        purse_only=row is None,
    )


def add_pending(here: Pending, there: Pending) -> Pending:
    """What is known of one person from two places that share no sale."""
    if not there.sales:
        return here
    return Pending(
        purse_minor=here.purse_minor + there.purse_minor,
        sales=here.sales + there.sales,
        lots={lot: here.lots.get(lot, 0) + there.lots.get(lot, 0) for lot in here.lots.keys() | there.lots.keys()},
        used=add_used(here.used, there.used),
        tallies=add_tallies(here.tallies, there.tallies),
        last_s=max(here.last_s, there.last_s),
    )


def age_step(ages: tuple[AgeStep, ...], *, age_s: int) -> AgeStep | None:
    """The first step that still covers a snapshot of this age; None means stop selling offline."""
    return next((step for step in ages if age_s <= step.up_to_s), None)


def add_used(known: tuple[Used, ...], more: Iterable[Used]) -> tuple[Used, ...]:
    """What was spent, added up by business date, in the order the dates are met."""
    by_date = {used.business_date: used for used in known}
    for used in more:
        has = by_date.get(used.business_date, Used(used.business_date, 0, 0, 0))
        by_date[used.business_date] = Used(
            used.business_date,
            has.total_minor + used.total_minor,
            has.purse_minor + used.purse_minor,
            has.count + used.count,
        )
    return tuple(by_date.values())


def add_tallies(known: tuple[Tally, ...], more: Iterable[Tally]) -> tuple[Tally, ...]:
    """The same for windows and scopes, by key and scope."""
    sums = {(tally.key, tally.scope): tally for tally in known}
    for tally in more:
        has = sums.get((tally.key, tally.scope))
        sums[tally.key, tally.scope] = (
            tally
            if has is None
            else Tally(
                tally.key,
                tally.scope,
                has.total_minor + tally.total_minor,
                has.purse_minor + tally.purse_minor,
                has.count + tally.count,
            )
        )
    return tuple(sums.values())


def _lots_left(lots: tuple[Lot, ...], pending: Pending, *, now_s: int) -> tuple[Lot, ...]:
    """The lots with what is left in them, no more than MAX_LOTS."""
    left = []
    for lot in lots:
        remaining_minor = lot.remaining_minor - pending.lots.get(lot.id, 0)
        if remaining_minor > 0:
            left.append(Lot(lot.id, lot.programme, remaining_minor, lot.expires_s))
    return looked_at(left, now_s=now_s)


def looked_at(lots: Sequence[Lot], *, now_s: int) -> tuple[Lot, ...]:
    """Those that a sale looks at where there are more than MAX_LOTS.

    Of each programme the lot that runs out first, then of each the second, and so on; expired ones last of all. So a
    pile of vouchers for one place does not hide the only subsidy for another.
    """
    if len(lots) <= MAX_LOTS:
        return tuple(lots)
    before: Counter[int] = Counter()
    placed: list[tuple[bool, int, int, int, Lot]] = []
    for lot in sorted(lots, key=lambda lot: (lot.expires_s <= now_s, lot.expires_s, lot.id)):
        placed.append((lot.expires_s <= now_s, before[lot.programme], lot.expires_s, lot.id, lot))
        before[lot.programme] += 1
    return tuple(each[-1] for each in sorted(placed, key=lambda each: each[:-1])[:MAX_LOTS])
