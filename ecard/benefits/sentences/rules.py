"""Prices, free meals, limits, restrictions and the order of payment, each in one sentence."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from devices.core.policy import Block, Entitlement, Limit, Policy, PriceRule
from devices.core.quote import Guard
from ecard.benefits.sentences.names import (
    Names,
    amount,
    clauses,
    days,
    each,
    goods,
    joined,
    listed,
    own,
    those_who,
    where,
    who,
)
from ecard.benefits.sentences.steps import age_text

WHOLE_BP = 10_000


def price_sentence(rule: PriceRule, names: Names) -> str:
    """Who pays what share of the list price, and where."""
    told = {
        "name": own(rule.name),
        "who": who(rule.who, names),
        "where": where(rule.where, names),
        "price": _price(rule),
        "goods": goods(rule.where, names),
    }
    if rule.where.categories:
        return _("“%(name)s”: for %(who)s %(goods)s cost %(price)s, %(where)s.") % told
    return _("“%(name)s”: for %(who)s the price is %(price)s, %(where)s.") % told


def _price(rule: PriceRule) -> str:
    told = {"percent": f"{rule.percent_bp / 100:g} %", "plus": amount(abs(rule.add_minor))}
    if rule.percent_bp == 0:
        said = told["plus"] if rule.add_minor > 0 else amount(0)
    elif rule.percent_bp == WHOLE_BP and not rule.add_minor:
        said = _("the list price")
    elif rule.percent_bp == WHOLE_BP:
        said = (_("%(plus)s above the list price") if rule.add_minor > 0 else _("%(plus)s below the list price")) % told
    elif not rule.add_minor:
        said = _("%(percent)s of the list price") % told
    elif rule.add_minor > 0:
        said = _("%(percent)s of the list price plus %(plus)s") % told
    else:
        said = _("%(percent)s of the list price less %(plus)s") % told
    if rule.round_to_minor <= 1:
        return said
    rounded = {
        "half_up": _("%(price)s, rounded to the nearest %(step)s"),
        "up": _("%(price)s, rounded up to a multiple of %(step)s"),
        "down": _("%(price)s, rounded down to a multiple of %(step)s"),
    }[rule.rounding]
    return rounded % {"price": said, "step": amount(rule.round_to_minor)}


def entitlement_sentence(rule: Entitlement, names: Names) -> str:
    """Who eats free, how often and where, and what the sponsor bears."""
    told = {
        "name": own(rule.name),
        "who": those_who(rule.who, names),
        "where": where(rule.where, names),
        "often": _often(rule),
        "agreed": amount(rule.agreed_minor),
        "covered": amount(rule.covers_minor),
        "goods": goods(rule.where, names),
    }
    if rule.where.categories:
        said = _("“%(name)s”: %(who)s get %(goods)s free, %(often)s, %(where)s") % told
    else:
        said = _("“%(name)s”: %(who)s eat free, %(often)s, %(where)s") % told
    if rule.covers_minor:
        said = clauses((said, _("up to a price of %(covered)s") % told))
    return _("%(said)s; the sponsor bears %(agreed)s each time.") % {"said": said, **told}


def _often(rule: Entitlement) -> str:
    if rule.window == "sale":
        return _("every time")
    often = _("once %(window)s") if rule.count == 1 else _("%(count)d times %(window)s")
    return often % {"count": rule.count, "window": each(rule.window)}


def limit_sentence(limit: Limit, names: Names) -> str:
    """Who may spend how much, how often, and where."""
    told = {
        "name": own(limit.name),
        "who": who(limit.who, names),
        "where": where(limit.where, names),
        "goods": goods(limit.where, names),
    }
    parts = []
    if limit.max_minor is not None:
        parts.append(_amount_limit(limit))
    if limit.max_count is not None and limit.window != "sale":
        counted = ngettext("at most %(count)d sale %(window)s", "at most %(count)d sales %(window)s", limit.max_count)
        parts.append(counted % {"count": limit.max_count, "window": each(limit.window)})
    if limit.min_gap_s:
        parts.append(_("not within %(gap)s of the last sale") % {"gap": age_text(limit.min_gap_s)})
    told["what"] = _(" and ").join(parts)
    if limit.where.categories:
        return _("“%(name)s”: for %(who)s, %(what)s on %(goods)s, %(where)s.") % told
    return _("“%(name)s”: for %(who)s, %(what)s, %(where)s.") % told


def _amount_limit(limit: Limit) -> str:
    text = (
        _("at most %(amount)s %(window)s") if limit.on == "total" else _("at most %(amount)s of the purse %(window)s")
    )
    return text % {"amount": amount(limit.max_minor or 0), "window": each(limit.window)}


def block_sentence(block: Block, names: Names) -> str:
    """What is not sold to whom, or warned of."""
    told = {
        "name": own(block.name),
        "who": who(block.who, names),
        "where": where(block.where, names),
        "goods": _blocked(block, names),
    }
    if block.avoided_only and block.allergens:
        told["who"] = _("%(who)s who avoid it") % {"who": those_who(block.who, names)}
    elif block.action == "warn":
        told["who"] = those_who(block.who, names)
    if block.action == "warn":
        return _("“%(name)s”: %(who)s are warned of %(goods)s, %(where)s.") % told
    return _("“%(name)s”: %(goods)s may not be sold to %(who)s, %(where)s.") % told


def _blocked(block: Block, names: Names) -> str:
    named = [*listed(block.where.categories, names.categories), *listed(block.products, names.products)]
    told = {"goods": joined(named), "allergens": joined(listed(block.allergens, names.allergens))}
    if not block.allergens:
        return told["goods"] if named else pgettext("a restriction without goods", "nothing")
    return (_("%(goods)s with %(allergens)s") if named else _("whatever contains %(allergens)s")) % told


def guard_sentence(guard: Guard, names: Names) -> str:
    """What a guardian allows, without saying to whom."""
    told = {"goods": joined(listed(guard.categories, names.categories)), "window": each(guard.window)}
    if guard.categories:
        if not guard.max_minor:
            return _("No %(goods)s.") % told
        return _("At most %(amount)s on %(goods)s a sale.") % {**told, "amount": amount(guard.max_minor)}
    parts = []
    if guard.max_minor is not None:
        parts.append(_("at most %(amount)s %(window)s") % {**told, "amount": amount(guard.max_minor)})
    if guard.max_count is not None and guard.window != "sale":
        counted = ngettext("at most %(count)d sale %(window)s", "at most %(count)d sales %(window)s", guard.max_count)
        parts.append(counted % {**told, "count": guard.max_count})
    said = _(" and ").join(parts)
    return _("%(limits)s.") % {"limits": said[:1].upper() + said[1:]}


def settings_sentence(policy: Policy) -> str:
    """From what a sale is paid, in which order."""
    called = {
        "entitlement": _("free meals"),
        "voucher": _("vouchers"),
        "lots": _("subsidies"),
        "purse": _("the purse"),
    }
    order = pgettext("one source after the other", ", then ").join(called[source] for source in policy.funding_order)
    most = ngettext(
        "A sale is paid from %(order)s; %(count)d voucher at most in one sale.",
        "A sale is paid from %(order)s; %(count)d vouchers at most in one sale.",
        policy.max_vouchers,
    ) % {"order": order, "count": policy.max_vouchers}
    if not policy.low_balance_minor:
        return most
    low = _("Whoever has less than %(amount)s left is told so.") % {"amount": amount(policy.low_balance_minor)}
    return _("%(first)s %(second)s") % {"first": most, "second": low}


def place_sentences(policy: Policy, names: Names) -> list[tuple[tuple[str, int], str]]:
    """The meal periods of a policy, each with its key."""
    said = []
    for period in policy.periods:
        told = {
            "name": own(period.name),
            "site": joined(listed([period.site], names.sites)),
            "start": _clock(period.start_min),
            "end": _clock(period.end_min),
            "days": days(period.weekdays),
        }
        sentence = (
            _("%(name)s at %(site)s is from %(start)s to %(end)s on %(days)s.")
            if period.weekdays
            else _("%(name)s at %(site)s is from %(start)s to %(end)s.")
        )
        said.append((("period", period.id), sentence % told))
    return said


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
