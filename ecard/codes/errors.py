"""Why keys are not made or used, and why codes are not issued."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


class CodesError(Exception):
    """The family. Nothing was changed."""


class RootFileError(CodesError):
    """The root file, or the passphrase for it, is not right: whoever keeps the root must look."""


class RootMissing(CodesError):
    """No root public key is pinned yet: the installation is not finished."""


class RootAlreadyPinned(CodesError):
    """Another root was pinned before; terminals hold it for ever, so it is not replaced."""


class SealBroken(CodesError):
    """Stored key material does not open: another key-encryption key, or rows altered in the database."""


class NoActiveKey(CodesError):
    """No root-signed key of this role may sign now: an administrator must have the key list signed."""


class SuccessorNotAnnounced(CodesError):
    """Rotation was asked for before the root signed the successor; `args[0]` says what to do."""


class KeyIdsUsedUp(CodesError):
    """All 256 key ids of a role were used; a new root and enrolment are needed."""


class KeyListRefused(CodesError):
    """The signed key list is not the draft that waits, or not signed by our root; `args[0]` says which."""


class RefusedWhy(StrEnum):
    """Why no code is issued to a person; the value is part of the API."""

    UNKNOWN = "unknown"
    CLOSED = "closed"
    STOPPED = "stopped"
    STOPPED_UNTIL = "stopped_until"
    BAD_DAYS = "bad_days"
    TOO_MANY = "too_many"


class IssueRefused(CodesError):
    """The person cannot have codes now, for the reason in `why`; the person or the office can mend it.

    `number` is what the sentence needs: a count of days or codes.
    """

    def __init__(self, why: RefusedWhy, *, number: int = 0) -> None:
        super().__init__(why.value)
        self.why = why
        self.number = number

    @property
    def sentence(self) -> str:
        """The reason in words, in the reader's language."""
        match self.why:
            case RefusedWhy.UNKNOWN:
                return _("There is no cardholder with this account.")
            case RefusedWhy.CLOSED:
                return _("This account is closed. Please ask the card office.")
            case RefusedWhy.STOPPED:
                return _("This account is stopped. Please ask the card office.")
            case RefusedWhy.STOPPED_UNTIL:
                return _("Codes of this account are stopped for now. Please try again later.")
            case RefusedWhy.BAD_DAYS:
                return ngettext(
                    "Codes are issued for today and the following day, each with a key of its own.",
                    "Codes are issued for today and the following %(days)d days, each with a key of its own.",
                    self.number,
                ) % {"days": self.number}
            case RefusedWhy.TOO_MANY:
                return _("At most %(count)d codes are issued to one person a day. Please try again tomorrow.") % {
                    "count": self.number
                }
