"""Why something was not approved, or may not go ahead. Nothing was written; each says so in the reader's language."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class ApprovalError(Exception):
    """The family. `sentence` is for the person at the screen."""

    words: str | Promise = ""

    @property
    def sentence(self) -> str:
        """Why, in the reader's language."""
        return str(self.words)

    def __str__(self) -> str:
        return self.sentence


class NotPermitted(ApprovalError):
    """The person lacks the right to decide such matters."""

    words = _("You do not have the right to decide this.")


class SamePerson(ApprovalError):
    """The asker tried to decide their own request under the rule of the second person."""

    words = _("Whoever asked cannot approve or refuse: a second person has to.")


class OneHand(SamePerson):
    """The asker may hold the deciding login too, or the other way round: one made it or set its password lately."""

    def __init__(self, days: int) -> None:
        super().__init__(days)
        self.days = days

    @property
    def sentence(self) -> str:
        return gettext(
            "One of these two logins made the other within %(days)d days, let it approve or set its password."
            " Somebody else has to approve."
        ) % {"days": self.days}


class NotReauthenticated(ApprovalError):
    """A single administrator approved without giving the password again."""

    words = _("Give your password again: there is no second person to approve.")


class OwnerNotTold(ApprovalError):
    """The notice to the owner could not be sent: the mail server is at fault, and nothing was approved."""

    words = _("The owner could not be told by e-mail, so nothing was approved. Try again later.")


class AlreadyDecided(ApprovalError):
    """The request was decided, withdrawn or used by somebody else meanwhile."""

    words = _("This was decided, withdrawn or replaced meanwhile.")


class NotApproved(ApprovalError):
    """Nothing stands approved for the subject: nobody asked, nobody approved, or it was used before."""

    words = _("This is not approved, or its approval was used already.")


class OtherContent(ApprovalError):
    """What is to go ahead is not what was approved: it was changed in between."""

    words = _("This is not what was approved: it was changed meanwhile. Ask for approval again.")


class NotYetEffective(ApprovalError):
    """A single administrator's approval before its delay is over."""

    def __init__(self, effective_at: datetime) -> None:
        super().__init__(effective_at)
        self.effective_at = effective_at

    @property
    def sentence(self) -> str:
        moment = date_format(timezone.localtime(self.effective_at), "SHORT_DATETIME_FORMAT")
        return gettext("The approval takes effect at %(moment)s: until then the owner may step in.") % {
            "moment": moment
        }


class BadRule(ApprovalError):
    """A rule of approval that cannot be: no superuser, no password, no owner, or a delay out of bounds."""

    words = _("Only a superuser who gives the password again may declare this, with an owner's e-mail and a delay.")
