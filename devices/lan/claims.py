"""Who takes a code shown at two terminals at the same moment: who claimed it first, else the lower number."""

from collections import OrderedDict

import msgspec

LIVE_MS = 3_000
"""A claim counts this long: until the sale that it announces was told, or was not made."""
MAX_CLAIMS = 256
MAX_TAKEN = 5_000
NEVER = -1


class Claimed(msgspec.Struct, frozen=True):
    """A neighbour's claim. `until_ms` is monotonic."""

    terminal: int
    moment_s: int
    until_ms: int


class Ours(msgspec.Struct):
    """This terminal's own claim; one tap is decided at a time."""

    code: bytes
    moment_s: int
    until_ms: int
    waiting: bool = True
    lost: bool = False


class Claims:
    """Not for two threads at once. Times are monotonic ms."""

    def __init__(self) -> None:
        self._theirs: OrderedDict[bytes, Claimed] = OrderedDict()
        self._taken: OrderedDict[bytes, int] = OrderedDict()
        self._ours: Ours | None = None

    def begin(self, code: bytes, moment_s: int, *, now_ms: int) -> Ours | None:
        """Claim it here; None where a neighbour's claim came before."""
        prior = self._theirs.get(code)
        if prior is not None and prior.until_ms > now_ms and prior.moment_s >= moment_s:
            return None
        self._ours = Ours(code, moment_s, now_ms + LIVE_MS)
        return self._ours

    def heard(self, code: bytes, moment_s: int, *, terminal: int, here: int, now_ms: int) -> bool:
        """A neighbour claims it; True where it must not have it."""
        if self.taken_s(code) >= moment_s:
            return True
        ours = self._ours
        if ours is not None and ours.code == code and ours.until_ms > now_ms and ours.moment_s >= moment_s:
            if not ours.waiting or here < terminal:
                return True
            ours.lost = True
        self._theirs.pop(code, None)
        self._theirs[code] = Claimed(terminal, moment_s, now_ms + LIVE_MS)
        if len(self._theirs) > MAX_CLAIMS:
            self._theirs.popitem(last=False)
        return False

    def objected(self, code: bytes, moment_s: int) -> None:
        """A neighbour says that it was taken, or that its own claim goes before."""
        ours = self._ours
        if ours is not None and ours.waiting and (ours.code, ours.moment_s) == (code, moment_s):
            ours.lost = True

    def decided(self, ours: Ours) -> bool:
        """The wait is over; whether the code may be taken. A claim that was lost keeps nobody else from it."""
        ours.waiting = False
        if ours.lost and self._ours is ours:
            self._ours = None
        return not ours.lost

    def took(self, code: bytes, moment_s: int) -> None:
        """The sale is durable. Reversed or not, nobody else may have the code: it is free here alone."""
        self._taken.pop(code, None)
        self._taken[code] = moment_s
        if len(self._taken) > MAX_TAKEN:
            self._taken.popitem(last=False)

    def taken_s(self, code: bytes) -> int:
        """The last moment taken here, as far as it was since this process began; else NEVER."""
        return self._taken.get(code, NEVER)
