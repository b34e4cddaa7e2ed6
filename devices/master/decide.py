"""One tap decided, up to the record that must be durable before anything is shown. No clock, no storage of its own."""

from collections.abc import Callable
from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from devices.core import accept
from devices.core.accept import Genuine, Trust
from devices.core.catalogue import Catalogue
from devices.core.declines import Decline, Why
from devices.core.evaluate import evaluate, place
from devices.core.funds import Pending, PersonRow, age_step, person_state
from devices.core.journal import Facts, SaleRecord
from devices.core.messages import Parameters
from devices.core.policy import AgeStep, Policy, in_force
from devices.core.quote import Line, Person, Quote, Tap
from devices.core.windows import keys_of
from devices.journal.values import Presented
from devices.master.screen import Said
from devices.store.held import Held

FACTS_FORMAT = 2
"""The journal format that knows what a device adds to a sale."""
FORGET_AFTER_S = 24 * 3600
"""Codes taken are remembered this much longer than they can live, whatever the clock does in between."""


def _as_published(table: tuple[AgeStep, ...], _snapshot_made_s: int, _now_s: int) -> tuple[AgeStep, ...]:
    return table


class Memory(msgspec.Struct, frozen=True):
    """What this terminal knows, asked only once a code has proved genuine."""

    find: Callable[[int], tuple[Held, PersonRow | None]]
    pending: Callable[[int], Pending]
    last_presented_s: Callable[[bytes], int | None]
    zone: Callable[[str], tzinfo]
    ages: Callable[[tuple[AgeStep, ...], int, int], tuple[AgeStep, ...]] = _as_published
    """The policy's age table, the snapshot's stamp and now: the table in force."""


class Tapped(msgspec.Struct, frozen=True):
    """A card known by its number, and whose it is by the snapshot."""

    name: str
    account_ref: int


class Sale(msgspec.Struct, frozen=True):
    """An approved sale, to be journaled; without a `code` it was a card."""

    record: SaleRecord
    name: str
    policy: Policy
    catalogue: Catalogue | None
    code: Genuine | None

    @property
    def presented(self) -> Presented | None:
        """The code as the journal remembers it."""
        return remembered(self.code)


class Declined(msgspec.Struct, frozen=True):
    """A decline, with what is known of whom and of which rules, for the words; `said` takes the sentence's place."""

    decline: Decline
    name: str = ""
    quote: Quote | None = None
    policy: Policy | None = None
    catalogue: Catalogue | None = None
    said: Said | None = None


def decide(
    text: str,
    *,
    code: Genuine | Tapped,
    memory: Memory,
    at_ms: int,
    seq: int,
    basket: tuple[Line, ...],
    facts: Facts | None = None,
) -> Sale | Declined:
    """Whether this code or card pays for the basket here and now; an empty one asks for a meal by identity."""
    now_s = at_ms // 1000
    genuine = code if isinstance(code, Genuine) else None
    used = used_before(genuine, memory=memory, now_s=now_s)
    if used is not None:
        return Declined(used)
    held, row = memory.find(code.account_ref)
    name = row.name if row is not None else ""
    denied = stopped(code, held)
    policy = in_force(held.policies, at_s=now_s)
    if denied is not None:
        return Declined(denied, name)
    if policy is None:
        return Declined(Decline(Why.NOT_READY), name)
    ages = memory.ages(policy.ages, held.made_s, now_s)
    person = _state(code, held=held, row=row, ages=ages, memory=memory, now_s=now_s)
    if isinstance(person, Decline):
        return Declined(person, name, policy=policy)
    tap = here(held.parameters, zone=memory.zone, policy=policy, now_s=now_s)
    person = _that_counts(person, tap)
    quote = evaluate(policy=policy, person=person, tap=tap, basket=basket)
    if quote.decline is not None:
        return Declined(_aged(quote.decline, ages, age_s=now_s - held.made_s), name, quote, policy, held.catalogue)
    return sold(
        text,
        code=code,
        held=held,
        name=name,
        policy=policy,
        person=person,
        tap=tap,
        basket=basket,
        quote=quote,
        at_ms=at_ms,
        seq=seq,
        facts=facts,
    )


