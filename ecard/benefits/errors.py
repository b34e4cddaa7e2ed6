"""Why a change to benefits or a publication is refused. Nothing was written."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ecard.benefits.rules import Problem


class BenefitError(Exception):
    """The family."""


class BadGrant(BenefitError):
    """The administrator gave an amount, an expiry or a period that no grant can have; `args[0]` says which."""


class PolicyRefused(BenefitError):
    """The administrator's rules do not make a policy; `problems` says why, each for a person to read."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.code} {problem.rule} {problem.named}" for problem in problems))
        self.problems = problems


class UnknownPolicy(BenefitError):
    """A number under which no policy was published: the record naming it is at fault."""


class TooManyGuards(BenefitError):
    """The guardian set as many limits for one person as there may be: one of them has to be lifted first."""


class CannotGive(BenefitError):
    """Whoever wants to give a voucher may not, or not this one, or not to that person; `words` is for them."""

    words: str | Promise = _("This voucher cannot be given away.")

    @property
    def sentence(self) -> str:
        """The same in the reader's language."""
        return str(self.words)


class NotYours(CannotGive):
    """No voucher of that number is theirs: it never was, or was given away already."""

    words = _("This voucher is not yours, or not any more.")


class NotTransferable(CannotGive):
    """Its programme is no voucher programme, or does not allow it."""

    words = _("Vouchers of this kind are for you alone.")


class VoucherGone(CannotGive):
    """It was spent, is being spent, or has expired."""

    words = _("This voucher was spent or has expired.")


class NoSuchRecipient(CannotGive):
    """There is nobody of that number with an open account, or it is the giver."""

    words = _("There is nobody else with this number. Vouchers are given to somebody with an open card.")


class RecipientHasEnough(CannotGive):
    """The recipient has so many vouchers and subsidies already that a terminal could not look at one more."""

    words = _("This person has too many vouchers already.")


class DraftError(BenefitError):
    """A draft that cannot go on; `words` is for the administrator."""

    words: str | Promise = _("This draft cannot go on.")

    @property
    def sentence(self) -> str:
        """The same in the reader's language."""
        return str(self.words)


class DraftEnded(DraftError):
    """The draft was published or withdrawn meanwhile."""

    words = _("This draft was published or withdrawn already.")


class DraftOvertaken(DraftError):
    """Another policy was published since the draft was made: what it would change is no longer what people read."""

    words = _("Another policy was published since this draft was made. Make a new draft of the rules as they stand.")


class AlreadyPublished(DraftError):
    """Somebody sets up an installation that has a policy: the next one takes a draft and an approval."""

    words = _("There is a policy already: the next one takes a draft and an approval.")


class CannotGoBack(DraftError):
    """The policy is not the newest, replaced nothing, is too old to be undone alone, or no reason was given."""

    words = _("Only the newest policy can be undone, within 7 days and for a reason. Make a draft from an older one.")
