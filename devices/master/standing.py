"""Whether the terminal may sell at all, and what a person should be told about it. Pure."""

import msgspec

from devices.core.declines import Why
from devices.master import texts
from devices.master.clock import Doubt
from devices.master.screen import Phase, Said


class Standing(msgspec.Struct, frozen=True):
    """All that stops a terminal as a whole, whoever taps."""

    enrolled: bool
    revoked: bool
    broken: bool
    has_keys: bool
    has_snapshot: bool
    has_room: bool
    newer_release: bool
    doubt: Doubt | None
    notice: Said | None

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
        if not self.enrolled or self.revoked or not self.has_keys or not self.has_snapshot:
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
        return texts.NEWER_RELEASE if self.newer_release else None

    def _stopped_by(self) -> Said:
        if self.revoked:
            return texts.REVOKED
        if self.broken:
            return texts.STORAGE
        if self.doubt is None:
            return texts.FULL
        return texts.CLOCK_BEHIND if self.doubt is Doubt.BEHIND else texts.CLOCK_JUMPED
