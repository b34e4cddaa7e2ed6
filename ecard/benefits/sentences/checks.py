"""What a check found, in sentences that say what to do about it."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecard.benefits.rules.overlap import Because, Overlap
from ecard.benefits.rules.problems import Problem, ProblemCode
from ecard.benefits.rules.values import Finding, FindingCode
from ecard.benefits.sentences.names import Names, amount, clauses, goods, joined, listed, own, where, who


def problem_sentence(problem: Problem) -> str:
    """Why a policy cannot be published, for the administrator."""
    told = {"rule": problem.rule, "named": problem.named}
    return {
        ProblemCode.UNKNOWN_SITE: _("“%(rule)s” names a site that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_OUTLET: _("“%(rule)s” names an outlet that is closed or not there (%(named)s)."),
        ProblemCode.UNKNOWN_PERIOD: _("“%(rule)s” names a meal period that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_CLASS: _("“%(rule)s” names a price class that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_GROUP: _("“%(rule)s” names a group that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_LIST: _("“%(rule)s” names a list of people that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_CATEGORY: _("“%(rule)s” names a product category that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_ALLERGEN: _("“%(rule)s” names an allergen that is not there (%(named)s)."),
        ProblemCode.UNKNOWN_PRODUCT: _("“%(rule)s” names a product that is not there (%(named)s)."),
        ProblemCode.NEVER_APPLIES: _("“%(rule)s” can never apply: its places and meal periods are of different sites."),
        ProblemCode.NO_STEPS: _("There are no offline steps: terminals would never sell out of contact."),
        ProblemCode.STEPS_GROW: _("An older offline step allows more than a newer one."),
        ProblemCode.TOO_MANY_RULES: _("There are more rules than a terminal can hold."),
        ProblemCode.TOO_MANY_CATEGORY_SETS: _(
            "Benefits are for more than %(named)s different sets of product categories, “%(rule)s” among them:"
            " choose the same categories for several of them."
        ),
        ProblemCode.BAD_ORDER: _(
            "The order of payment names a source twice or none, or free meals after another: put it in order again."
        ),
        ProblemCode.STARTS_IN_THE_PAST: _("A policy starts now or later, never in the past."),
        ProblemCode.UNREADABLE: _("The policy cannot be read back as it was written (%(rule)s)."),
        ProblemCode.BEING_EDITED: _("Somebody is saving changes to the rules at this moment. Try again."),
    }[problem.code] % told


def finding_sentence(finding: Finding, names: Names) -> str:
    """What is odd, and what to do about it."""
    told = {
        "rule": own(finding.rule),
        "other": own(finding.other) if finding.other is not None else "",
        "amount": amount(finding.amount_minor),
        "count": finding.amount_minor,
        "goods": joined(listed(finding.named, names.categories)) if finding.named else "",
        "classes": joined(listed(finding.named, names.classes)) if finding.named else "",
    }
    if finding.code is FindingCode.NOT_SOLD and not finding.named:
        return _("“%(rule)s” is about products that none of its outlets sells: give them a button there.") % told
    if finding.code in (FindingCode.UNPRICED, FindingCode.SELLS_NOTHING):
        return _people_sentence(finding) % {**told, "people": finding.amount_minor}
    return _findings()[finding.code] % told


def _people_sentence(finding: Finding) -> str:
    if finding.code is FindingCode.UNPRICED:
        return ngettext(
            "No price rule is for “%(rule)s” (%(people)d person), though others have one: they pay the list price."
            " Add the group to a rule if that is not meant.",
            "No price rule is for “%(rule)s” (%(people)d people), though others have one: they pay the list price."
            " Add the group to a rule if that is not meant.",
            finding.amount_minor,
        )
    return ngettext(
        "Terminals sell nothing to “%(rule)s” (%(people)d person): its limit for a sale is 0. Raise it.",
        "Terminals sell nothing to “%(rule)s” (%(people)d people): its limit for a sale is 0. Raise it.",
        finding.amount_minor,
    )


def _findings() -> dict[FindingCode, str]:
    return {
        FindingCode.TIED_PRICES: _(
            "“%(rule)s” and “%(other)s” are equally specific and for some of the same sales: there “%(other)s” wins,"
            " as the older rule. Name more in the one that should win."
        ),
        FindingCode.DEAD_LIMIT: _(
            "“%(rule)s” never refuses anything: “%(other)s” always does so first. Take one of them out of use."
        ),
        FindingCode.SPONSOR_DRY: _(
            "“%(rule)s” is paid by %(other)s, whose budget is used up: raise the budget or choose another sponsor."
        ),
        FindingCode.EXCLUDES_EACH_OTHER: _(
            "“%(rule)s” and “%(other)s” exclude each other in a circle: say it of one of them alone."
        ),
        FindingCode.THRESHOLD_TOO_HIGH: _(
            "“%(rule)s” is for a price that nobody who gets it may pay at once (%(amount)s at most):"
            " lower it, or raise the limit for a sale."
        ),
        FindingCode.DATES_OVER: _("“%(rule)s” can never apply: its dates are over. Take it out of use."),
        FindingCode.DATES_REVERSED: _("“%(rule)s” can never apply: it ends before it begins. Exchange its dates."),
        FindingCode.NOT_SERVED_THEN: _(
            "“%(rule)s” can never apply: its meals are not served on its weekdays. Change one of the two."
        ),
        FindingCode.NO_SUCH_DAY: _("“%(rule)s” can never apply: its weekdays are none. Tick them anew."),
        FindingCode.GROUP_EMPTY: _("“%(rule)s” is for nobody: there is no one in %(other)s. Choose another group."),
        FindingCode.LIST_EMPTY: _("“%(rule)s” is for nobody: the list %(other)s is empty. Fill it."),
        FindingCode.CLASS_EMPTY: _("“%(rule)s” is for nobody: nobody is %(classes)s. Choose another price class."),
        FindingCode.NOBODY: _(
            "“%(rule)s” is for nobody: none of its groups is of one of its price classes. Leave one of the two open."
        ),
        FindingCode.NOT_SOLD: _(
            "“%(rule)s” is about %(goods)s, which none of its outlets sells: give such a product a button there."
        ),
        FindingCode.BLOCKS_NOTHING: _(
            "“%(rule)s” restricts nothing: choose a product category, a product or an allergen."
        ),
        FindingCode.NOBODY_GETS_IT: _(
            "Nobody gets “%(rule)s”: its groups, attributes and list leave no one. Widen them."
        ),
        FindingCode.NEVER_ISSUED: _("“%(rule)s” is not issued any more: its dates are over. Add new ones."),
        FindingCode.SOURCE_LEFT_OUT: _("“%(rule)s” never pays: its kind is not in the order of payment. Add it there."),
        FindingCode.PRICED_AT_NOTHING: _(
            "“%(rule)s” makes everything cost nothing, and a terminal sells nothing for ¥0."
            " Make it a free meal instead, or set a price."
        ),
        FindingCode.MANY_VOUCHER_SETS: _(
            "Of “%(rule)s” and the vouchers that can be held beside it one sale may have to try %(count)s sets, and"
            " terminals become slow. Allow fewer vouchers in one sale, or let some of them never go with another."
        ),
        FindingCode.NO_OFFLINE: _(
            "Nobody who is “%(rule)s” can buy at a terminal out of contact: give one of their groups an offline limit."
        ),
    }


def overlap_sentence(overlap: Overlap, names: Names) -> str:
    """Which of two price rules wins for whom and where, and why."""
    because = {
        Because.CATEGORIES: _("it names product categories"),
        Because.OUTLETS: _("it names outlets"),
        Because.PERIODS: _("it names meal periods"),
        Because.SITES: _("it names sites"),
        Because.WEEKDAYS: _("it names weekdays"),
        Because.LISTS: _("it names lists of people"),
        Because.GROUPS: _("it names groups"),
        Because.CLASSES: _("it names price classes"),
        Because.NUMBER: _("both are equally specific and it is the older rule"),
    }[overlap.because]
    place = where(overlap.where, names)
    products = goods(overlap.where, names)
    told = {
        "winner": own(overlap.winner.name),
        "loser": own(overlap.loser.name),
        "who": who(overlap.who, names),
        "where": clauses((place, _("on %(goods)s only") % {"goods": products})) if products else place,
        "because": because,
    }
    return _("For %(who)s, %(where)s: “%(winner)s” wins over “%(loser)s”, because %(because)s.") % told
