"""What happened, in a sentence for finance, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from devices.core.declines import Decline, Why
from devices.core.money import format_minor
from devices.core.policy import Text
from devices.core.sentences import decline_sentence
from ecard.benefits.sentences import age_text
from ecard.settlement.models import ExceptionKind, SaleException

_SENTENCES: Mapping[ExceptionKind, Promise | str] = {
    ExceptionKind.PURSE_SHORT: _(
        "The purse paid %(paid)s; the missing %(amount)s was booked to offline loss. The cardholder owes nothing."
    ),
    ExceptionKind.LOT_MISSING: _(
        "The terminal spent a benefit that is not this cardholder's (grant account %(lot)s). "
        "%(amount)s was booked to the sponsor, or to offline loss where there is none."
    ),
    ExceptionKind.LOT_EXPIRED: _(
        "The benefit (grant account %(lot)s) had expired when it was spent. Its sponsor pays %(amount)s."
    ),
    ExceptionKind.LOT_SHORT: _(
        "The benefit (grant account %(lot)s) paid %(paid)s; its sponsor pays the missing %(amount)s. "
        "It was probably spent at several terminals without a line."
    ),
    ExceptionKind.LOT_RETURNED: _(
        "What was left of the benefit (grant account %(lot)s) had gone back to its sponsor before this sale was "
        "uploaded. The sponsor pays %(amount)s; the cardholder pays what was shown."
    ),
    ExceptionKind.VOUCHER_TWICE: _(
        "The voucher (grant account %(lot)s) had been used before, in sale %(other)s; the terminal could not know of "
        "that. Its sponsor pays %(amount)s; the cardholder pays what was shown."
    ),
    ExceptionKind.VOUCHER_MOVED: _(
        "The voucher (grant account %(lot)s) belongs to another cardholder, who can still use it. "
        "Its sponsor pays %(amount)s; the cardholder pays what was shown."
    ),
    ExceptionKind.ENTITLEMENT_UNKNOWN: _(
        "The terminal gave a free meal by a rule that does not exist (%(entitlement)s). "
        "%(amount)s was booked to offline loss."
    ),
    ExceptionKind.ACCOUNT_CLOSED: _(
        "The account was closed. %(amount)s of the sale was booked to offline loss; the cardholder owes nothing."
    ),
    ExceptionKind.REVERSAL_CLOSED: _(
        "The account was closed when the sale was taken back. %(amount)s waits in suspense to be paid out."
    ),
    ExceptionKind.ACCOUNT_UNKNOWN: _("Nobody has this account. %(amount)s waits in suspense; the merchant was paid."),
    ExceptionKind.EVIDENCE_BAD: _(
        "The code kept with this sale does not hold (%(why)s). %(amount)s waits in suspense; the merchant was paid "
        "and the cardholder charged nothing."
    ),
    ExceptionKind.PRESENTED_TWICE: _(
        "The same code, shown at the same moment, was already posted as sale %(other)s. %(amount)s waits in suspense; "
        "the cardholder was charged once."
    ),
    ExceptionKind.RECORD_UNREADABLE: _(
        "The terminal sent a record that cannot be read (batch %(batch)s, place %(position)s). Nothing was booked."
    ),
    ExceptionKind.RECORD_INCONSISTENT: _(
        "The record contradicts itself (batch %(batch)s, place %(position)s). Nothing was booked."
    ),
    ExceptionKind.REVERSAL_UNKNOWN: _("A reversal names a sale that was never posted (sequence %(seq)s)."),
    ExceptionKind.REVERSAL_AGAIN: _("A reversal names a sale that was reversed before (sequence %(seq)s)."),
    ExceptionKind.STREAM_FORKED: _(
        "The terminal's journal went on from sequence %(said_seq)s, but the server holds other or later records "
        "(up to %(held_seq)s): an old image was restored, or the device was copied. All sales were taken as facts."
    ),
    ExceptionKind.STREAM_RESTARTED: _(
        "The terminal began a new journal that knows nothing of its earlier one. Sales that were not uploaded before "
        "are lost unless the old device is found."
    ),
    ExceptionKind.AUDIT_DIFFERS: _("Evaluated again, this sale comes out at %(again)s instead of %(amount)s."),
    ExceptionKind.OUTLET_UNKNOWN: _(
        "The sale names an outlet that does not exist (%(outlet)s); the terminal's own outlet was paid."
    ),
    ExceptionKind.OVER_LIMIT: _(
        "With this sale the day's limit of %(limit)s was passed: %(sold)s in all, at terminals of which each kept to "
        "what it knew. Everything was booked as shown."
    ),
    ExceptionKind.OVER_GUARD: _(
        "With this sale a guardian's limit of %(limit)s was passed: %(sold)s in all, at terminals of which each kept "
        "to what it knew. Everything was booked as shown."
    ),
    ExceptionKind.ENTITLEMENT_OVERUSED: _(
        "The free meal “%(name)s” was taken %(sold)s times, %(limit)s at most were meant; the terminals could not know "
        "of each other. Its sponsor paid %(amount)s for this one too; the cardholder pays what was shown."
    ),
    ExceptionKind.CARD_STOPPED: _(
        "The card had been stopped when it was tapped; the terminal had not heard of that. %(amount)s was booked as "
        "shown."
    ),
    ExceptionKind.TOO_SOON: _(
        "This sale came %(after_s)s after the cardholder's sale %(other)s; the rules ask for %(gap_s)s between two. "
        "The terminal could not know of the other sale. Everything was booked as shown."
    ),
    ExceptionKind.OVER_SALE: _(
        "%(sold)s is above the limit of %(limit)s for one sale. A terminal that has today's rules declines this: this "
        "one had old ones, or it is faulty and should be looked at. Everything was booked as shown."
    ),
}
_CARD_BAD = _(
    "The card kept with this sale does not hold (%(why)s). %(amount)s waits in suspense; the merchant was paid and "
    "the cardholder charged nothing."
)
_CARD_REPLACED = _(
    "The card had been replaced when it was tapped; the terminal had not heard of that. %(amount)s was booked as shown."
)
_OVER_LIMIT: Mapping[str, Promise | str] = {
    "period": _(
        "With this sale the limit of %(limit)s for one meal was passed: %(sold)s in all, at terminals of which each "
        "kept to what it knew. Everything was booked as shown."
    ),
    "week": _(
        "With this sale the week's limit of %(limit)s was passed: %(sold)s in all, at terminals of which each kept to "
        "what it knew. Everything was booked as shown."
    ),
    "month": _(
        "With this sale the month's limit of %(limit)s was passed: %(sold)s in all, at terminals of which each kept to "
        "what it knew. Everything was booked as shown."
    ),
}
_OTHER_ACCOUNT = _("it belongs to another account")


def exception_sentence(exception: SaleException) -> str:
    """One sentence or two: what happened, and where the money is."""
    kind = ExceptionKind(exception.kind)
    said: dict[str, object] = exception.params
    template = _SENTENCES[kind]
    if kind is ExceptionKind.OVER_LIMIT:
        template = _OVER_LIMIT.get(str(said.get("window")), template)
    if kind is ExceptionKind.CARD_STOPPED and said.get("how") == "replaced":
        template = _CARD_REPLACED
    if kind is ExceptionKind.EVIDENCE_BAD and said.get("medium") == "card":
        template = _CARD_BAD
    if "name" in said:
        said = said | {
            "name": Text(str(said["name"]), str(said.get("name_en", ""))).in_language(get_language() or "en")
        }
    shown = {
        "amount": format_minor(exception.amount_minor),
        **{name.removesuffix("_minor"): _shown(name, value) for name, value in said.items()},
    }
    return str(template) % _Known(shown)


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "?"


def _shown(name: str, value: object) -> str:
    if name == "why":
        if value not in set(Why):
            return str(_OTHER_ACCOUNT)
        return decline_sentence(Decline(Why(str(value))), language=get_language() or "en")
    if name.endswith("_s") and isinstance(value, int):
        return age_text(value)
    return format_minor(value) if name.endswith("_minor") and isinstance(value, int) else str(value)


_NOT_ADMISSIBLE: Mapping[str, Promise | str] = {
    "resolved": _("Somebody resolved it before."),
    "gap": _("Something earlier of this terminal is missing: take that in first."),
    "quarantined": _("Nothing in it goes on from what is held."),
}


def not_admissible_sentence(why: str) -> str:
    """Why an upload that was kept apart cannot be posted after all; `why` is NotAdmissible's word."""
    return str(_NOT_ADMISSIBLE.get(why, _("An upload of this kind cannot be posted.")))
