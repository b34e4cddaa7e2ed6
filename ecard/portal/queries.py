"""What a cardholder sees of their own money and sales. Each answer costs a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from django.utils.translation import gettext as _

from devices.core.money import format_minor
from devices.core.policy import Text
from ecard.benefits.models import Programme
from ecard.benefits.queries import lots_of
from ecard.cardholders.models import Group
from ecard.cardholders.values import CardholderView
from ecard.ledger.queries import funds
from ecard.portal.values import Benefit, Day, LegShown, LineShown, PurseShown, SaleDetail, SaleShown, SalesPage, Summary
from ecard.settlement.queries import SaleUnreadable, bought, explain_many, sale_view, sales_of
from ecard.settlement.values import SaleView

RECENT_SALES = 10
SALES_PER_PAGE = 20
CURSOR_LENGTH_MAX = 60

Cursor = tuple[datetime, int]


def purse_of(cardholder: CardholderView, *, at: datetime) -> PurseShown:
    """Balance, held, and what is left of benefits; first to expire first."""
    money = funds([cardholder.purse_id])[cardholder.purse_id]
    lots = lots_of([cardholder.account_ref], at=at).get(cardholder.account_ref, ())
    names = {each.pk: each.shown_name for each in Programme.objects.filter(pk__in={lot.programme for lot in lots})}
    left: dict[tuple[int, int], int] = {}
    for lot in lots:
        key = (lot.programme, lot.expires_s)
        left[key] = left.get(key, 0) + lot.remaining_minor
    benefits = tuple(
        Benefit(names.get(programme, _("Benefit")), remaining_minor, datetime.fromtimestamp(expires_s, UTC))
        for (programme, expires_s), remaining_minor in left.items()
    )
    return PurseShown(money.balance_minor, money.held_minor, benefits)


def summary_of(cardholder: CardholderView, *, language: str, at: datetime) -> Summary:
    """The purse and the newest sales with their reasons."""
    views = sales_of(cardholder.account_ref, limit=RECENT_SALES)
    reasons = _reasons([view.id for view in views], language=language)
    return Summary(
        name=cardholder.name,
        number=cardholder.number,
        group=Group.objects.get(pk=cardholder.group_id).shown_name,
        purse=purse_of(cardholder, at=at),
        sales=tuple(_shown(view, reasons=reasons.get(view.id, ()), language=language) for view in views),
    )


def sales_page(cardholder: CardholderView, *, before: str, language: str, at: datetime) -> SalesPage:
    """A page of sales by business date. A cursor that is not one gives the newest page."""
    cursor = read_cursor(before)
    views = sales_of(cardholder.account_ref, before=cursor, limit=SALES_PER_PAGE + 1)
    shown = [_shown(view, language=language) for view in views[:SALES_PER_PAGE]]
    has_more = len(views) > SALES_PER_PAGE
    return SalesPage(
        purse=purse_of(cardholder, at=at),
        days=tuple(Day(date, tuple(sales)) for date, sales in groupby(shown, key=lambda sale: sale.business_date)),
        is_later=cursor is not None,
        next_before=write_cursor((shown[-1].taken_at, shown[-1].id)) if has_more else "",
    )


def sale_detail(cardholder: CardholderView, *, sale_id: int, language: str) -> SaleDetail | None:
    """One sale of this cardholder with its reasons and who paid; None where it is not theirs."""
    view = sale_view(sale_id, account_ref=cardholder.account_ref)
    if view is None:
        return None
    reasons = _reasons([sale_id], language=language).get(sale_id, ())
    return SaleDetail(
        sale=_shown(view, reasons=reasons, language=language),
        lines=_lines(sale_id, language=language),
        legs=_legs(view),
        terminal_id=view.terminal_id,
        policy=view.policy,
    )


def write_cursor(cursor: Cursor) -> str:
    """A cursor as it stands in an address."""
    taken_at, sale_id = cursor
    return f"{int(taken_at.timestamp() * 1_000_000)}-{sale_id}"


def read_cursor(text: str) -> Cursor | None:
    """The cursor in an address, or None for anything else."""
    stamp, dash, sale_id = text[:CURSOR_LENGTH_MAX].partition("-")
    if not dash or not all(part.isascii() and part.isdecimal() and len(part) <= 18 for part in (stamp, sale_id)):
        return None
    seconds, microseconds = divmod(int(stamp), 1_000_000)
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds), int(sale_id)
    except (ValueError, OverflowError, OSError):
        return None


def _shown(view: SaleView, *, language: str, reasons: Sequence[str] = ()) -> SaleShown:
    return SaleShown(
        id=view.id,
        outlet=Text(view.outlet_name, view.outlet_name_en).in_language(language),
        taken_at=view.taken_at,
        business_date=view.business_date,
        amount_minor=view.amount_minor,
        benefit_minor=view.benefit_minor,
        suspense_minor=view.suspense_minor,
        reversed_at=view.reversed_at,
        reasons=tuple(reasons),
    )


def _legs(view: SaleView) -> tuple[LegShown, ...]:
    parts = (
        LegShown(_("Your purse"), view.purse_minor),
        LegShown(_("Benefits"), view.benefit_minor),
        LegShown(_("The institution, for you"), view.loss_minor),
        LegShown(_("Being looked at"), view.suspense_minor),
    )
    return tuple(part for part in parts if part.amount_minor)


def _lines(sale_id: int, *, language: str) -> tuple[LineShown, ...]:
    try:
        lines = bought(sale_id)
    except SaleUnreadable:
        return ()
    if all(line.name is None for line in lines):
        return ()
    return tuple(
        LineShown(
            line.name.in_language(language) if line.name is not None else _("Other"),
            line.quantity,
            format_minor(line.amount_minor),
        )
        for line in lines
    )


def _reasons(sale_ids: Sequence[int], *, language: str) -> Mapping[int, Sequence[str]]:
    try:
        return explain_many(sale_ids, language=language)
    except SaleUnreadable:
        return {}  # the money is still told; the nightly audit reports the damage
