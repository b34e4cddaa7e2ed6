"""The counter: one tap after another, decided, made durable, told. Not for two threads at once."""

from collections.abc import Callable
from functools import partial

from devices.core.accept import Genuine
from devices.core.card import NotAUid, evidence_of, name_of
from devices.core.catalogue import Catalogue
from devices.core.declines import Decline, Why
from devices.core.funds import Pending, add_pending
from devices.core.journal import Facts, NoteRecord, PassRecord
from devices.core.messages import Authorise, Authorised
from devices.core.notes import CLEARED
from devices.core.policy import AgeStep, in_force
from devices.journal.journal import Journal
from devices.journal.orders import read_sale
from devices.journal.values import JournalBroken, JournalFull, NewestSale, Passing, RecordTooLarge
from devices.master import results, texts
from devices.master.around import Alone, Neighbours
from devices.master.decide import Declined, Memory, Sale, Tapped, decide, here, recognise, zone_of
from devices.master.extension import Extension
from devices.master.newest import Newest
from devices.master.online import Asking, settle, wants
from devices.master.passage import Passage
from devices.master.results import charged_minor, plain
from devices.master.screen import Outcome, Result, Said
from devices.master.standing import Standing
from devices.master.tap import SEEN_APART_MS, Taken
from devices.master.till import BasketError, Till
from devices.master.timekeeper import Timekeeper
from devices.store.snapshots import SnapshotStore, StoreBroken

NO_PRODUCTS = Catalogue()


