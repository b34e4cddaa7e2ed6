"""The master control: one program for every device kind.

boot → enrolled → ready → tap → decide → journal (durable before "approved" is shown) → show; upload runs beside it
and never holds a sale up. Every public method may be called from any thread.
"""

import threading
from collections.abc import Callable
from functools import lru_cache
from zoneinfo import ZoneInfo

from devices.core.accept import Genuine
from devices.core.declines import Decline, Why
from devices.core.journal import ReversalRecord
from devices.core.money import MAX_AMOUNT_MINOR, AmountError, parse_amount
from devices.drivers.clock import Clock
from devices.journal.journal import Journal
from devices.journal.values import JournalBroken, JournalFull, NewestSale, Passing, unwatched
from devices.master import results, texts
from devices.master.clock import Guard, Reading
from devices.master.decide import Declined, Memory, Sale, decide, recognise
from devices.master.results import plain
from devices.master.screen import LastSale, Mode, Network, Outcome, Phase, Result, Said, Screen
from devices.master.standing import Standing
from devices.master.tap import SEEN_APART_MS, Taken
from devices.store.held import Held
from devices.store.snapshots import SnapshotStore, StoreBroken

REVERSIBLE_MS = 15 * 60 * 1000
"""The newest sale may be reversed this long: long enough to notice a wrong amount, short for mischief."""


