"""The master control: one program for every device kind.

boot → enrolled → ready → tap → decide → journal (durable before "approved" is shown) → show; upload runs beside it
and never holds a sale up. Every public method may be called from any thread.
"""

import threading
from collections.abc import Callable

from devices.core.accept import Genuine
from devices.core.catalogue import Catalogue
from devices.core.declines import Decline, Why
from devices.core.messages import Mode
from devices.core.money import MAX_AMOUNT_MINOR, AmountError, parse_amount
from devices.drivers.clock import Clock
from devices.journal.journal import Journal
from devices.journal.values import JournalBroken, JournalFull, NewestSale, Passing, RecordTooLarge, unwatched
from devices.master import results, texts
from devices.master.clock import Guard, Reading
from devices.master.decide import Declined, Memory, Sale, decide, recognise, zone_of
from devices.master.newest import Newest
from devices.master.results import charged_minor, plain
from devices.master.screen import Network, Outcome, Phase, Result, Said, Screen
from devices.master.standing import Standing, newer_policy, outlet_name
from devices.master.tap import SEEN_APART_MS, Taken
from devices.master.till import BasketError, Till
from devices.store.held import Held
from devices.store.snapshots import SnapshotStore, StoreBroken


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
        self._till = Till()
        self._result: Result | None = None
        self._explained: Result | None = None
        self._number = 0
        self._taken: Taken | None = None
        self._last_text = ""
        self._last_text_ms = 0
        self._revoked = False
        self._notice: Said | None = None
        self._network = Network(online=False, since_ms=clock.wall_ms())
        self._subscribers: list[Callable[[Screen], None]] = []
        self._memory = Memory(store.find, journal.pending, journal.last_presented_s, zone_of)
        self._newest = Newest(journal, passing=passing)
        self._newest.find_name(store)
        self._mode_from: tuple[Mode, int] | None = None
        if store.held is not None:
            self._take_parameters(store.held)

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
                mode=self._till.mode,
                amount_minor=self._till.amount_minor,
                outlet=outlet_name(held),
                result=result,
                notice=standing.told,
                network=self._network,
                unsent=self._journal.unsent,
                snapshot_age_s=max(0, now_ms // 1000 - held.made_s) if held is not None else None,
                last_sale=self._newest.told(now_ms),
                clock_ok=standing.doubt is None,
                terminal=self._terminal,
                basket=self._till.shown(),
                catalogue=held.catalogue_stamp if held is not None else 0,
                explained=self._explained is not None,
            )

    def catalogue(self) -> Catalogue:
        """The products sold here, empty before the first snapshot; `screen().catalogue` changes with it."""
        held = self._store.held
        return _NO_PRODUCTS if held is None or held.catalogue is None else held.catalogue

    def explained(self) -> Result | None:
        """The newest result with all its steps, also after the screen has let it go; None before the first."""
        with self._lock:
            return self._explained

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
        """What a tap asks for. Raises AmountError for a fixed price of nothing or too much."""
        if mode == "fixed" and not 0 < fixed_minor <= MAX_AMOUNT_MINOR:
            raise AmountError("a fixed price is more than 0 and within the limit")
        with self._lock:
            self._till = self._till.set_to(mode, fixed_minor=fixed_minor)
        self._changed()

    def set_amount(self, amount: str | int) -> int:
        """The amount as typed or in minor units, "" for none; gives minor units. Raises AmountError."""
        amount_minor = amount if isinstance(amount, int) else parse_amount(amount) if amount.strip() else 0
        with self._lock:
            self._prepare(self._till.typed(amount_minor))
        self._changed()
        return amount_minor

    def set_quantity(self, product: int, quantity: int) -> None:
        """So many of a product in the basket, 0 for none. Raises BasketError, also outside products mode."""
        with self._lock:
            self._put(product, quantity)
        self._changed()

    def add(self, product: int, *, quantity: int = 1) -> None:
        """So many more of a product, or fewer. Raises BasketError."""
        with self._lock:
            self._put(product, self._till.quantity_of(product) + quantity)
        self._changed()

    def clear_basket(self) -> None:
        """Empty the basket, the other amount with it."""
        with self._lock:
            self._prepare(self._till.cleared())
        self._changed()

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
            at_ms = self._guard.now_ms(self._reading())
            newest = self._newest.reversible(at_ms)
            if newest is None:
                outcome = Outcome(approved=False, result=self._refuse(plain(Why.NOTHING_TO_REVERSE), at_ms))
            elif not self._newest.undo(at_ms, reason="cashier"):
                outcome = Outcome(approved=False, result=self._refuse(plain(Why.JOURNAL_FULL), at_ms))
            else:
                outcome = self._reversed(newest, at_ms)
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

    def policies(self) -> tuple[int, int]:
        """The number of the policy decided by, and of a newer one that this release cannot evaluate; 0 for none."""
        held = self._store.held
        if held is None:
            return 0, 0
        with self._lock:
            now_s = self._guard.now_ms(self._reading()) // 1000
        newer = held.awaited(at_s=now_s)
        return held.decides_by(at_s=now_s), newer.number if newer is not None else 0

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
            same = taken.is_same_phone(code, text, at_ms=tap_ms, fixed=self._till.repeats)
            if same is not None:
                return taken.again if same else self._declined(text, plain(Why.BUSY), at_ms, tap_ms)
        return self._sell(text, code, at_ms, tap_ms)

    def _sell(self, text: str, code: Genuine, at_ms: int, tap_ms: int) -> Outcome:
        seq, till = self._journal.next_seq, self._till
        unfit = self._unfit(till)
        if unfit is not None:
            return self._declined(text, unfit, at_ms, tap_ms)
        try:
            decided = decide(text, code=code, memory=self._memory, at_ms=at_ms, seq=seq, basket=till.lines())
            if isinstance(decided, Declined):
                return self._declined(text, decided, at_ms, tap_ms)
            self._passing("sale.decided")
            self._journal.append_sale(
                decided.record, code_id=decided.code_id, moment_s=decided.moment_s, forget_s=decided.forget_s
            )
        except JournalFull:
            return self._declined(text, plain(Why.JOURNAL_FULL), at_ms, tap_ms)
        except RecordTooLarge:
            return self._declined(text, plain(Why.NO_AMOUNT, said=texts.BASKET_FULL), at_ms, tap_ms)
        except JournalBroken as error:
            if error.landed:
                self._newest.undo(at_ms, reason="not_shown")
            return self._declined(text, plain(Why.JOURNAL_FULL), at_ms, tap_ms)
        except StoreBroken:
            return self._declined(text, plain(Why.NOT_READY), at_ms, tap_ms)
        self._passing("sale.durable")
        return self._approved(text, code, decided, tap_ms)

    def _unfit(self, till: Till) -> Declined | None:
        """A basket that is not what the cashier put there is told once, before anybody pays for the rest of it."""
        if till.gone:
            self._till = till.seen()
            return plain(Why.NOT_SOLD_HERE, said=texts.gone(till.gone))
        if till.mode == "products" and not till.amount_minor:
            return plain(Why.NO_AMOUNT, said=texts.NO_PRODUCTS)
        return None

    def _approved(self, text: str, code: Genuine, sale: Sale, tap_ms: int) -> Outcome:
        self._number += 1
        self._result = self._explained = results.of_sale(sale, number=self._number)
        self._till = self._till.cleared()
        self._newest.name = sale.name
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
        self._result = self._explained = results.of_decline(
            declined, number=self._number, at_ms=at_ms, amount_minor=self._till.amount_minor
        )
        return self._result

    def _reversed(self, newest: NewestSale, at_ms: int) -> Outcome:
        self._number += 1
        self._result = self._explained = results.of_reversal(
            number=self._number, at_ms=at_ms, amount_minor=charged_minor(newest.record), name=self._newest.name
        )
        tail = self._journal.tail
        outcome = Outcome(True, self._result, epoch=tail.epoch, seq=tail.seq)
        if self._taken is not None:
            self._taken = self._taken.undone(outcome)
        return outcome

    # State

    def _put(self, product_id: int, quantity: int) -> None:
        product = self.catalogue().product(product_id)
        if product is None:
            raise BasketError(texts.NOT_IN_CATALOGUE)
        self._prepare(self._till.with_quantity(product, quantity))

    def _prepare(self, till: Till) -> None:
        """The next sale is being entered: the last answer is read."""
        self._till, self._result = till, None

    def _standing(self, reading: Reading) -> Standing:
        held = self._store.held
        return Standing(
            enrolled=bool(self._terminal),
            revoked=self._revoked,
            broken=bool(self._journal.broken),
            has_keys=self._store.keys is not None,
            has_snapshot=held is not None,
            has_room=self._journal.has_room,
            newer_policy=newer_policy(held, at_s=self._guard.now_ms(reading) // 1000),
            doubt=self._guard.doubt(reading),
            notice=self._notice,
        )

    def _take_parameters(self, held: Held) -> None:
        """The server's mode counts when it changes; in between the cashier's choice stands."""
        given = (held.parameters.mode, held.parameters.fixed_minor)
        if given != self._mode_from:
            self._mode_from = given
            self._till = self._till.set_to(given[0], fixed_minor=given[1])
        self._till = self._till.offered(self.catalogue())

    def _reading(self) -> Reading:
        return Reading(self._clock.wall_ms(), self._clock.monotonic_ms())

    def _changed(self) -> None:
        screen = self.screen()
        for callback in list(self._subscribers):
            callback(screen)


_NO_PRODUCTS = Catalogue()
