"""Whether the terminal may sell at all, and what a person should be told about it. Pure."""

import msgspec

from devices.core.declines import Why
from devices.master import texts
from devices.master.clock import Doubt
from devices.master.screen import Phase, Said
from devices.store.held import Held


class Standing(msgspec.Struct, frozen=True):
    """All that stops a terminal as a whole, whoever taps."""

    enrolled: bool
    revoked: bool
    broken: bool
    has_keys: bool
    has_snapshot: bool
    has_room: bool
    newer_policy: Said | None
    doubt: Doubt | None
    notice: Said | None
    unsent: int

    @property
    def phase(self) -> Phase:
        """READY where taps are decided."""
        if not self.enrolled:
            return Phase.UNENROLLED
        if self.revoked or self.broken:
            return Phase.STOPPED
        if not self.has_keys or not self.has_snapshot:
            return Phase.BOOTING
        return Phase.STOPPED if self.doubt is not None or not self.has_room else Phase.READY

    @property
    def stop(self) -> Why | None:
        """Why every tap is declined, or None."""
        if self.revoked:
            return Why.WITHDRAWN
        if not self.enrolled or not self.has_keys or not self.has_snapshot:
            return Why.NOT_READY
        if self.doubt is not None:
            return Why.CLOCK_SUSPECT
        return None if self.has_room else Why.JOURNAL_FULL

    @property
    def told(self) -> Said | None:
        """The notice on the screen."""
        phase = self.phase
        if phase is Phase.STOPPED:
            return self._stopped_by()
        if self.notice is not None:
            return self.notice
        if phase is Phase.UNENROLLED:
            return texts.UNENROLLED
        if phase is Phase.BOOTING:
            return texts.BOOTING
        return self.newer_policy

    def _stopped_by(self) -> Said:
        if self.revoked:
            return texts.revoked_with(self.unsent) if self.unsent else texts.REVOKED
        if self.broken:
            return texts.STORAGE
        if self.doubt is None:
            return texts.FULL
        return texts.CLOCK_BEHIND if self.doubt is Doubt.BEHIND else texts.CLOCK_JUMPED


def newer_policy(held: Held | None, *, at_s: int) -> Said | None:
    """The alarm where rules came, or will start, that this release cannot evaluate."""
    newer = held.awaited(at_s=at_s) if held is not None else None
    if held is None or newer is None:
        return None
    return texts.newer_policy(newer.number, decides_by=held.decides_by(at_s=at_s), started=newer.starts_at_s <= at_s)


def outlet_name(held: Held | None) -> Said:
    """Where this terminal stands."""
    if held is None:
        return texts.NO_NAME
    return Said(held.parameters.outlet_name_zh, held.parameters.outlet_name_en or held.parameters.outlet_name_zh)
