"""Whose code is still before the scanner: a camera sees one presentation many times, and it is one tap."""

import msgspec

from devices.master.screen import Outcome

SEEN_APART_MS = 1_500
"""A code not seen for this long was taken away; the next time is a new presentation."""
HELD_MS = 5_000
"""So long a phone may stay in view after its approval without being told anything else."""


class Taken(msgspec.Struct):
    """The last tap that was taken. Times are monotonic ms."""

    text: str
    account_ref: int
    taken_ms: int
    seen_ms: int
    outcome: Outcome
    reversed: bool = False
    left: bool = False

    @property
    def again(self) -> Outcome:
        """The same answer, marked as no new one."""
        return msgspec.structs.replace(self.outcome, same_tap=True)

    def is_same_picture(self, text: str, *, at_ms: int) -> bool:
        """Another frame of the very code just approved; later, or after a gap, it is a code already used."""
        return text == self.text and self._seen(at_ms) and not self.reversed and self._fresh(at_ms)

    def is_same_holder(self, account_ref: int, text: str, *, at_ms: int, fixed: bool, card: bool) -> bool | None:
        """Whether the phone or card just approved never left, so that its next moment must not pay by itself.

        True within the first seconds: the same tap still. False: held for longer, it must be taken away. None: a
        presentation of its own. After a reversal a fixed price would charge again at once, so there too the phone is
        taken away first; with typed amounts the cashier types anew, which is as good.
        """
        if account_ref != self.account_ref or not self._seen(at_ms):
            return None
        if self.reversed:
            return False if fixed else None
        return self._fresh(at_ms) if text != self.text or card else None

    def undone(self, outcome: Outcome) -> "Taken":
        """The sale was reversed: the code may pay again."""
        return msgspec.structs.replace(self, outcome=outcome, reversed=True)

    def _seen(self, at_ms: int) -> bool:
        """Whether it has been in view all the time; once it was away, it never is again."""
        self.left = self.left or at_ms - self.seen_ms >= SEEN_APART_MS
        self.seen_ms = at_ms
        return not self.left

    def _fresh(self, at_ms: int) -> bool:
        return at_ms - self.taken_ms < HELD_MS