class MasterControl:
    """Built on an open journal and store; `terminal` is 0 until enrolled."""

    def __init__(
        self,
        *,
        journal: Journal,
        store: SnapshotStore,
        clock: Clock,
        terminal: int = 0,
        passing: Passing = unwatched,
    ) -> None:
        self._journal, self._store, self._clock, self._passing = journal, store, clock, passing
        self._lock = threading.RLock()
        self._terminal = terminal
        self._guard = Guard(self._reading(), floor_s=store.signed_time_s)
        self._mode: Mode = "typed"
        self._typed_minor = 0
        self._fixed_minor = 0
        self._result: Result | None = None
        self._number = 0
        self._taken: Taken | None = None
        self._last_text = ""
        self._last_text_ms = 0
        self._revoked = False
        self._notice: Said | None = None
        self._network = Network(online=False, since_ms=clock.wall_ms())
        self._subscribers: list[Callable[[Screen], None]] = []
        self._memory = Memory(store.find, journal.pending, journal.last_presented_s, zone_of)
        self._newest_name = ""
        self._mode_from: tuple[Mode, int] | None = None
        if store.held is not None:
            self._take_parameters(store.held)
        self._name_newest()

    # What a host shows

    def screen(self) -> Screen:
        """The present state; phases with an end lapse by the clock."""
        with self._lock:
            reading = self._reading()
            now_ms, held = self._guard.now_ms(reading), self._store.held
            result = self._result if self._result is not None and now_ms < self._result.until_ms else None
            standing = self._standing(reading)
            phase = standing.phase
            if phase is Phase.READY and result is not None and now_ms < result.ready_ms:
                phase = Phase.DECLINED if result.sound == "declined" else Phase.APPROVED
            return Screen(
                phase=phase,
                at_ms=now_ms,
                mode=self._mode,
                amount_minor=self._amount_minor,
                outlet=_outlet(held),
                result=result,
                notice=standing.told,
                network=self._network,
                unsent=self._journal.unsent,
                snapshot_age_s=max(0, now_ms // 1000 - held.made_s) if held is not None else None,
                last_sale=self._last_sale(now_ms),
                clock_ok=standing.doubt is None,
                terminal=self._terminal,
            )

    def subscribe(self, callback: Callable[[Screen], None]) -> Callable[[], None]:
        """Call back on every change, in the thread that made it; the answer ends the subscription."""
        with self._lock:
            self._subscribers.append(callback)

        def unsubscribe() -> None:
            with self._lock:
                if callback in self._subscribers:
                    self._subscribers.remove(callback)

        return unsubscribe

    # What a cashier does

    def set_mode(self, mode: Mode, *, fixed_minor: int = 0) -> None:
        """Fixed price or typed amount. Raises AmountError for a fixed price of nothing or too much."""
        if mode == "fixed" and not 0 < fixed_minor <= MAX_AMOUNT_MINOR:
            raise AmountError("a fixed price is more than 0 and within the limit")
        with self._lock:
            self._mode, self._fixed_minor, self._typed_minor = mode, fixed_minor if mode == "fixed" else 0, 0
        self._changed()

    def set_amount(self, amount: str | int) -> int:
        """Typed mode's next amount, as typed or in minor units; "" clears. Raises AmountError; gives minor units."""
        amount_minor = amount if isinstance(amount, int) else parse_amount(amount) if amount.strip() else 0
        if not 0 <= amount_minor <= MAX_AMOUNT_MINOR:
            raise AmountError("an amount is not negative and within the limit")
        with self._lock:
            self._typed_minor = amount_minor
            self._result = None
        self._changed()
        return amount_minor

    def scan(self, text: str) -> Outcome:
        """Decide a scanned text; an approval is durable before this returns. Never raises for what was scanned."""
        with self._lock:
            outcome = self._tap(text)
        if not outcome.same_tap:
            self._passing("sale.shown")
            self._changed()
        return outcome

    def reverse_last(self) -> Outcome:
        """Undo the newest sale; `approved` says whether it was."""
        with self._lock:
            reading = self._reading()
            at_ms = self._guard.now_ms(reading)
            newest = self._journal.newest_sale
            if newest is None or not self._reversible(newest, at_ms):
                outcome = Outcome(approved=False, result=self._refuse(plain(Why.NOTHING_TO_REVERSE), at_ms))
            elif not self._append_reversal(newest, at_ms, reason="cashier"):
                outcome = Outcome(approved=False, result=self._refuse(plain(Why.JOURNAL_FULL), at_ms))
            else:
                outcome = self._reversed(newest, at_ms, reading)
        self._changed()
        return outcome

    def confirm_clock(self) -> bool:
        """The cashier vouches for the clock after a jump; False where it is behind what the server has signed."""
        with self._lock:
            reading = self._reading()
            self._guard = self._guard.vouched(reading)
            sure = self._guard.doubt(reading) is None
        self._changed()
        return sure

    # What the upload reports

    def enrolled(self, terminal: int) -> None:
        """The server knows this terminal now."""
        with self._lock:
            self._terminal, self._notice = terminal, None
        self._changed()

    def keys_came(self) -> None:
        """The store holds new keys."""
        with self._lock:
            self._guard = self._guard.raised(self._store.signed_time_s)
        self._changed()

    def snapshot_came(self, held: Held, *, round_trip_ms: int) -> None:
        """The store holds a new snapshot, which took this long to ask for: it also tells the time."""
        with self._lock:
            self._journal.settle(held.posted_through)
            self._guard = self._guard.confirmed(self._reading(), server_s=held.made_s, round_trip_ms=round_trip_ms)
            self._revoked = False
            self._take_parameters(held)
        self._changed()

    def line(self, *, online: bool) -> None:
        """The last exchange succeeded, or did not."""
        with self._lock:
            changed = online != self._network.online
            if changed:
                self._network = Network(online, self._guard.now_ms(self._reading()))
        if changed:
            self._changed()

    def withdrawn(self) -> None:
        """The server has revoked this terminal: no further sale; what is journaled stays."""
        with self._lock:
            self._revoked = True
        self._changed()

    def tell(self, notice: Said | None) -> None:
        """Something a person should know, until told otherwise."""
        with self._lock:
            changed, self._notice = notice != self._notice, notice
        if changed:
            self._changed()

    def uploaded(self) -> None:
        """The count of unsent records went down."""
        self._changed()

    def look_at_clock(self) -> None:
        """To be called every second or so: a jump is seen even where nobody taps."""
        with self._lock:
            before, reading = self._guard, self._reading()
            self._guard = before.observed(reading)
        if self._guard is not before:
            self._changed()

    def maintain(self) -> None:
        """The journal's upkeep, while the clock can be believed. Raises JournalBroken."""
        with self._lock:
            reading = self._reading()
            sure, now_ms = self._guard.doubt(reading) is None, self._guard.now_ms(reading)
        if sure:
            self._journal.maintain(now_ms=now_ms)

    # A tap

    def _tap(self, text: str) -> Outcome:
        reading = self._reading()
        self._guard = self._guard.observed(reading)
        at_ms, tap_ms = self._guard.now_ms(reading), reading.monotonic_ms
        taken = self._taken
        if taken is not None and taken.is_same_picture(text, at_ms=tap_ms):
            return taken.again
        stop, keys = self._standing(reading).stop, self._store.keys
        if stop is not None or keys is None:
            return self._declined(text, plain(stop or Why.NOT_READY), at_ms, tap_ms)
        code = recognise(text, trust=keys.trust, now_s=at_ms // 1000)
        if isinstance(code, Decline):
            return self._declined(text, Declined(code), at_ms, tap_ms)
        self._guard = self._guard.raised(code.grant.issued_at_s)
        if taken is not None:
            same = taken.is_same_phone(code, text, at_ms=tap_ms, fixed=self._mode == "fixed")
            if same is not None:
                return taken.again if same else self._declined(text, plain(Why.BUSY), at_ms, tap_ms)
        return self._sell(text, code, at_ms, tap_ms)

    def _sell(self, text: str, code: Genuine, at_ms: int, tap_ms: int) -> Outcome:
        seq, amount_minor = self._journal.next_seq, self._amount_minor
        try:
            decided = decide(text, code=code, memory=self._memory, at_ms=at_ms, seq=seq, amount_minor=amount_minor)
            if isinstance(decided, Declined):
                return self._declined(text, decided, at_ms, tap_ms)
            self._passing("sale.decided")
            self._journal.append_sale(
                decided.record, code_id=decided.code_id, moment_s=decided.moment_s, forget_s=decided.forget_s
            )
        except JournalFull:
            return self._declined(text, plain(Why.JOURNAL_FULL), at_ms, tap_ms)
        except JournalBroken as error:
            if error.landed and (newest := self._journal.newest_sale) is not None:
                self._append_reversal(newest, at_ms, reason="not_shown")
            return self._declined(text, plain(Why.JOURNAL_FULL), at_ms, tap_ms)
        except StoreBroken:
            return self._declined(text, plain(Why.NOT_READY), at_ms, tap_ms)
        self._passing("sale.durable")
        return self._approved(text, code, decided, tap_ms)

    def _approved(self, text: str, code: Genuine, sale: Sale, tap_ms: int) -> Outcome:
        self._number += 1
        self._result = results.of_sale(sale, number=self._number)
        self._typed_minor = 0
        self._newest_name = sale.name
        outcome = Outcome(True, self._result, epoch=self._journal.tail.epoch, seq=sale.record.seq)
        self._taken = Taken(text, code.grant.account_ref, tap_ms, seen_ms=tap_ms, outcome=outcome)
        return outcome

    def _declined(self, text: str, declined: Declined, at_ms: int, tap_ms: int) -> Outcome:
        """Show it; further pictures of the same refused code are the same result, so it sounds once."""
        same = (
            self._result is not None
            and self._result.why == declined.decline.why.value
            and text == self._last_text
            and tap_ms - self._last_text_ms < SEEN_APART_MS
        )
        self._last_text, self._last_text_ms = text, tap_ms
        return Outcome(approved=False, result=self._refuse(declined, at_ms, same=same))

    def _refuse(self, declined: Declined, at_ms: int, *, same: bool = False) -> Result:
        self._number += 0 if same else 1
        self._result = results.of_decline(declined, number=self._number, at_ms=at_ms, amount_minor=self._amount_minor)
        return self._result

    # A reversal

    def _reversed(self, newest: NewestSale, at_ms: int, reading: Reading) -> Outcome:
        self._number += 1
        amount_minor = newest.record.shown_minor
        self._result = results.of_reversal(
            number=self._number, at_ms=at_ms, amount_minor=amount_minor, name=self._newest_name
        )
        tail = self._journal.tail
        outcome = Outcome(True, self._result, epoch=tail.epoch, seq=tail.seq)
        if self._taken is not None:
            self._taken = self._taken.undone(outcome)
        return outcome

    def _append_reversal(self, newest: NewestSale, at_ms: int, *, reason: str) -> bool:
        record = ReversalRecord(
            seq=self._journal.next_seq, at_ms=at_ms, of_epoch=newest.epoch, of_seq=newest.record.seq, reason=reason
        )
        try:
            self._journal.append_reversal(record, evidence=newest.record.evidence)
        except (JournalFull, JournalBroken):
            return False
        self._passing("reversal.durable")
        return True

    def _reversible(self, newest: NewestSale, now_ms: int) -> bool:
        return not newest.reversed and abs(now_ms - newest.record.at_ms) < REVERSIBLE_MS

    # State

    @property
    def _amount_minor(self) -> int:
        return self._fixed_minor if self._mode == "fixed" else self._typed_minor

    def _standing(self, reading: Reading) -> Standing:
        held = self._store.held
        return Standing(
            enrolled=bool(self._terminal),
            revoked=self._revoked,
            broken=bool(self._journal.broken),
            has_keys=self._store.keys is not None,
            has_snapshot=held is not None,
            has_room=self._journal.has_room,
            newer_release=held is not None and held.newer_release,
            doubt=self._guard.doubt(reading),
            notice=self._notice,
        )

    def _last_sale(self, now_ms: int) -> LastSale | None:
        newest = self._journal.newest_sale
        if newest is None:
            return None
        return LastSale(
            amount_minor=newest.record.shown_minor,
            at_ms=newest.record.at_ms,
            name=self._newest_name,
            reversed=newest.reversed,
            reversible=self._reversible(newest, now_ms),
        )

    def _name_newest(self) -> None:
        newest = self._journal.newest_sale
        if newest is None or self._store.held is None:
            return
        try:
            _, row = self._store.find(newest.record.account_ref)
        except StoreBroken:
            return
        self._newest_name = row.name if row is not None else ""

    def _take_parameters(self, held: Held) -> None:
        """The server's mode counts when it changes; in between the cashier's choice stands."""
        given = (held.parameters.mode, held.parameters.fixed_minor)
        if given != self._mode_from:
            self._mode_from = given
            self._mode, self._fixed_minor = given

    def _reading(self) -> Reading:
        return Reading(self._clock.wall_ms(), self._clock.monotonic_ms())

    def _changed(self) -> None:
        screen = self.screen()
        for callback in list(self._subscribers):
            callback(screen)


@lru_cache(maxsize=8)
def zone_of(name: str) -> ZoneInfo:
    """The site's zone; the store admits only names that exist."""
    return ZoneInfo(name)


def _outlet(held: Held | None) -> Said:
    if held is None:
        return texts.NO_NAME
    return Said(held.parameters.outlet_name_zh, held.parameters.outlet_name_en or held.parameters.outlet_name_zh)
