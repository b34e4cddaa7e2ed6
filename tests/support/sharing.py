"""Which tests stay with one worker: those that share something that takes long to make.

Handed out singly, six campuses were started for what three serve, and slowed one another down.
(xdist's own groups are marks that it writes into a test's name, where pytest no longer lets it.)
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

A_CAMPUS = "tests/e2e/"
BARE_CAMPUS = tuple(f"{A_CAMPUS}test_{kind}.py" for kind in ("university", "school", "office"))
OF_ONE_MODULE = (f"{A_CAMPUS}test_devices.py", "tests/demo/test_end_to_end.py", "tests/docs/test_makers_page.py")


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out one test at a time, or all that share something."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        if module in BARE_CAMPUS:
            return "a bare campus"
        if module in OF_ONE_MODULE:
            return module
        return A_CAMPUS if module.startswith(A_CAMPUS) else nodeid
