"""The supervisor's menu. Plain calls that return values; a host draws them. All of it works with no line.

Every try of a PIN is on the disk before it is answered, and so is everything done. It needs a server that reads notes
(journal format 2). Two people are two supervisors with a PIN each: what one of them does with both PINs nobody sees.
"""

import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from devices.core.journal import NoteRecord, PassRecord, ReversalRecord, SaleRecord
from devices.core.messages import Supervisor
from devices.core.notes import MENU_OPENED, MENU_TRIED, SHIFT_CLOSED, SHIFT_OPENED, VOIDED
from devices.core.pin import holds
from devices.drivers.printer import Printer, PrinterError, Receipt
from devices.journal.looking import Written
from devices.journal.values import DAY_MS, JournalBroken
from devices.master.control import NOTES_FORMAT, MasterControl
from devices.master.decide import zone_of
from devices.master.desk import OfflineTime
from devices.master.results import charged_minor
from devices.supervisor import words
from devices.supervisor.diagnostics import diagnose
from devices.supervisor.lockout import FREE_TRIES, shut_out_until_ms, wrong_tries
from devices.supervisor.shift import Head, open_since, report, totals
from devices.supervisor.values import Check, Closed, Done, Named, Refused, SaleShown, Session, Shift

IDLE_MS = 3 * 60 * 1000
"""Nobody pressed anything for so long: whoever stands there now is somebody else."""
SALES_SHOWN = 200
"""More do not fit a list that somebody reads; an older one is voided by its place on the receipt."""
VOID = "void"
"""The reversal's reason; its cashier is the supervisor's number."""
_LOOK_BACK_MS = 8 * DAY_MS
_ALL_KEPT = 0
"""Without a line a shift can last longer than any number of days chosen here."""

P = ParamSpec("P")
T = TypeVar("T")


