"""Why a run does not go on. Nothing was written; each says so in the reader's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ecard.benefits.errors import BenefitError

ROWS_TOLD = 5


class RunError(BenefitError):
    """The family. `sentence` is for the person at the screen."""

    words: str | Promise = ""

    @property
    def sentence(self) -> str:
        """Why, in the reader's language."""
        return str(self.words)

    def __str__(self) -> str:
        return self.sentence


class BadRun(RunError):
    """The administrator gave terms that no run can have; `sentence` says which."""

    def __init__(self, words: str | Promise) -> None:
        super().__init__(words)
        self.words = words


class BadUpload(RunError):
    """Rows of an uploaded list cannot be read; `rows` holds (row number, what is wrong)."""

    def __init__(self, rows: list[tuple[int, str]]) -> None:
        super().__init__(rows)
        self.rows = rows

    @property
    def sentence(self) -> str:
        told = "; ".join(
            _("row %(row)d: %(wrong)s") % {"row": row, "wrong": wrong} for row, wrong in self.rows[:ROWS_TOLD]
        )
        more = len(self.rows) - ROWS_TOLD
        rest = ngettext("%(count)d more", "%(count)d more", more) % {"count": more}
        return f"{told}; {rest}" if more > 0 else told


class WrongState(RunError):
    """The step does not fit the state the run is in: somebody else was quicker, or the page is old."""

    words = _("This cannot be done now: the run has gone on, or is not so far yet. Look at it again.")


class NobodyToPay(RunError):
    """The list of a run is empty."""

    words = _("There is nobody on the list.")


class DuplicatesUndecided(RunError):
    """Somebody on the list may have been paid already, and nobody has said what to do about it."""

    words = _("Possible duplicates must first be left out, or overruled by name.")


class NotYourName(RunError):
    """Duplicates are overruled by typing one's own login name; something else was typed."""

    words = _("Type your own login name to overrule the duplicates.")


class DuplicatesAppeared(RunError):
    """People on the list were paid by another run after this one was listed."""

    words = _("Another run has paid people on this list meanwhile. List it again and look at the duplicates.")


class TooLate(RunError):
    """What would be issued has expired by now."""

    words = _("What would be issued has expired by now.")
