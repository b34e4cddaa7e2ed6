"""Runs that create money, step by step: made, listed, approved, paid out, and taken back as a whole."""

from ecard.benefits.runs.making import (
    ask,
    cancel,
    dry_run,
    leave_out_duplicates,
    new_run,
    overrule_duplicates,
    take_back_request,
)
from ecard.benefits.runs.posting import continue_runs, start, work_on
from ecard.benefits.runs.reversing import reverse_run
from ecard.benefits.runs.scheduled import ask_schedule, run_due

__all__ = [
    "ask",
    "ask_schedule",
    "cancel",
    "continue_runs",
    "dry_run",
    "leave_out_duplicates",
    "new_run",
    "overrule_duplicates",
    "reverse_run",
    "run_due",
    "start",
    "take_back_request",
    "work_on",
]