def sold(
    text: str,
    *,
    code: Genuine | Tapped,
    held: Held,
    name: str,
    policy: Policy,
    person: Person,
    tap: Tap,
    basket: tuple[Line, ...],
    quote: Quote,
    at_ms: int,
    seq: int,
    facts: Facts | None,
    authorised: bool = False,
) -> Sale:
    """The sale that an approving quote makes."""
    record = SaleRecord(
        seq=seq,
        at_ms=at_ms,
        account_ref=code.account_ref,
        evidence=text,
        shown_minor=quote.amount_minor,
        person=person,
        tap=tap,
        basket=basket,
        quote=quote,
        snapshot=(held.generation, held.number),
        snapshot_made_s=held.made_s,
        facts=facts if held.parameters.journal >= FACTS_FORMAT else None,
        authorised=authorised,
    )
    return Sale(record, name, policy, held.catalogue, code if isinstance(code, Genuine) else None)


def recognise(text: str, *, trust: Trust, now_s: int) -> Genuine | Decline:
    """Whether the text is a genuine code at this moment; nothing about its holder yet."""
    return accept.read(text, trust=trust, now_s=now_s)


@lru_cache(maxsize=8)
def zone_of(name: str) -> ZoneInfo:
    """The site's zone; the store admits only names that exist."""
    return ZoneInfo(name)


def remembered(genuine: Genuine | None) -> Presented | None:
    """A code as the journal keeps it; a card is the same each time."""
    if genuine is None:
        return None
    code = genuine.code
    return Presented(code.code_id, accept.presented_at(code), code.not_after_s + FORGET_AFTER_S)


def used_before(genuine: Genuine | None, *, memory: Memory, now_s: int) -> Decline | None:
    """Whether this very code was taken already, here or nearby; a card is the same each time."""
    if genuine is None:
        return None
    return accept.used_before(genuine.code, last_s=memory.last_presented_s(genuine.code.code_id), now_s=now_s)


def stopped(code: Genuine | Tapped, held: Held) -> Decline | None:
    """Hold it against the deny list. Codes of a lost phone are refused, the holder's card is not."""
    if isinstance(code, Genuine):
        return accept.denied(code.grant, denials=held.denials)
    return Decline(Why.STOPPED) if held.denials.get(code.account_ref) == accept.FOREVER_S else None


def here(where: Parameters, *, zone: Callable[[str], tzinfo], policy: Policy, now_s: int) -> Tap:
    """The moment and the place of this tap, as rules know them."""
    return place(
        at_s=now_s,
        zone=zone(where.zone),
        site=where.site,
        outlet=where.outlet,
        day_starts_min=where.day_starts_min,
        policy=policy,
    )


def _state(
    code: Genuine | Tapped, *, held: Held, row: PersonRow | None, ages: tuple[AgeStep, ...], memory: Memory, now_s: int
) -> Person | Decline:
    """What they may spend, by the snapshot, the code, what was sold since and the snapshot's age."""
    return person_state(
        grant=code.grant if isinstance(code, Genuine) else None,
        row=row,
        snapshot_made_s=held.made_s,
        pending=memory.pending(code.account_ref),
        ages=ages,
        now_s=now_s,
    )


def _that_counts(person: Person, tap: Tap) -> Person:
    """Without the sums of other windows than this tap's: they decide nothing, and the record is kept small."""
    keys = keys_of(tap.business_date, tap.period)
    tallies = tuple(tally for tally in person.tallies if tally.key in keys)
    return person if len(tallies) == len(person.tallies) else msgspec.structs.replace(person, tallies=tallies)


def _aged(decline: Decline, ages: tuple[AgeStep, ...], *, age_s: int) -> Decline:
    """Say it where the limit is so low because the snapshot is old: going online helps, another amount need not."""
    if decline.why is not Why.OVER_SALE_LIMIT or not ages:
        return decline
    step = age_step(ages, age_s=age_s)
    if step is None or step == ages[0] or decline.params.get("limit_minor") != step.sale_minor:
        return decline
    return Decline(Why.OVER_AGED_LIMIT, decline.params)
