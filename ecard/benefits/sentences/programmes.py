"""How the lots of a programme may be spent, in one sentence: as far as a policy knows it."""

from __future__ import annotations

from django.utils.translation import gettext as _

from devices.core.policy import Programme
from ecard.benefits.sentences.names import Names, amount, clauses, goods, joined, listed, only_where, own

WHOLE_BP = 10_000


def programme_sentence(programme: Programme, names: Names) -> str:
    """What a grant or voucher of the programme pays, and where."""
    told = {"name": own(programme.name), "spent": spent(programme, names), "worth": worth(programme, 0)}
    if programme.kind == "subsidy":
        return _("“%(name)s” is a subsidy, %(spent)s.") % told
    if told["worth"]:
        return _("“%(name)s” is a voucher (%(worth)s), %(spent)s.") % told
    return _("“%(name)s” is a voucher, %(spent)s.") % told


def voucher_terms(programme: Programme, names: Names, *, value_minor: int) -> str:
    """One voucher's terms for whoever holds it: "15 off from 20, to be spent only at the gym"."""
    return clauses((worth(programme, value_minor), spent(programme, names)))


def subsidy_terms(programme: Programme, names: Names) -> str:
    """A subsidy's terms for whoever has it."""
    return spent(programme, names)


def worth(programme: Programme, value_minor: int) -> str:
    """What a voucher takes off; `value_minor` 0 where the policy does not know the value of a lot."""
    told = {
        "value": amount(value_minor),
        "percent": f"{programme.percent_bp / 100:g} %",
        "threshold": amount(programme.threshold_minor),
    }
    if programme.percent_bp == WHOLE_BP:
        said = _("a whole meal of up to %(value)s") if value_minor else _("a whole meal")
    elif programme.percent_bp:
        said = _("%(percent)s off, %(value)s at most") if value_minor else _("%(percent)s off")
    else:
        said = _("%(value)s off") if value_minor else ""
    if programme.threshold_minor:
        told["said"] = said % told
        return (_("%(said)s from a price of %(threshold)s") if said else _("from a price of %(threshold)s")) % told
    return said % told


def spent(programme: Programme, names: Names) -> str:
    """Where, when and on what, and beside what."""
    place, products = only_where(programme.where, names), goods(programme.where, names)
    told = {"where": place, "goods": products, "most": amount(programme.most_minor)}
    parts = [_("to be spent only %(where)s") % told if place else _("to be spent everywhere")]
    if products:
        parts.append(_("on %(goods)s only") % told)
    if programme.most_minor:
        parts.append(_("at most %(most)s of it a sale") % told)
    if not programme.part_payment:
        parts.append(_("only where it covers the whole rest"))
    if programme.alone:
        parts.append(_("never together with another voucher"))
    elif programme.excludes:
        others = joined(listed(programme.excludes, names.programmes))
        parts.append(_("never together with %(others)s") % {"others": others})
    return clauses(parts)
