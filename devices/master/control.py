"""The master control: one program for every device kind.

boot → enrolled → ready → tap → decide → journal (durable before "approved" is shown) → show; upload runs beside it
and never holds a sale up. Every public method may be called from any thread.
"""

import threading
from collections.abc import Callable, Mapping
from functools import partial

from devices.core.catalogue import Catalogue
from devices.core.journal import Facts, NoteRecord
from devices.core.messages import Mode, Parameters
from devices.core.money import MAX_AMOUNT_MINOR, AmountError, parse_amount
from devices.drivers.clock import Clock
from devices.journal.journal import Journal
from devices.journal.orders import Ordered, read_orders, read_sale
from devices.journal.values import JournalBroken, JournalFull, NewestSale, Passing, unwatched
from devices.master.around import Alone, Neighbours
from devices.master.counter import Counter
from devices.master.desk import Desk
from devices.master.online import Asking, Authority, Nobody
from devices.master.screen import Network, Outcome, Phase, Result, Said, Screen
from devices.master.standing import Standing, newer_policy, outlet_name
from devices.master.timekeeper import Timekeeper
from devices.store.held import Held
from devices.store.snapshots import SnapshotStore

NOTES_FORMAT = 2
"""The journal format that knows notes."""
UNTOLD = 0
"""A snapshot kept by an earlier release does not say whose it is."""


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
        neighbours: Neighbours | None = None,
    ) -> None:
        self._journal, self._store, self._passing = journal, store, passing
        self._lock, self._presenting = threading.RLock(), threading.Lock()
        self._authority: Authority = Nobody()
        self._terminal = terminal
        self._time = Timekeeper(clock, floor_s=store.signed_time_s)
        self._revoked = False
        self._notice: Said | None = None
        self._network = Network(online=False, since_ms=clock.wall_ms())
        self._subscribers: list[Callable[[Screen], None]] = []
        self._counter = Counter(
            journal=journal,
            store=store,
            time=self._time,
            standing=self._standing,
            passing=passing,
            neighbours=neighbours,
            may_ask=lambda: self._network.online and self._authority.ready(),
        )
        self._neighbours, self._heard, self._listens = neighbours or Alone(), 0, neighbours is not None
        self.desk = Desk(
            journal=journal,
            store=store,
            time=self._time,
            counter=self._counter,
            lock=self._lock,
            note=self.note,
        )
        self._mode_from: tuple[Mode, int] | None = None
        if store.held is not None:
            self._take_parameters(store.held)

    # What a host shows

    def screen(self) -> Screen:
        """The present state; phases with an end lapse by the clock."""
        with self._lock:
            now_ms, held, counter = self._time.now_ms(), self._store.held, self._counter
            result = counter.result if counter.result is not None and counter.result.is_shown(now_ms) else None
            standing = self._standing()
            phase = standing.phase
            if phase is Phase.READY and result is not None and now_ms < result.ready_ms:
                phase = Phase.DECLINED if result.sound == "declined" else Phase.APPROVED
            return Screen(
                phase=phase,
                at_ms=now_ms,
                mode=counter.till.mode,
                amount_minor=counter.till.amount_minor,
                outlet=outlet_name(held),
                result=result,
                notice=standing.told,
                network=self._network,
                unsent=self._journal.unsent,
                snapshot_age_s=max(0, now_ms // 1000 - held.made_s) if held is not None else None,
                last_sale=counter.newest.told(now_ms),
                clock_ok=standing.doubt is None,
                terminal=self._terminal,
                basket=counter.till.shown(),
                catalogue=held.catalogue_stamp if held is not None else 0,
                explained=counter.explained is not None,
                neighbours=self._neighbours.heard(),
            )

    def catalogue(self) -> Catalogue:
        """The products sold here, empty before the first snapshot; `screen().catalogue` changes with it."""
        return self._counter.catalogue()

    def explained(self) -> Result | None:
        """The newest result with all its steps, also after the screen has let it go; None before the first."""
        with self._lock:
            return self._counter.explained

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
            self._counter.till = self._counter.till.set_to(mode, fixed_minor=fixed_minor)
        self._changed()

    def set_amount(self, amount: str | int) -> int:
        """The amount as typed or in minor units, "" for none; gives minor units. Raises AmountError."""
        amount_minor = amount if isinstance(amount, int) else parse_amount(amount) if amount.strip() else 0
        with self._lock:
            self._counter.prepare(self._counter.till.typed(amount_minor))
        self._changed()
        return amount_minor

    def set_quantity(self, product: int, quantity: int) -> None:
        """So many of a product in the basket, 0 for none. Raises BasketError, also outside products mode."""
        with self._lock:
            self._counter.put(product, quantity)
        self._changed()

    def add(self, product: int, *, quantity: int = 1) -> None:
        """So many more of a product, or fewer. Raises BasketError."""
        with self._lock:
            self._counter.put(product, self._counter.till.quantity_of(product) + quantity)
        self._changed()

    def clear_basket(self) -> None:
        """Empty the basket, the other amount with it."""
        with self._lock:
            self._counter.prepare(self._counter.till.cleared())
        self._changed()

    def scan(self, text: str, *, facts: Facts | None = None) -> Outcome:
        """Decide a scanned text; an approval is durable before this returns. Never raises for what was scanned.

        `facts` are what this kind of device adds to the record.
        """
        return self._present(lambda: self._counter.scan(text, facts))

    def tap_card(self, uid: bytes, *, facts: Facts | None = None) -> Outcome:
        """The same for a card, by the number that the reader gives."""
        return self._present(lambda: self._counter.tap_card(uid, facts))

    def _present(self, present: Callable[[], Outcome | Asking]) -> Outcome:
        """One presentation after another. While the server is asked the lock is free: the screen and the keys live."""
        with self._presenting:
            with self._lock:
                outcome = present()
            if isinstance(outcome, Asking):
                self._passing("sale.asked")
                answer = self._authority.ask(outcome.question)
                self._passing("sale.answered")
                with self._lock:
                    outcome = self._counter.resume(outcome, answer)
        return self._told(outcome)

    def _told(self, outcome: Outcome) -> Outcome:
        if not outcome.same_tap:
            self._passing("sale.shown")
            self._changed()
        return outcome

    def reverse_last(self, *, reason: str = "cashier") -> Outcome:
        """Undo the newest sale; `approved` says whether it was."""
        with self._lock:
            outcome = self._counter.reverse_last(reason=reason)
        self._changed()
        return outcome

    def reverse(self, *, epoch: int, seq: int, reason: str, by: str = "") -> Outcome:
        """Undo this very sale, whatever came after it; `approved` says whether it was undone now."""
        with self._lock:
            outcome = self._counter.reverse(epoch=epoch, seq=seq, reason=reason, by=by)
        self._changed()
        return outcome

    @property
    def notes(self) -> bool:
        """Whether notes may be written: the server reads them."""
        held = self._store.held
        return held is not None and held.parameters.journal >= NOTES_FORMAT

    def note(self, what: str, *, by: tuple[str, ...] = (), params: Mapping[str, int] | None = None) -> bool:
        """Keep a word in the journal; False where the server reads none yet, or nothing can be written."""
        if not self.notes:
            return False
        with self._lock:
            record = NoteRecord(self._journal.next_seq, self._time.now_ms(), what, by, dict(params or {}))
            try:
                self._journal.append_note(record)
            except (JournalFull, JournalBroken):
                return False
            self._counter.noted(record)
        self._passing("note.durable")
        self._changed()
        return True

    def sale(self, *, epoch: int, seq: int) -> NewestSale | None:
        """One sale by its place, where it is kept, and whether it was reversed. Raises JournalBroken."""
        return self._journal.read(partial(read_sale, epoch=epoch, seq=seq))

    def orders(self) -> list[Ordered]:
        """The sales kept that answer to an order, oldest first: for a start. Raises JournalBroken."""
        return self._journal.read(read_orders)

    def parameters(self) -> Parameters | None:
        """What the server has set this terminal to; None before the first snapshot."""
        held = self._store.held
        return None if held is None else held.parameters

    def not_yet(self, said: Said) -> None:
        """Nothing can be paid for: say what to do first."""
        with self._lock:
            self._counter.ask(said)
        self._changed()

    def confirm_clock(self) -> bool:
        """The cashier vouches for the clock after a jump; False where it is behind what the server has signed."""
        with self._lock:
            sure = self._time.vouch()
        self._changed()
        return sure

    def ask_at(self, authority: Authority) -> None:
        """From now on, ask there about what is above the floor limit or not funded here."""
        self._authority = authority

    # What the upload reports

    def enrolled(self, terminal: int, *, keep: Callable[[bool], None]) -> None:
        """The server knows this terminal now; `keep` makes it durable first, and is told whether it was another one."""
        with self._lock:
            keep(self._terminal not in (0, terminal))
            self._terminal, self._notice = terminal, None
        self._changed()

    def keys_came(self) -> None:
        """The store holds new keys."""
        with self._lock:
            self._time.raise_floor(self._store.signed_time_s)
        self._changed()

    def snapshot_came(self, held: Held, *, round_trip_ms: int) -> None:
        """The store holds a new snapshot, which took this long to ask for: it also tells the time."""
        with self._lock:
            self._journal.settle(held.posted_through)
            self._time.confirm(server_s=held.made_s, round_trip_ms=round_trip_ms)
            self._revoked = False
            self._take_parameters(held)
        self._changed()

    def line(self, *, online: bool) -> None:
        """The last exchange succeeded, or did not."""
        with self._lock:
            changed = online != self._network.online
            if changed:
                self._network = Network(online, self._time.now_ms())
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
            now_s = self._time.now_ms() // 1000
        newer = held.awaited(at_s=now_s)
        return held.decides_by(at_s=now_s), newer.number if newer is not None else 0

    def neighbours(self) -> int | None:
        """How many neighbours were heard lately; None where there is no network to hear them on."""
        return self._neighbours.heard() if self._listens else None

    def now_ms(self) -> int:
        """The time by which sales are decided, unix ms. Takes no lock."""
        return self._time.now_ms()

    def uploaded(self) -> None:
        """The count of unsent records went down."""
        self._changed()

    def look_at_clock(self) -> None:
        """To be called every second or so: a jump is seen even where nobody taps, and a neighbour that fell silent."""
        with self._lock:
            changed = self._time.observe(self._time.reading())
            before, self._heard = self._heard, self._neighbours.heard()
            changed = changed or before != self._heard
        if changed:
            self._changed()

    def maintain(self) -> None:
        """The journal's upkeep, while the clock can be believed. Raises JournalBroken."""
        with self._lock:
            reading = self._time.reading()
            sure, now_ms = self._time.doubt(reading) is None, self._time.now_ms(reading)
            mended = self._mend(now_ms)
        if mended:
            self._changed()
        if sure:
            self._journal.maintain(now_ms=now_ms)
            held = self._store.held
            if held is not None and self._journal.offer_again(made_ms=held.made_s * 1000):
                self._changed()

    def _mend(self, now_ms: int) -> bool:
        """Storage that failed is tried again; a sale found there that nobody was shown is undone."""
        if not self._journal.broken:
            return False
        if self._journal.mend():
            self._counter.newest.undo(now_ms, reason="not_shown")
        return not self._journal.broken

    # State

    def _standing(self) -> Standing:
        held, reading = self._store.held, self._time.reading()
        return Standing(
            enrolled=bool(self._terminal),
            revoked=self._revoked,
            broken=bool(self._journal.broken),
            has_keys=self._store.keys is not None,
            has_snapshot=held is not None and held.terminal in (self._terminal, UNTOLD),
            has_room=self._journal.has_room,
            newer_policy=newer_policy(held, at_s=self._time.now_ms(reading) // 1000),
            doubt=self._time.doubt(reading),
            notice=self._notice,
            unsent=self._journal.unsent,
        )

    def _take_parameters(self, held: Held) -> None:
        """The server's mode counts when it changes; in between the cashier's choice stands."""
        given = (held.parameters.mode, held.parameters.fixed_minor)
        if given != self._mode_from:
            self._mode_from = given
            self._counter.till = self._counter.till.set_to(given[0], fixed_minor=given[1])
        self._counter.till = self._counter.till.offered(self.catalogue())

    def _changed(self) -> None:
        screen = self.screen()
        for callback in list(self._subscribers):
            callback(screen)
