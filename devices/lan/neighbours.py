"""The neighbours of a terminal: `Neighbours` for the sale, and what is said and heard beside it.

A sale waits for nothing but its claim, and for that no longer than `claim_wait_ms`. What is told may be lost: the
teller repeats it, and says every few seconds how far it has come, so that a listener asks for what it lacks.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from devices.core.accept import Genuine, presented_at
from devices.core.funds import Pending, add_pending
from devices.core.journal import ReversalRecord, SaleRecord
from devices.core.signing import SigningKey
from devices.drivers.clock import Clock
from devices.drivers.randomness import Randomness
from devices.journal.values import JournalBroken
from devices.lan import own
from devices.lan.claims import Claims, Ours
from devices.lan.heard import KEEP_S
from devices.lan.messages import (
    MAX_ENDS,
    NONCE_BYTES,
    Claim,
    Fact,
    Have,
    Item,
    NotOurs,
    Objection,
    Told,
    Undone,
    Want,
    packed,
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
MAX_REMEMBERED = 2_000
MAX_WAITING = 1_000
FACTS_PER_ANSWER = 16
UPKEEP_MS = 60_000


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
        self._signer, self._store, self._journal, self._link = SigningKey(seed), store, journal, link
        self._clock, self._randomness = clock, randomness
        self._lock = threading.Lock()
        self._answered = threading.Condition(self._lock)
        self._claims = Claims()
        self._peers: dict[int, Peer] = {}
        self._waiting: list[_Due] = []
        self._site: Site | None = None
        self._site_of: tuple[Held | None, Keys | None] = (None, None)
        self._have_due_ms = self._upkeep_due_ms = 0
        self._lively = 0
        self._now_ms = clock.wall_ms
        self._ends = journal.told_ends(since_ms=self._since_ms())
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

    def claim(self, code: Genuine) -> bool:
        """Say that this code is being taken here, and wait as set; False where a neighbour goes before."""
        code_id, moment_s = code.code.code_id, presented_at(code.code)
        with self._lock:
            self._refresh()
            site = self._site
            if site is None or not site.publics:
                return True
            ours = self._claims.begin(code_id, moment_s, now_ms=self._clock.monotonic_ms())
            if ours is None:
                return False
            wait_ms = site.claim_wait_ms if self._lively else 0
        said = Claim(code_id, moment_s, self._now_ms() // 1000)
        return self._won(ours, said, wait_ms)

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
            said = own.told(epoch, record, after=self._ends.get(epoch, 0))
            if code is not None:
                self._claims.took(said.code, said.moment_s)
        self._tell(said)

    def undone(self, epoch: int, record: ReversalRecord, _evidence: str) -> None:
        """A sale was reversed: the code may be taken again here, and here alone."""
        with self._lock:
            said = own.undone(epoch, record, after=self._ends.get(epoch, 0))
        self._tell(said)

    def _tell(self, said: Fact) -> None:
        now_ms = self._clock.monotonic_ms()
        with self._lock:
            self._ends[said.epoch] = said.seq
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
            if peer is None or public is None or not peer.admits(now_ms):
                return
            items = verified(sealed, public=public)
            self._take(sealed.terminal, peer, items, source=source, now_ms=now_ms)

    def _take(self, terminal: int, peer: Peer, items: tuple[Item, ...], *, source: Address, now_ms: int) -> None:
        answers: list[Item] = []
        wanted: list[Want] = []
        now_s = self._now_ms() // 1000
        with self._lock:
            peer.address, peer.heard_ms = source, now_ms
            for item in items:
                if isinstance(item, Told | Undone):
                    peer.facts.take(item, now_s=now_s)
                elif isinstance(item, Claim):
                    answers += self._judge(item, terminal, now_ms=now_ms, now_s=now_s)
                elif isinstance(item, Objection):
                    self._objected(item)
                elif isinstance(item, Have):
                    peer.ends = dict(item.ends)
                    answers += [self._have(asks=False)] if item.asks else []
                else:
                    wanted.append(item)
            answers += peer.wants(now_ms)
        for want in wanted[:2]:
            answers += self._facts(want)
        self._say(answers, source)
        self._look_around(now_ms)

    def _used_s(self, code: bytes, *, but: int) -> int:
        """The last moment at which the code was sold for, here or by others than `but`, as far as known; else -1."""
        there = [peer.facts.last_presented_s(code) for number, peer in self._peers.items() if number != but]
        return max((each for each in there if each is not None), default=self._claims.taken_s(code))

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

    def _facts(self, want: Want) -> list[Fact]:
        """One datagram's worth; the listener asks on."""
        with self._lock:
            known = want.epoch in self._ends
        if not known:
            return []
        try:
            records = self._journal.told_after(
                want.epoch, want.after, since_ms=self._since_ms(), limit=FACTS_PER_ANSWER
            )
        except JournalBroken:
            return []
        found = own.facts(want.epoch, records, after=want.after)
        first = next(packed(found), [])
        return [item for item in first if isinstance(item, Told | Undone)]

    # By the clock

    def tick(self) -> int:
        """Say what is due; how many ms until there is something again."""
        now_ms = self._clock.monotonic_ms()
        with self._lock:
            self._refresh()
            due = [each.item for each in self._waiting if each.at_ms <= now_ms]
            self._waiting = [each for each in self._waiting if each.at_ms > now_ms]
            if now_ms >= self._have_due_ms:
                self._have_due_ms = now_ms + int(HAVE_EVERY_MS * (0.75 + self._randomness.fraction() / 2))
                due.append(self._have(asks=not self._lively))
            asked = [(peer.address, peer.wants(now_ms)) for peer in self._peers.values() if peer.address is not None]
            if now_ms >= self._upkeep_due_ms:
                self._upkeep_due_ms = now_ms + UPKEEP_MS
                self._upkeep()
            next_ms = min([self._have_due_ms, *(each.at_ms for each in self._waiting)])
        self._say(due, None)
        for address, wants in asked:
            self._say(wants, address)
        self._look_around(now_ms)
        return max(0, min(next_ms - now_ms, ASK_AGAIN_MS))

    def _upkeep(self) -> None:
        now_s = self._now_ms() // 1000
        self._site_of = (None, None)
        self._refresh()
        for peer in self._peers.values():
            peer.facts.forget(now_s=now_s)

    def _have(self, *, asks: bool) -> Have:
        return Have(tuple(self._ends.items())[-MAX_ENDS:], asks)

    def _look_around(self, now_ms: int) -> None:
        with self._lock:
            heard = [peer.heard_ms for peer in self._peers.values() if peer.heard_ms is not None]
            self._lively = sum(now_ms - each < LIVELY_MS for each in heard)

    def _refresh(self) -> None:
        """Follow the snapshot: who left it is not listened to any more, and nothing of theirs counts."""
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
        for each in held.peers if held is not None else ():
            if each.terminal in self._peers:
                self._peers[each.terminal].facts.settle({posted.epoch: posted.seq for posted in each.posted})

    def _remember(self, since_ms: int) -> None:
        """What was sold for just before this process began, in the order of the journal."""
        for epoch in self._ends:
            records = self._journal.told_after(epoch, 0, since_ms=since_ms, limit=MAX_REMEMBERED)
            for fact in own.facts(epoch, records, after=0):
                if isinstance(fact, Told) and fact.code:
                    self._claims.took(fact.code, fact.moment_s)

    def _since_ms(self) -> int:
        return self._now_ms() - KEEP_S * 1000

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
