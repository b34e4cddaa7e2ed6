"""Why a file or an import is refused."""

from __future__ import annotations


class ImportsError(Exception):
    """The family. Nothing was written."""


class FileRefused(ImportsError):
    """The person's file is no table of this kind. `args`: a kind of `sentences.file_sentence`, and its particulars."""


class NotReady(ImportsError):
    """The caller would apply or undo what is not ready for it. `args[0]`: "applied", "undone", "wrong rows", or
    "forgotten" where an import is too old to undo."""


class CannotApply(ImportsError):
    """The rows are good one by one, but not together. `args[0]` is a problem as rows have them."""


class MovedOn(ImportsError):
    """Records changed since the preview. The preview was made anew and is to be looked at again."""
