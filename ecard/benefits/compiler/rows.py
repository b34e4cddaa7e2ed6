"""One row of a table as a policy has it. The relations are read as prefetched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Literal, Protocol, cast

from devices.core import policy as core
from devices.core.policy import Source, Text, Where, Who
from devices.core.quote import Guard
from ecard.benefits.models import (
    Addressed,
    AgeStep,
    Block,
    Entitlement,
    GuardianLimit,
    Placed,
    PolicySettings,
    PriceRule,
    Programme,
    ProgrammeKind,
    SpendLimit,
)
from ecard.merchants.models import MealPeriod
from ecard.merchants.rules import MINUTES_PER_DAY

PLACES = ("sites", "outlets", "periods", "categories")
PEOPLE = ("classes", "groups", "lists")


class _Called(Protocol):
    name: Any
    name_en: Any


def text_of(named: _Called) -> Text:
    """A row's name in both languages."""
    return Text(named.name, named.name_en)


def where_of(placed: Placed) -> Where:
    """Ids in order, so that the same rule is always the same value."""
    return Where(
        sites=_ids(placed.sites.all()),
        outlets=_ids(placed.outlets.all()),
        periods=_ids(placed.periods.all()),
        weekdays=tuple(sorted(set(placed.weekdays))),
        categories=_ids(placed.categories.all()),
        from_date=_date(placed.from_date),
        to_date=_date(placed.to_date),
    )


def who_of(addressed: Addressed) -> Who:
    """Classes by their code, groups and lists by their id."""
    return Who(
        classes=tuple(sorted(each.code for each in addressed.classes.all())),
        groups=_ids(addressed.groups.all()),
        lists=_ids(addressed.lists.all()),
    )


def _ids(rows: Iterable[Any]) -> tuple[int, ...]:
    return tuple(sorted(row.pk for row in rows))


def _date(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


def period_of(period: MealPeriod) -> core.MealPeriod:
    """One meal period. Past midnight the model counts on; the policy starts the clock again."""
    end = period.end_minute
    return core.MealPeriod(
        id=period.pk,
        site=period.site_id,
        name=text_of(period),
        start_min=period.start_minute,
        end_min=end if end <= MINUTES_PER_DAY else end - MINUTES_PER_DAY,
        weekdays=tuple(sorted(set(period.weekdays))),
    )


def price_rule(rule: PriceRule) -> core.PriceRule:
    """One price rule as a policy has it."""
    return core.PriceRule(
        id=rule.pk,
        name=text_of(rule),
        who=who_of(rule),
        where=where_of(rule),
        percent_bp=rule.percent_bp,
        add_minor=rule.add_minor,
        round_to_minor=rule.round_to_minor,
        rounding=cast(Literal["half_up", "up", "down"], str(rule.rounding)),
    )


def programme_of(programme: Programme) -> core.Programme:
    """One programme as a policy has it: how its lots are spent. Who gets them and when, `terms_of` says."""
    voucher = programme.kind == ProgrammeKind.VOUCHER
    return core.Programme(
        id=programme.pk,
        name=text_of(programme),
        where=where_of(programme),
        part_payment=programme.part_payment,
        order=programme.order,
        kind="voucher" if voucher else "subsidy",
        most_minor=programme.most_minor,
        threshold_minor=programme.threshold_minor if voucher else 0,
        percent_bp=programme.percent_bp if voucher else 0,
        alone=programme.alone and voucher,
        excludes=_ids(programme.excludes.all()) if voucher else (),
    )


def entitlement_of(entitlement: Entitlement) -> core.Entitlement:
    """One entitlement as a policy has it."""
    return core.Entitlement(
        id=entitlement.pk,
        name=text_of(entitlement),
        who=who_of(entitlement),
        where=where_of(entitlement),
        window=cast(core.Window, str(entitlement.window)),
        count=entitlement.count,
        agreed_minor=entitlement.agreed_minor,
        covers_minor=entitlement.covers_minor,
        order=entitlement.order,
    )


def limit_of(limit: SpendLimit) -> core.Limit:
    """One limit as a policy has it."""
    return core.Limit(
        id=limit.pk,
        name=text_of(limit),
        window=cast(core.Window, str(limit.window)),
        on="purse" if limit.on == "purse" else "total",
        who=who_of(limit),
        where=where_of(limit),
        max_minor=limit.max_minor,
        max_count=limit.max_count,
        min_gap_s=limit.min_gap_s,
    )


def block_of(block: Block) -> core.Block:
    """One restriction as a policy has it."""
    return core.Block(
        id=block.pk,
        name=text_of(block),
        who=who_of(block),
        where=where_of(block),
        products=_ids(block.products.all()),
        allergens=_ids(block.allergens.all()),
        avoided_only=block.avoided_only,
        action="warn" if block.action == "warn" else "refuse",
    )


def step_of(step: AgeStep) -> core.AgeStep:
    """One offline step as a policy has it."""
    return core.AgeStep(step.up_to_s, step.sale_minor, step.person_minor)


def settings_of(settings: PolicySettings) -> tuple[tuple[Source, ...], int, int]:
    """The order of sources as it stands (it may be none that a policy can have), vouchers a sale, low balance."""
    order = tuple(cast(Source, str(each)) for each in settings.funding_order)
    return order, settings.max_vouchers, settings.low_balance_minor


def guard_of(limit: GuardianLimit) -> Guard:
    """A guardian's limit as a snapshot carries it."""
    return Guard(
        id=limit.pk,
        window=cast(core.Window, str(limit.window)),
        max_minor=limit.max_minor,
        max_count=limit.max_count,
        categories=_ids(limit.categories.all()),
    )
