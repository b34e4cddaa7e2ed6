"""Why a change to a cardholder is refused."""

from __future__ import annotations


class CardholderError(Exception):
    """The family. Nothing was changed."""


class NumberTaken(CardholderError):
    """The caller gave a number that another cardholder has; `args[0]` names it."""


class CardholderClosed(CardholderError):
    """The caller asked for something that only an active cardholder can have."""


class PurseNotEmpty(CardholderError):
    """The account cannot be closed while its purse has money, a debt or a hold."""


class BadLimits(CardholderError):
    """The administrator gave limits that no payment code can carry; `args[0]` says which."""


class NotUploaded(CardholderError):
    """The caller gave members for a list by attributes, or conditions for an uploaded one; `args[0]` is its code."""
