"""The neighbours of a terminal: `Neighbours` for the sale and the gate, and what is said and heard beside it.

Neither waits for anything but its claim, and for that no longer than `claim_wait_ms`. What is told may be lost: the
teller repeats it, and says every few seconds how far it has come, so that a listener asks for what it lacks.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from devices.core.accept import Genuine, presented_at
from devices.core.funds import Pending, add_pending
from devices.core.journal import NoteRecord, PassRecord, ReversalRecord, SaleRecord
from devices.core.signing import SigningKey
from devices.drivers.clock import Clock
from devices.drivers.randomness import Randomness
from devices.journal.values import JournalBroken
from devices.journal.walked import Seen
from devices.lan import own
from devices.lan.claims import NEVER, Claims, Ours
from devices.lan.messages import (
    MAX_ENDS,
    NONCE_BYTES,
    Claim,
    Cleared,
    Fact,
    Have,
    HavePassed,
    Item,
    NotOurs,
    Objection,
    PassageFact,
    Passed,
    Told,
    Undone,
    Want,
    WantPassed,
    packed,
    passing_name,
    seal,
    unseal,
    verified,
)
from devices.lan.peer import ASK_AGAIN_MS, Address, Link, OwnJournal, Peer, Store
from devices.lan.site import Site
from devices.store.held import Held, Keys

REPEAT_AFTER_MS = (40, 160)
"""A sale is told again after these; what is lost even so is asked for."""
CLAIM_TIMES = 3
"""A claim is said so often while it waits."""
HAVE_EVERY_MS = 2_000
LIVELY_MS = 3 * HAVE_EVERY_MS + 1_000
"""A neighbour heard within this is there."""
CLAIM_AGE_S = 60
"""A claim of another time than this around now is a replay, or of a clock that is not to be believed."""
REMEMBERED_MS = 10 * 60 * 1000
"""Codes that were taken before a restart and might be claimed yet; no code lives as long."""
MAX_WAITING = 1_000
ANSWERS = 2
"""Of one datagram's questions so many are answered."""
UPKEEP_MS = 60_000
REREAD_MS = 3_600_000
CLOCK_SET_MS = 3_600_000
"""A clock set by more than this judged what was heard by a wrong time: all of it is asked for again."""


class _Due(NamedTuple):
    at_ms: int
    item: Item


