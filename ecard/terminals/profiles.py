"""The security profile: every route that a terminal's signature opens, by name. All others are closed to it.

A route is open only if it is listed here and its view is a `TerminalView`; nothing else in the server reads a
terminal's signature.
"""

from __future__ import annotations

from typing import Final

from ecard.terminals.values import TerminalPrincipal

ENROLMENT_ROUTE: Final = "terminals:enrol"
"""Called unsigned, once, with an enrolment code."""

TERMINAL_ROUTES: Final = frozenset(
    {"terminals:keys", "terminals:snapshot", "settlement:authorise", "settlement:batches"}
)
REVOKED_ROUTES: Final = frozenset({"settlement:batches"})
"""A revoked device may still hand in what it holds: it is kept apart for a person to look at."""


def allows(principal: TerminalPrincipal, route: str) -> bool:
    """Whether this terminal may call the route of that name."""
    return route in (REVOKED_ROUTES if principal.revoked else TERMINAL_ROUTES)