class Counter:
    """`till` is what the next tap pays, `result` the answer to the last one, `explained` the same until the next."""

    def __init__(
        self,
        *,
        journal: Journal,
        store: SnapshotStore,
        time: Timekeeper,
        standing: Callable[[], Standing],
        passing: Passing,
        neighbours: Neighbours | None = None,
        may_ask: Callable[[], bool] = lambda: False,
    ) -> None:
        self._journal, self._store, self._time, self._standing = journal, store, time, standing
        self._passing, self._neighbours = passing, neighbours or Alone()
        self._may_ask = may_ask
        self.till = Till()
        self.result: Result | None = None
        self.explained: Result | None = None
        self.newest = Newest(journal, passing=passing)
        self.newest.find_name(store)
        self._number = 0
        self._taken: Taken | None = None
        self._before: Taken | None = None
        self._last_text, self._last_text_ms = "", 0
        self.extension, self.passage = Extension(journal), Passage(journal, self._neighbours)
        self._memory = Memory(store.find, self._pending, self._last_presented_s, zone_of, self._ages)

    def prepare(self, till: Till) -> None:
        """The next sale is being entered: the last answer is read."""
        self.till, self.result = till, None

    def put(self, product_id: int, quantity: int) -> None:
        """So many of a product in the basket. Raises BasketError."""
        product = self.catalogue().product(product_id)
        if product is None:
            raise BasketError(texts.NOT_IN_CATALOGUE)
        self.prepare(self.till.with_quantity(product, quantity))

    def catalogue(self) -> Catalogue:
        """What is sold here."""
        held = self._store.held
        return NO_PRODUCTS if held is None or held.catalogue is None else held.catalogue

    def scan(self, text: str, facts: Facts | None) -> Outcome | Asking:
        """A scanned text."""
        reading = self._time.reading()
        self._time.observe(reading)
        at_ms, tap_ms = self._time.now_ms(reading), reading.monotonic_ms
        taken = self._taken
        if taken is not None and taken.is_same_picture(text, at_ms=tap_ms):
            return taken.again
        stop, keys = self._standing().stop, self._store.keys
        if stop is not None or keys is None:
            return self._declined(text, plain(stop or Why.NOT_READY), tap_ms)
        code = recognise(text, trust=keys.trust, now_s=at_ms // 1000)
        if isinstance(code, Decline):
            return self._declined(text, Declined(code), tap_ms)
        self._time.raise_floor(code.grant.issued_at_s)
        return self._present(text, code, at_ms, tap_ms, facts)

    def tap_card(self, uid: bytes, facts: Facts | None) -> Outcome | Asking:
        """A card's number, as the reader gave it."""
        reading = self._time.reading()
        self._time.observe(reading)
        at_ms, tap_ms = self._time.now_ms(reading), reading.monotonic_ms
        stop, keys = self._standing().stop, self._store.keys
        if stop is not None or keys is None or not keys.card_key:
            return self._declined("", plain(stop or Why.NOT_READY), tap_ms)
        try:
            name = name_of(uid, card_key=keys.card_key)
            account_ref = self._store.find_card(name)
        except NotAUid:
            return self._declined("", plain(Why.NOT_A_CARD), tap_ms)
        except StoreBroken:
            return self._declined("", plain(Why.NOT_READY), tap_ms)
        text = evidence_of(name)
        if account_ref is None:
            return self._declined(text, plain(Why.CARD_UNKNOWN), tap_ms)
        return self._present(text, Tapped(name, account_ref), at_ms, tap_ms, facts)

    def reverse_last(self, *, reason: str = "cashier") -> Outcome:
        """Undo the newest sale; `approved` says whether it was."""
        at_ms = self._time.now_ms()
        return self._reverse(self.newest.reversible(at_ms), at_ms, reason=reason)

    def reverse(self, *, epoch: int, seq: int, reason: str, by: str = "") -> Outcome:
        """Undo this very sale, whatever came after it and however old it is."""
        at_ms = self._time.now_ms()
        try:
            sale = self._journal.read(partial(read_sale, epoch=epoch, seq=seq))
        except JournalBroken:
            return Outcome(approved=False, result=self._refuse(plain(Why.JOURNAL_FULL)))
        return self._reverse(sale if sale is not None and not sale.reversed else None, at_ms, reason=reason, by=by)

    def _reverse(self, sale: NewestSale | None, at_ms: int, *, reason: str, by: str = "") -> Outcome:
        if sale is None:
            return Outcome(approved=False, result=self._refuse(plain(Why.NOTHING_TO_REVERSE)))
        newest, place = self._journal.newest_sale, (sale.epoch, sale.record.seq)
        is_newest = newest is not None and (newest.epoch, newest.record.seq) == place
        if not self._undo(sale, at_ms, reason=reason, by=by):
            return Outcome(approved=False, result=self._refuse(plain(Why.JOURNAL_FULL)))
        self._number += 1
        name, amount_minor = self.newest.name if is_newest else "", charged_minor(sale.record)
        self.result = self.explained = results.of_reversal(
            number=self._number, at_ms=self._time.now_ms(), amount_minor=amount_minor, name=name
        )
        tail = self._journal.tail
        outcome = Outcome(True, self.result, epoch=tail.epoch, seq=tail.seq)
        self._taken, self._before = (
            each.undone(outcome) if each is not None and place == (each.outcome.epoch, each.outcome.seq) else each
            for each in (self._taken, self._before)
        )
        return outcome

    def ask(self, said: Said) -> None:
        """There is nothing to pay for yet: say what to do first."""
        self._declined("", plain(Why.NO_AMOUNT, said=said), self._time.reading().monotonic_ms)

    # A presentation

    def _present(
        self, text: str, code: Genuine | Tapped, at_ms: int, tap_ms: int, facts: Facts | None
    ) -> Outcome | Asking:
        repeats = self.till.repeats
        for taken in (self._taken, self._before if self.till.mode == "fixed" else None):
            if taken is None:
                continue
            same = taken.is_same_holder(
                code.account_ref, text, at_ms=tap_ms, fixed=repeats, card=isinstance(code, Tapped)
            )
            if same is not None:
                return taken.again if same else self._declined(text, plain(Why.BUSY), tap_ms)
        if self.till.mode == "pass":
            return self._pass(text, code, at_ms, tap_ms, facts)
        unfit = self._unfit(self.till)
        if unfit is not None:
            return self._declined(text, unfit, tap_ms)
        return self._sell(text, code, at_ms, tap_ms, facts)

    def _sell(
        self, text: str, code: Genuine | Tapped, at_ms: int, tap_ms: int, facts: Facts | None
    ) -> Outcome | Asking:
        try:
            decided = decide(
                text,
                code=code,
                memory=self._memory,
                at_ms=at_ms,
                seq=self._journal.next_seq,
                basket=self.till.lines(),
                facts=facts,
            )
            asking = self._asking(text, code, decided, at_ms, tap_ms, facts) if self._may_ask() else None
        except StoreBroken:
            return self._declined(text, plain(Why.NOT_READY), tap_ms)
        except JournalBroken:
            return self._declined(text, plain(Why.JOURNAL_FULL), tap_ms)
        return asking or self._conclude(text, code, decided, at_ms, tap_ms)

    def _asking(
        self,
        text: str,
        code: Genuine | Tapped,
        decided: Sale | Declined,
        at_ms: int,
        tap_ms: int,
        facts: Facts | None,
    ) -> Asking | None:
        """The question to the server, where there is one."""
        held, row = self._store.find(code.account_ref)
        policy = in_force(held.policies, at_s=at_ms // 1000)
        wanted = wants(decided, parameters=held.parameters, pending=self._pending(code.account_ref))
        if policy is None or not wanted:
            return None
        tail = self._journal.tail
        question = Authorise(tail.epoch, tail.seq + 1, at_ms, policy.number, text, self.till.lines(), facts)
        tap = here(held.parameters, zone=zone_of, policy=policy, now_s=at_ms // 1000)
        name = row.name if row is not None else ""
        return Asking(question, decided, code, self.till, tap, policy, held, name, tap_ms)

    def resume(self, asking: Asking, answer: Authorised | None) -> Outcome:
        """Go on with a presentation once the server has answered, or has not in time."""
        question, tail, stop = asking.question, self._journal.tail, self._standing().stop
        text, at_ms, tap_ms = question.evidence, question.at_ms, asking.tap_ms
        if stop is not None:
            return self._declined(text, plain(stop), tap_ms)
        if (tail.epoch, tail.seq + 1) != (question.epoch, question.seq) or self.till.lines() != question.basket:
            return self._declined(text, plain(Why.BUSY), tap_ms)
        return self._conclude(text, asking.code, settle(answer, asking=asking), at_ms, tap_ms)

    def _conclude(
        self, text: str, code: Genuine | Tapped, decided: Sale | Declined, at_ms: int, tap_ms: int
    ) -> Outcome:
        if isinstance(decided, Declined):
            return self._declined(text, decided, tap_ms)
        try:
            self._passing("sale.decided")
            if isinstance(code, Genuine) and not self._neighbours.claim(code):
                return self._declined(text, plain(Why.ALREADY_USED), tap_ms)
            self._journal.append_sale(decided.record, presented=decided.presented)
        except JournalFull:
            return self._declined(text, plain(Why.JOURNAL_FULL), tap_ms)
        except RecordTooLarge:
            return self._declined(text, plain(Why.NO_AMOUNT, said=texts.BASKET_FULL), tap_ms)
        except JournalBroken as error:
            if error.landed:
                self.newest.undo(at_ms, reason="not_shown")
            return self._declined(text, plain(Why.JOURNAL_FULL), tap_ms)
        self._passing("sale.durable")
        self._neighbours.sold(self._journal.tail.epoch, decided.record, decided.code)
        if decided.code is not None:
            self._time.accepted(decided.code, at_ms=at_ms)
        return self._approved(text, decided)

    def _pass(self, text: str, code: Genuine | Tapped, at_ms: int, tap_ms: int, facts: Facts | None) -> Outcome:
        try:
            decided = self.passage.decide(text, code=code, memory=self._memory, at_ms=at_ms, facts=facts)
            if isinstance(decided, Declined):
                return self._declined(text, decided, tap_ms)
            self._passing("pass.decided")
            if not self._may_claim_way(code, decided.record):
                return self._declined(text, plain(Why.ALREADY_USED), tap_ms)
            self._journal.append_pass(decided.record, presented=decided.presented)
        except (JournalFull, JournalBroken):
            return self._declined(text, plain(Why.JOURNAL_FULL), tap_ms)
        except StoreBroken:
            return self._declined(text, plain(Why.NOT_READY), tap_ms)
        self._passing("pass.durable")
        record = decided.record
        self.passage.passed(self._journal.tail.epoch, record)
        self._number += 1
        self.result = self.explained = results.of_passage(
            number=self._number, at_ms=self._time.now_ms(), outwards=record.direction == "out", name=decided.name
        )
        return self._took(text, self.result, record.account_ref, record.seq)

    def _may_claim_way(self, code: Genuine | Tapped, record: PassRecord) -> bool:
        """No other gate of the hall is letting this code in; nobody is held in, and a card is the same each time."""
        if record.direction == "out" or isinstance(code, Tapped):
            return True
        return self._neighbours.claim_way(code, outlet=record.tap.outlet)

    def noted(self, record: NoteRecord) -> None:
        """A note is durable."""
        if record.what == CLEARED:
            self.passage.cleared(self._journal.tail.epoch, record)

    def _unfit(self, till: Till) -> Declined | None:
        """A basket that is not what the cashier put there is told once, before anybody pays for the rest of it."""
        if till.gone:
            self.till = till.seen()
            return plain(Why.NOT_SOLD_HERE, said=texts.gone(till.gone))
        if till.mode == "products" and not till.amount_minor:
            return plain(Why.NO_AMOUNT, said=texts.NO_PRODUCTS)
        return None

    def _approved(self, text: str, sale: Sale) -> Outcome:
        self._number += 1
        self.result = self.explained = results.of_sale(sale, number=self._number, at_ms=self._time.now_ms())
        self.till = self.till.cleared()
        self.newest.name = sale.name
        return self._took(text, self.result, sale.record.account_ref, sale.record.seq)

    def _took(self, text: str, result: Result, account_ref: int, seq: int) -> Outcome:
        """While the disk wrote, nobody looked: who is seen next was there all the time. So may be who paid before, at
        another reader.
        """
        outcome = Outcome(True, result, epoch=self._journal.tail.epoch, seq=seq)
        now_ms = self._time.reading().monotonic_ms
        if self._taken is not None and self._taken.account_ref != account_ref:
            self._before = self._taken
        self._taken = Taken(text, account_ref, now_ms, seen_ms=now_ms, outcome=outcome)
        return outcome

    def _declined(self, text: str, declined: Declined, tap_ms: int) -> Outcome:
        """Show it; further pictures of the same refused code are the same result, so it sounds once."""
        same = (
            self.result is not None
            and self.result.why == declined.decline.why.value
            and text == self._last_text
            and tap_ms - self._last_text_ms < SEEN_APART_MS
        )
        self._last_text, self._last_text_ms = text, self._time.reading().monotonic_ms
        return Outcome(approved=False, result=self._refuse(declined, same=same))

    def _refuse(self, declined: Declined, *, same: bool = False) -> Result:
        self._number += 0 if same else 1
        self.result = self.explained = results.of_decline(
            declined, number=self._number, at_ms=self._time.now_ms(), amount_minor=self.till.amount_minor
        )
        return self.result

    def _undo(self, sale: NewestSale, at_ms: int, *, reason: str, by: str = "") -> bool:
        reversal = self.newest.undo(at_ms, reason=reason, sale=sale, by=by)
        if reversal is None:
            return False
        self._neighbours.undone(self._journal.tail.epoch, reversal, sale.record.evidence)
        return True

    # What is known of people and codes

    def _pending(self, account_ref: int) -> Pending:
        return add_pending(self._journal.pending(account_ref), self._neighbours.pending(account_ref))

    def _ages(self, table: tuple[AgeStep, ...], snapshot_made_s: int, now_s: int) -> tuple[AgeStep, ...]:
        return self.extension.ages(table, snapshot_made_s=snapshot_made_s, now_s=now_s)

    def _last_presented_s(self, code_id: bytes) -> int | None:
        here, there = self._journal.last_presented_s(code_id), self._neighbours.last_presented_s(code_id)
        return max((each for each in (here, there) if each is not None), default=None)