class Lan:
    """Give it datagrams by `receive` and time by `tick`, from one thread; the sale calls the rest from its own."""

    def __init__(
        self,
        *,
        seed: bytes,
        store: Store,
        journal: OwnJournal,
        clock: Clock,
        randomness: Randomness,
        link: Link,
    ) -> None:
        self._signer, self._store, self._link = SigningKey(seed), store, link
        self._clock, self._randomness = clock, randomness
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._claims = Claims()
        self._peers: dict[int, Peer] = {}
        self._waiting: list[_Due] = []
        self._site: Site | None = None
        self._site_of: tuple[Held | None, Keys | None] = (None, None)
        self._have_due_ms = self._upkeep_due_ms = 0
        self._reread_due_ms = clock.monotonic_ms() + REREAD_MS
        self._lively = 0
        self._now_ms = clock.wall_ms
        self._clock_ms: int | None = None
        self._sales = own.Story(journal, "sales", lambda: self._now_ms())
        self._passages = own.Story(journal, "passages", lambda: self._now_ms())
        self._remember(self._now_ms() - REMEMBERED_MS)

    def go_by(self, now_ms: Callable[[], int]) -> None:
        """The time that sales go by, unix ms, in place of the clock's; it must not wait for a lock."""
        self._now_ms = now_ms

    # Asked and told by the sale

    def heard(self) -> int:
        """How many neighbours were heard lately."""
        return self._lively

    def last_presented_s(self, code_id: bytes) -> int | None:
        """The last moment that a neighbour accepted for this code id."""
        with self._lock:
            self._refresh()
            found = (peer.facts.last_presented_s(code_id) for peer in self._peers.values())
            return max((each for each in found if each is not None), default=None)

    def pending(self, account_ref: int) -> Pending:
        """What this person spent at neighbours and the snapshot does not contain."""
        total = Pending()
        with self._lock:
            self._refresh()
            for peer in self._peers.values():
                total = add_pending(total, peer.facts.pending(account_ref))
        return total

    def last_passed_s(self, code_id: bytes, *, outlet: int) -> int | None:
        """The last moment that another gate of this hall took of this code."""
        name = passing_name(code_id, outlet=outlet)
        with self._lock:
            self._refresh()
            found = (peer.passages.last_presented_s(name) for peer in self._peers.values() if peer.passages)
            return max((each for each in found if each is not None), default=None)

    def seen(self, account_ref: int, *, business_date: str) -> list[Seen]:
        """What the other gates of this hall saw of a person."""
        with self._lock:
            self._refresh()
            heard = [peer.passages for peer in self._peers.values() if peer.passages is not None]
            return [each.of(account_ref, business_date=business_date) for each in heard]

    def claim(self, code: Genuine) -> bool:
        """Say that this code is being taken here, and wait as set; False where a neighbour goes before."""
        return self._claim(code.code.code_id, presented_at(code.code))

    def claim_way(self, code: Genuine, *, outlet: int) -> bool:
        """The same for the way into a hall; a sale by the same code is another thing."""
        return self._claim(passing_name(code.code.code_id, outlet=outlet), presented_at(code.code))

    def _claim(self, name: bytes, moment_s: int) -> bool:
        with self._lock:
            self._refresh()
            site = self._site
            if site is None or not site.publics:
                return True
            ours = self._claims.begin(name, moment_s, now_ms=self._clock.monotonic_ms())
            if ours is None:
                return False
            wait_ms = site.claim_wait_ms if self._lively else 0
        return self._won(ours, Claim(name, moment_s, self._now_ms() // 1000), wait_ms)

    def _won(self, ours: Ours, said: Claim, wait_ms: int) -> bool:
        for _time in range(CLAIM_TIMES if wait_ms else 1):
            self._say([said], None)
            with self._answered:
                self._answered.wait_for(lambda: ours.lost, wait_ms / CLAIM_TIMES / 1000 if wait_ms else 0)
                if ours.lost:
                    break
        with self._lock:
            return self._claims.decided(ours)

    def sold(self, epoch: int, record: SaleRecord, code: Genuine | None) -> None:
        """A sale is durable here."""
        with self._lock:
            said = own.told(epoch, record, after=self._sales.told(epoch, record.seq))
            if code is not None:
                self._claims.took(said.code, said.moment_s)
        self._tell(said)

    def undone(self, epoch: int, record: ReversalRecord, _evidence: str) -> None:
        """A sale was reversed: the code may be taken again here, and here alone."""
        with self._lock:
            said = own.undone(epoch, record, after=self._sales.told(epoch, record.seq))
        self._tell(said)

    def passed(self, epoch: int, record: PassRecord) -> None:
        """A passage is durable here."""
        with self._lock:
            said = own.passed(epoch, record, after=self._passages.told(epoch, record.seq))
            if said.code:
                self._claims.took(said.code, said.moment_s)
        self._tell(said)

    def cleared(self, epoch: int, record: NoteRecord) -> None:
        """A supervisor let everybody in again."""
        with self._lock:
            said = own.cleared(epoch, record, after=self._passages.told(epoch, record.seq))
        self._tell(said)

    def _tell(self, said: Fact | PassageFact) -> None:
        now_ms = self._clock.monotonic_ms()
        with self._lock:
            room = MAX_WAITING - len(self._waiting)
            self._waiting += [_Due(now_ms + after_ms, said) for after_ms in REPEAT_AFTER_MS][: max(0, room)]
        self._say([said], None)

    # Heard

    def receive(self, data: bytes, source: Address) -> None:
        """A datagram came. Whatever it is, it raises nothing."""
        now_ms = self._clock.monotonic_ms()
        with self._lock:
            self._refresh()
            site = self._site
        if site is None:
            return
        with suppress(NotOurs):
            sealed = unseal(data, keys=site.keys)
            peer, public = self._peers.get(sealed.terminal), site.publics.get(sealed.terminal)
            if peer is None or public is None or not peer.admits(now_ms, source):
                return
            items = verified(sealed, public=public)
            self._take(sealed.terminal, peer, items, source=source, now_ms=now_ms)

    def _take(self, terminal: int, peer: Peer, items: tuple[Item, ...], *, source: Address, now_ms: int) -> None:
        answers: list[Item] = []
        with self._lock:
            peer.spoke(source, now_ms)
            for item in items:
                answers += self._hear(item, terminal, peer, now_ms=now_ms)
            answers += peer.questions(now_ms)
        answers += self._answers([item for item in items if isinstance(item, Want | WantPassed)], peer, now_ms=now_ms)
        self._say(answers, source)
        self._look_around(now_ms)

    def _hear(self, item: Item, terminal: int, peer: Peer, *, now_ms: int) -> list[Item]:
        """Take it in, under the lock; what to answer at once."""
        wall_ms = self._now_ms()
        if isinstance(item, Told | Undone):
            peer.facts.take(item, now_s=wall_ms // 1000)
        elif isinstance(item, Passed | Cleared):
            if peer.passages is not None:
                peer.passages.take(item, now_ms=wall_ms)
        elif isinstance(item, Claim):
            return self._judge(item, terminal, now_ms=now_ms, now_s=wall_ms // 1000)
        elif isinstance(item, Objection):
            self._objected(item)
        elif isinstance(item, Have):
            peer.ends.say(item.ends)
            return self._have(asks=False) if item.asks else []
        elif isinstance(item, HavePassed) and peer.passages is not None:
            peer.passage_ends.say(item.ends)
        return []

    def _used_s(self, code: bytes, *, but: int) -> int:
        """The last moment at which others than `but` sold or opened for the code, as far as known; else -1."""
        last_s = NEVER
        for number, peer in self._peers.items():
            if number != but:
                by_passages = peer.passages.last_presented_s(code) if peer.passages is not None else None
                for each in (peer.facts.last_presented_s(code), by_passages):
                    last_s = max(last_s, each if each is not None else NEVER)
        return last_s

    def _judge(self, claim: Claim, terminal: int, *, now_ms: int, now_s: int) -> list[Item]:
        site = self._site
        if site is None or abs(claim.at_s - now_s) > CLAIM_AGE_S:
            return []
        refused = self._used_s(claim.code, but=terminal) >= claim.moment_s or self._claims.heard(
            claim.code, claim.moment_s, terminal=terminal, here=site.terminal, now_ms=now_ms
        )
        self._answered.notify_all()
        return [Objection(terminal, claim.code, claim.moment_s)] if refused else []

    def _objected(self, said: Objection) -> None:
        if self._site is not None and said.to == self._site.terminal:
            self._claims.objected(said.code, said.moment_s)
            self._answered.notify_all()

    def _answers(self, wanted: Sequence[Want | WantPassed], peer: Peer, *, now_ms: int) -> list[Item]:
        """The first questions to which there is something to say."""
        found: list[Item] = []
        answered = 0
        for want in wanted:
            if answered == ANSWERS or not peer.may_be_answered(now_ms):
                break
            story = self._sales if isinstance(want, Want) else self._passages
            facts = story.answer(want.epoch, want.after)
            found += facts
            answered += bool(facts)
        return found

    # By the clock

    def tick(self) -> int:
        """Say what is due; how many ms until there is something again."""
        now_ms = self._clock.monotonic_ms()
        self._look_at_clock(now_ms)
        with self._lock:
            self._refresh()
            due = [each.item for each in self._waiting if each.at_ms <= now_ms]
            self._waiting = [each for each in self._waiting if each.at_ms > now_ms]
            if now_ms >= self._have_due_ms:
                self._have_due_ms = now_ms + int(HAVE_EVERY_MS * (0.75 + self._randomness.fraction() / 2))
                due += self._have(asks=not self._lively)
            asked = [(peer.address, peer.questions(now_ms)) for peer in self._peers.values() if peer.address]
            if now_ms >= self._upkeep_due_ms:
                self._upkeep_due_ms = now_ms + UPKEEP_MS
                self._upkeep()
            next_ms = min([self._have_due_ms, *(each.at_ms for each in self._waiting)])
        self._say(due, None)
        for address, wants in asked:
            self._say(wants, address)
        self._look_around(now_ms)
        return max(0, min(next_ms - now_ms, ASK_AGAIN_MS))

    def _look_at_clock(self, now_ms: int) -> None:
        """Now and then, and where the clock was set, begin again with what depends on it. May read the journal."""
        before_ms, self._clock_ms = self._clock_ms, self._now_ms() - now_ms
        was_set = before_ms is not None and abs(self._clock_ms - before_ms) > CLOCK_SET_MS
        if was_set:
            with self._lock:
                self._peers, self._site_of = {}, (None, None)
        if not was_set and now_ms < self._reread_due_ms:
            return
        self._reread_due_ms = now_ms + REREAD_MS
        for story in (self._sales, self._passages):
            before = story.ends
            with suppress(JournalBroken):
                found = story.read_ends()
                with self._lock:
                    story.follow(found, before=before)

    def _upkeep(self) -> None:
        wall_ms = self._now_ms()
        self._site_of = (None, None)
        self._refresh()
        for peer in self._peers.values():
            peer.facts.forget(now_s=wall_ms // 1000)
            if peer.passages is not None:
                peer.passages.forget(now_ms=wall_ms)

    def _have(self, *, asks: bool) -> list[Item]:
        said: list[Item] = [Have(self._sales.ends[-MAX_ENDS:], asks)]
        passages = self._passages.ends[-MAX_ENDS:]
        return [*said, HavePassed(passages)] if passages else said

    def _look_around(self, now_ms: int) -> None:
        with self._lock:
            heard = [peer.heard_ms for peer in self._peers.values() if peer.heard_ms is not None]
            self._lively = sum(now_ms - each < LIVELY_MS for each in heard)

    def _refresh(self) -> None:
        """Follow the snapshot: whoever is new in it is greeted, and who left it is heard and counts no more."""
        held, keys = self._store.held, self._store.keys
        if self._site_of[0] is held and self._site_of[1] is keys:
            return
        self._site_of = (held, keys)
        self._site = site = Site.of(held, keys, now_s=self._now_ms() // 1000)
        publics = site.publics if site is not None else {}
        before = self._peers
        self._peers = {
            terminal: before[terminal] if terminal in before and before[terminal].public == public else Peer(public)
            for terminal, public in publics.items()
        }
        if publics.keys() - before.keys():
            self._have_due_ms = 0
        for peer in self._peers.values():
            peer.at_hall(site.hall if site is not None else None)
        for each in held.peers if held is not None else ():
            if each.terminal in self._peers:
                self._peers[each.terminal].facts.settle({posted.epoch: posted.seq for posted in each.posted})

    def _remember(self, since_ms: int) -> None:
        """What was sold and opened for just before this process began."""
        for story in (self._sales, self._passages):
            for code, moment_s in story.codes(since_ms=since_ms):
                self._claims.took(code, moment_s)

    def _say(self, items: Sequence[Item], to: Address | None) -> None:
        site = self._site
        if site is None or not site.publics or not items:
            return
        for batch in packed(items):
            data = seal(
                batch,
                terminal=site.terminal,
                signer=self._signer,
                key_id=site.key_id,
                key=site.keys[site.key_id],
                nonce=self._randomness.token(NONCE_BYTES),
            )
            self._link.send(data, to)
