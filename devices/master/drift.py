"""How far a terminal's crystal has run off since the server last told the time, as its customers' phones show it. Pure.

A phone's time is never believed, a crowd's a little: the median over at least so many different people, in steps, and
never by more than a crystal can have drifted. It moves the window of accepted codes, and never widens it.
"""

from statistics import quantiles

import msgspec

LEAST_PEOPLE = 20
MOST_PEOPLE = 300
"""The newest so many are kept: a few hours of a busy counter."""
HEARD_MS = 4 * 3600 * 1000
"""An older moment says nothing about the present."""
USUAL_MS = -2_500
"""A code is drawn every 5 s, so where both clocks agree it is so old on average."""
STEP_MS = 150
STEP_EVERY_MS = 600_000
WORTH_MS = 2_000
"""A smaller difference is left alone."""
AGREE_MS = 8_000
"""Half of the people lie within this, else they say nothing together: honest ones differ by the 5 s between codes."""
CRYSTAL_PER_MS = 5_000
"""One part in this many (200 ppm, 17 s a day) is more than a clock's crystal drifts."""
MOST_MS = 15_000


class Drift(msgspec.Struct, frozen=True):
    """`since_ms` is when the server's time counted last, by the monotonic clock; `shown` are (when, by how much the
    phone was ahead) by account, oldest first.
    """

    since_ms: int
    shown: dict[int, tuple[int, int]] = {}
    correction_ms: int = 0
    stepped_ms: int = 0

    def accepted(self, account_ref: int, *, ahead_ms: int, at_ms: int) -> "Drift":
        """A sale was made by a code whose moment was so far ahead of the uncorrected clock; `at_ms` is monotonic."""
        shown = {ref: heard for ref, heard in self.shown.items() if ref != account_ref and at_ms - heard[0] < HEARD_MS}
        shown[account_ref] = (at_ms, ahead_ms)
        while len(shown) > MOST_PEOPLE:
            del shown[next(iter(shown))]
        return msgspec.structs.replace(self, shown=shown)._stepped(at_ms)

    def _stepped(self, at_ms: int) -> "Drift":
        if len(self.shown) < LEAST_PEOPLE or at_ms - max(self.stepped_ms, self.since_ms) < STEP_EVERY_MS:
            return self
        low_ms, middle_ms, high_ms = quantiles((ahead_ms for _, ahead_ms in self.shown.values()), n=4)
        off_ms = round(middle_ms) - USUAL_MS - self.correction_ms
        if high_ms - low_ms > AGREE_MS or abs(off_ms) < WORTH_MS:
            return self
        bound_ms = most_ms(at_ms - self.since_ms)
        wanted_ms = self.correction_ms + max(-STEP_MS, min(STEP_MS, off_ms))
        return msgspec.structs.replace(self, correction_ms=max(-bound_ms, min(bound_ms, wanted_ms)), stepped_ms=at_ms)


def most_ms(passed_ms: int) -> int:
    """By how much a clock may be corrected so long after the server told the time."""
    return min(MOST_MS, max(0, passed_ms) // CRYSTAL_PER_MS)