class Menu:
    """Of one terminal; may be called from any thread, one call after another. Raises nothing for what is pressed."""

    def __init__(self, control: MasterControl, *, printer: Printer | None = None, software: str = "") -> None:
        self._control, self._desk, self._printer, self._software = control, control.desk, printer, software
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._numbers = self._used_ms = 0

    # Coming and going

    def supervisors(self) -> tuple[Named, ...]:
        """Who may enter here."""
        return tuple(Named(each.id, each.name) for each in self._desk.supervisors)

    def enter(self, supervisor: int, pin: str) -> Session | Refused:
        """Open the menu; an older session ends."""
        with self._lock:
            refused = self._check(supervisor, pin)
            if refused is not None:
                return refused
            self._numbers += 1
            self._session = Session(supervisor, self._name(str(supervisor)), self._numbers)
            self._used_ms = self._desk.monotonic_ms()
            return self._session

    def leave(self) -> None:
        """Close the menu."""
        with self._lock:
            self._session = None

    # The shift

    def shift(self, session: Session) -> Shift | Refused | None:
        """The open shift and what it took so far; None where none is open."""
        return self._within(session, self._shift_now)

    def open_shift(self, session: Session) -> Done | Refused:
        """Begin to count."""
        return self._within(session, self._open_shift, session)

    def close_shift(self, session: Session, *, language: str = "zh") -> Closed | Refused:
        """Count, write it down, then print; a printer without paper changes nothing of what was written."""
        closed = self._within(session, self._close_shift, session, language)
        return closed if isinstance(closed, Refused) else self._print(closed)

    def print_again(self, closed: Closed) -> Closed:
        """The same report once more."""
        return self._print(closed)

    def sales(self, session: Session) -> tuple[SaleShown, ...] | Refused:
        """Those of this shift, newest first."""
        return self._within(session, self._sales)

    def void(self, session: Session, *, epoch: int, seq: int) -> Done | Refused:
        """Reverse this sale of the shift, whole, whatever came after it."""
        return self._within(session, self._void, session, epoch, seq)

    # Without a line

    def offline_time(self, session: Session) -> OfflineTime | Refused | None:
        """How long sales go on without the server; None before a snapshot."""
        return self._within(session, self._desk.offline_time)

    def extend(self, session: Session, *, hours: int, second: int, pin: str) -> Done | Refused:
        """Sell so many hours beyond the age table, at its last step's limits; the second supervisor types their PIN."""
        return self._within(session, self._extend, session, hours, second, pin)

    def let_in_again(self, session: Session) -> Done | Refused:
        """At a gate: nobody counts as inside any more."""
        return self._within(session, self._let_in_again, session)

    def diagnostics(self, session: Session) -> tuple[Check, ...] | Refused:
        """How the terminal is."""
        return self._within(session, self._diagnose)

    # Under the lock

    def _within(self, session: Session, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | Refused:
        with self._lock:
            now_ms = self._desk.monotonic_ms()
            if session != self._session or now_ms - self._used_ms >= IDLE_MS:
                self._session = None
                return Refused(words.ENDED, ended=True)
            self._used_ms = now_ms
            try:
                return work(*args, **named)
            except JournalBroken:
                return Refused(words.NOT_WRITTEN)

    def _check(self, supervisor: int, pin: str) -> Refused | None:
        parameters = self._desk.parameters
        if parameters is None or parameters.journal < NOTES_FORMAT or not parameters.supervisors:
            return Refused(words.NO_MENU)
        known = next((each for each in parameters.supervisors if each.id == supervisor), None)
        if known is None:
            return Refused(words.WRONG_PIN)
        by = (str(supervisor),)
        try:
            count, last_ms = wrong_tries(self._notes(), supervisor)
        except JournalBroken:
            return Refused(words.NOT_WRITTEN)
        if count >= FREE_TRIES and self._desk.doubt() is not None:
            return Refused(words.CLOCK)
        wait_s = self._wait_s(count, last_ms)
        if wait_s:
            return Refused(words.wait(wait_s), wait_s)
        if not self._desk.note(MENU_TRIED, by=by):
            return Refused(words.NOT_WRITTEN)
        if not _is_pin_of(known, pin):
            wait_s = self._wait_s(count + 1, self._desk.now_ms())
            return Refused(words.wait(wait_s) if wait_s else words.WRONG_PIN, wait_s)
        return None if self._desk.note(MENU_OPENED, by=by) else Refused(words.NOT_WRITTEN)

    def _wait_s(self, count: int, last_ms: int) -> int:
        return max(0, -((self._desk.now_ms() - shut_out_until_ms(count, last_ms)) // 1000))

    def _notes(self) -> list[NoteRecord]:
        written = self._desk.written(NoteRecord, since_ms=self._desk.now_ms() - _LOOK_BACK_MS)
        return [each.record for each in written if isinstance(each.record, NoteRecord)]

    def _of_shift(self) -> tuple[NoteRecord, list[Written]] | None:
        """The note that opened it, and all that came after."""
        kinds = (SaleRecord, ReversalRecord, PassRecord, NoteRecord)
        notes = self._desk.written(NoteRecord, since_ms=_ALL_KEPT)
        place = open_since(notes)
        opened = notes[place].record if place is not None else None
        if not isinstance(opened, NoteRecord):
            return None
        written = self._desk.written(*kinds, since_ms=opened.at_ms - DAY_MS)
        began = open_since(written)
        return None if began is None else (opened, written[began + 1 :])

    def _shift_now(self) -> Shift | None:
        found = self._of_shift()
        if found is None:
            return None
        opened, written = found
        return Shift(opened.at_ms, self._names(opened.by), totals(written, find=self._find))

    def _open_shift(self, session: Session) -> Done | Refused:
        if self._of_shift() is not None:
            return Refused(words.OPEN_ALREADY)
        done = self._desk.note(SHIFT_OPENED, by=(str(session.supervisor),))
        return Done(words.OPENED) if done else Refused(words.NOT_WRITTEN)

    def _close_shift(self, session: Session, language: str) -> Closed | Refused:
        found, parameters = self._of_shift(), self._desk.parameters
        if found is None or parameters is None:
            return Refused(words.NO_SHIFT)
        opened, written = found
        sums, health = totals(written, find=self._find), self._desk.health()
        params = {name: getattr(sums, name) for name in sums.__struct_fields__} | {"opened_ms": opened.at_ms}
        if not self._desk.note(SHIFT_CLOSED, by=(str(session.supervisor),), params=params):
            return Refused(words.NOT_WRITTEN)
        screen = self._control.screen()
        head = Head(
            outlet=screen.outlet,
            terminal=f"{screen.terminal} {parameters.name}",
            opened_ms=opened.at_ms,
            opened_by=self._names(opened.by),
            closed_ms=health.at_ms,
            closed_by=session.name,
            unsent=screen.unsent,
            place=f"{health.epoch:016x} {health.seq + 1}",
        )
        lines = report(head, sums, language=language, zone=zone_of(parameters.zone))
        return Closed(words.CLOSED, sums, lines, printed=False)

    def _print(self, closed: Closed) -> Closed:
        if self._printer is None:
            return closed
        try:
            self._printer.print(Receipt(closed.lines))
        except PrinterError as error:
            return Closed(closed.said, closed.totals, closed.lines, printed=False, trouble=error.said)
        return Closed(closed.said, closed.totals, closed.lines, printed=True)

    def _sales(self) -> tuple[SaleShown, ...] | Refused:
        found = self._of_shift()
        if found is None:
            return Refused(words.NO_SHIFT)
        sold, undone = _sold(found[1])
        return tuple(
            SaleShown(
                epoch=epoch,
                seq=record.seq,
                at_ms=record.at_ms,
                amount_minor=charged_minor(record),
                name=self._desk.name_of(record.account_ref),
                reversed=(epoch, seq) in undone,
            )
            for (epoch, seq), record in list(sold.items())[: -SALES_SHOWN - 1 : -1]
        )

    def _void(self, session: Session, epoch: int, seq: int) -> Done | Refused:
        found = self._of_shift()
        if found is None:
            return Refused(words.NO_SHIFT)
        sold, undone = _sold(found[1])
        sale = sold.get((epoch, seq))
        if sale is None or (epoch, seq) in undone:
            return Refused(words.NOT_OF_SHIFT)
        by = str(session.supervisor)
        outcome = self._control.reverse(epoch=epoch, seq=seq, reason=VOID, by=by)
        if not outcome.approved:
            return Refused(outcome.result.sentence)
        amount_minor = charged_minor(sale)
        self._desk.note(VOIDED, by=(by,), params={"epoch": epoch, "seq": seq, "amount_minor": amount_minor})
        return Done(words.voided(amount_minor))

    def _extend(self, session: Session, hours: int, second: int, pin: str) -> Done | Refused:
        offline = self._desk.offline_time()
        if offline is None or not offline.grantable_h:
            return Refused(words.NOT_NEEDED)
        if not 0 < hours <= offline.grantable_h:
            return Refused(words.TOO_LONG)
        if second == session.supervisor:
            return Refused(words.TWO_PEOPLE)
        refused = self._check(second, pin)
        if refused is not None:
            return refused
        done = self._desk.extend(hours, by=(str(session.supervisor), str(second)))
        return Done(words.extended(hours)) if done else Refused(words.NOT_WRITTEN)

    def _let_in_again(self, session: Session) -> Done | Refused:
        done = self._desk.let_in_again(by=str(session.supervisor))
        return Done(words.LET_IN) if done else Refused(words.NOT_WRITTEN)

    def _diagnose(self) -> tuple[Check, ...]:
        return diagnose(
            self._desk.health(),
            self._control.screen(),
            parameters=self._desk.parameters,
            software=self._software,
            printer=self._printer is not None,
        )

    def _find(self, epoch: int, seq: int) -> SaleRecord | None:
        sale = self._control.sale(epoch=epoch, seq=seq)
        return sale.record if sale is not None else None

    def _name(self, number: str) -> str:
        named = {str(each.id): each.name for each in self._desk.supervisors}
        return named.get(number, f"#{number}")

    def _names(self, by: tuple[str, ...]) -> str:
        return "、".join(self._name(number) for number in by)


def _sold(written: list[Written]) -> tuple[dict[tuple[int, int], SaleRecord], set[tuple[int, int]]]:
    """A shift's sales by epoch and sequence, oldest first, and which were reversed in it."""
    sold = {(each.epoch, each.record.seq): each.record for each in written if isinstance(each.record, SaleRecord)}
    reversals = (each.record for each in written if isinstance(each.record, ReversalRecord))
    return sold, {(record.of_epoch, record.of_seq) for record in reversals}


def _is_pin_of(supervisor: Supervisor, pin: str) -> bool:
    try:
        salt, pin_hash = bytes.fromhex(supervisor.salt), bytes.fromhex(supervisor.pin_hash)
    except ValueError:
        return False
    return holds(pin, salt=salt, pin_hash=pin_hash)
