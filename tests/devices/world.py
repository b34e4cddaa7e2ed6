"""An institution in memory for the terminal's tests: keys, people, phones, and a server that answers as agreed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec
from nacl.public import SealedBox
from nacl.signing import VerifyKey

from devices.core import code as codes
from devices.core import enrolment
from devices.core.accept import Denial
from devices.core.catalogue import Catalogue, Product
from devices.core.code import Grant
from devices.core.funds import PersonRow
from devices.core.journal import GENESIS, EpochRecord, Record, chain_all, decode_record
from devices.core.keys import KeyList, PublicKey, Role, sign_key_list
from devices.core.messages import (
    Ack,
    Enrolled,
    EnrolRequest,
    KeysAnswer,
    Parameters,
    Peer,
    PostedThrough,
    Refusal,
    SignedPolicy,
    SnapshotHead,
    encode_row,
    open_batch,
    seal_snapshot,
)
from devices.core.policy import AgeStep, Limit, MealPeriod, Policy, Programme, Text, Where, encode_policy
from devices.core.quote import Lot
from devices.core.signing import POLICY_DOMAIN, SigningKey
from devices.drivers.network import Answer, NoAnswer

NOON_S = 1_795_233_600  # 2026-11-21 12:00 in Shanghai
DAY_S = 24 * 3600
INSTITUTION = "EC"
CARD_KEY = bytes(range(64, 96))
TERMINAL = 7
SITE, OUTLET = 1, 11
KEY_ID, SEALING_KEY, ID_KEY = 3, bytes(range(32)), bytes(range(32, 64))
ROOT, ISSUER, SNAPSHOT_SIGNER, PHONE = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3, 4))
ENROLMENT_CODE = enrolment.make(secret=123_456_789, root_public=ROOT.public)
AGES = (AgeStep(4 * 3600, 500_00, 500_00), AgeStep(24 * 3600, 50_00, 100_00), AgeStep(7 * DAY_S, 20_00, 20_00))


@dataclass
class FakeClock:
    """Both clocks, set by the test."""

    now_ms: int = NOON_S * 1000
    since_ms: int = 5_000

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.since_ms

    def pass_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms
        self.since_ms += duration_ms

    def jump_ms(self, by_ms: int) -> None:
        """Somebody sets the wall clock."""
        self.now_ms += by_ms

    @property
    def now_s(self) -> int:
        return self.now_ms // 1000


class FakeRandomness:
    """Deterministic, and never the same twice."""

    def __init__(self, seed: int = 1) -> None:
        self._drawn = seed << 32

    def token(self, size_bytes: int) -> bytes:
        self._drawn += 1
        return blake2b(self._drawn.to_bytes(16, "big"), digest_size=min(size_bytes, 64)).digest()

    def fraction(self) -> float:
        return 0.5


def policy(*, number: int = 1, starts_at_s: int = NOON_S - DAY_S, limits: tuple[Limit, ...] = ()) -> Policy:
    return Policy(
        number=number,
        starts_at_s=starts_at_s,
        periods=(MealPeriod(1, SITE, Text("午餐", "Lunch"), 10 * 60 + 30, 13 * 60 + 30),),
        programmes=(Programme(5, Text("午餐补贴", "Lunch subsidy"), Where(outlets=(OUTLET,))),),
        limits=limits,
        ages=AGES,
    )


NOODLES, RICE, COLA, CAKE = 1, 2, 3, 4
STAPLES, DRINKS = 1, 2
GLUTEN, PEANUTS = 1, 2


def catalogue(*, without: int = 0, rice_minor: int = 1_00) -> Catalogue:
    products = (
        Product(NOODLES, Text("牛肉面", "Noodles"), 18_00, STAPLES, (GLUTEN,), 1, "brand"),
        Product(RICE, Text("米饭", "Rice"), rice_minor, STAPLES, (), 2),
        Product(COLA, Text("可乐", "Cola"), 4_00, DRINKS, (), 3, "no"),
        Product(CAKE, Text("花生糕", "Peanut cake"), 6_00, 0, (GLUTEN, PEANUTS), 4),
    )
    return Catalogue(
        categories=((STAPLES, Text("主食", "Staples")), (DRINKS, Text("饮料", "Drinks"))),
        allergens=((GLUTEN, Text("麸质", "gluten")), (PEANUTS, Text("花生", "peanuts"))),
        products=tuple(each for each in products if each.id != without),
    )


def row(account_ref: int, *, name: str = "张*", purse_minor: int = 100_00, lots: tuple[Lot, ...] = ()) -> PersonRow:
    return PersonRow(account_ref, name, 1, (1,), 200_00, 300_00, 20, purse_minor, lots)


def grant(account_ref: int, *, issued_at_s: int = NOON_S - 7200, per_sale_minor: int = 200_00,
          offline_minor: int = 100_00, max_sales: int = 20) -> Grant:  # fmt: skip
    return Grant(account_ref, issued_at_s, per_sale_minor, offline_minor, max_sales, 1)


@dataclass
class Phone:
    """A cardholder's phone with one day's credential."""

    account_ref: int
    grant: Grant | None = None
    key_id: int = KEY_ID
    institution: str = INSTITUTION
    day_s: int = NOON_S - 12 * 3600
    number: int = 0
    credential: bytes = field(init=False)

    def __post_init__(self) -> None:
        code_id = blake2b(f"{self.account_ref}.{self.number}".encode(), digest_size=8).digest()
        self.credential = codes.sign_credential(
            institution=self.institution,
            key_id=self.key_id,
            not_before_s=self.day_s,
            valid_min=24 * 60,
            code_id=code_id,
            grant=self.grant or grant(self.account_ref),
            phone_public=PHONE.public,
            issuer=ISSUER,
            sealing_key=SEALING_KEY,
        )

    def show(self, at_s: int) -> str:
        return codes.show(self.credential, institution=self.institution, shown_at_s=at_s, phone=PHONE)


def pre_signed(account_ref: int, *, slot_s: int, valid_s: int = 60, issued_at_s: int = NOON_S - 7200) -> str:
    return codes.sign_pre_signed(
        institution=INSTITUTION,
        key_id=KEY_ID,
        not_before_s=slot_s,
        valid_s=valid_s,
        grant=grant(account_ref, issued_at_s=issued_at_s, per_sale_minor=30_00, offline_minor=50_00, max_sales=3),
        issuer=ISSUER,
        sealing_key=SEALING_KEY,
        id_key=ID_KEY,
    )


def key_list(*, number: int = 1, revoked: bool = False, made_s: int = NOON_S - 2 * DAY_S) -> KeyList:
    window = (NOON_S - 30 * DAY_S, NOON_S + 300 * DAY_S)
    return KeyList(
        number,
        INSTITUTION,
        made_s,
        (
            PublicKey(KEY_ID, Role.CODE, ISSUER.public.hex(), *window, revoked),
            PublicKey(1, Role.SNAPSHOT, SNAPSHOT_SIGNER.public.hex(), *window),
        ),
    )


def signed_body(body: bytes) -> SignedPolicy:
    return SignedPolicy(1, SNAPSHOT_SIGNER.sign(POLICY_DOMAIN, body), body)


def parameters(**changes: object) -> Parameters:
    base = Parameters("T7", "一食堂 面档", "Noodles", SITE, OUTLET, "Asia/Shanghai", 4 * 60)
    return msgspec.structs.replace(base, **changes)


@dataclass
class Sent:
    """One stream as the server holds it."""

    lines: list[bytes] = field(default_factory=list)
    head: bytes = GENESIS

    @property
    def records(self) -> list[Record]:
        return [decode_record(line) for line in self.lines]


class FakeServer:
    """A `Transport` with the server's side of the agreement: verifies, chains, acknowledges. The test sets `down`."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.down = False
        self.device_public = ""
        self.revoked = False
        self.refuse: Refusal | None = None
        self.status = 200
        self.generation, self.number = 1, 1
        self.people: dict[int, PersonRow] = {}
        self.policies: tuple[Policy, ...] = (policy(),)
        self.later_policies: tuple[bytes, ...] = ()
        self.catalogue: Catalogue | None = None
        self._catalogue_sent: Catalogue | None = None
        self.denials: tuple[Denial, ...] = ()
        self.posted: tuple[PostedThrough, ...] = ()
        self.parameters = parameters()
        self.keys = key_list()
        self.card_key = CARD_KEY
        self.terminal = TERMINAL
        self.peers: tuple[Peer, ...] = ()
        self.streams: dict[int, Sent] = {}
        self.asked: list[str] = []
        self.lose_answers = False
        self.tamper: Callable[[bytes], bytes] = lambda data: data
        self.clock_off_ms = 0
        self.need_previous = False

    def request(self, method: str, target: str, *, body: bytes, headers: Mapping[str, str], limit_bytes: int) -> Answer:
        if self.down:
            raise NoAnswer("the line is down")
        self.asked.append(f"{method} {target}")
        answer = self._answer(method, urlsplit(target).path.rsplit("/", 1)[-1], target, body, headers)
        if self.lose_answers:
            raise NoAnswer("the line broke before the answer")
        return Answer(answer.status, self.tamper(answer.body), answer.headers)

    def close(self) -> None:
        pass

    def _answer(self, method: str, route: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        if self.status >= 500:
            return Answer(self.status, b"<html>")
        if self.refuse is not None:
            return Answer(403, msgspec.json.encode(self.refuse))
        if route == "enrol":
            return self._enrol(body)
        terminal, at_ms, _ = headers["Authorization"].removeprefix("Ecard-Terminal ").split(".")
        assert int(terminal) == self.terminal
        if abs(int(at_ms) - self._now_ms) > 120_000:
            return Answer(401, msgspec.json.encode(Refusal("clock", "", self._now_ms)))
        if self.revoked:
            return Answer(403, msgspec.json.encode(Refusal("revoked")))
        if route == "keys":
            return self._keys()
        if route == "snapshot":
            query = parse_qs(urlsplit(target).query)
            return self._snapshot(int(query["number"][0]) if "number" in query else 0)
        return Answer(200, msgspec.json.encode(self.receive(body)))

    @property
    def _now_ms(self) -> int:
        return self.clock.wall_ms() + self.clock_off_ms

    def _enrol(self, body: bytes) -> Answer:
        asked = msgspec.json.decode(body, type=EnrolRequest)
        if asked.code != enrolment.secret_of(ENROLMENT_CODE):
            return Answer(403, msgspec.json.encode(Refusal("code")))
        self.device_public = asked.public
        return Answer(200, msgspec.json.encode(Enrolled(self.terminal, INSTITUTION, ROOT.public.hex(), self._now_ms)))

    def _keys(self) -> Answer:
        box = SealedBox(VerifyKey(bytes.fromhex(self.device_public)).to_curve25519_public_key())
        sealing = box.encrypt(json.dumps({KEY_ID: SEALING_KEY.hex()}).encode())
        card_box = box.encrypt(self.card_key) if self.card_key else b""
        answer = KeysAnswer(sign_key_list(self.keys, root=ROOT), sealing, self._now_ms, card_box)
        return Answer(200, msgspec.json.encode(answer))

    def _snapshot(self, base: int) -> Answer:
        whole = base == 0 or base > self.number
        rows = list(self.people.values()) if whole or base < self.number else []
        return Answer(200, self.seal(rows, base=0 if whole else base))

    def seal(self, rows: list[PersonRow], *, base: int, terminal: int = 0, made_s: int = 0) -> bytes:
        changed = base == 0 or self.catalogue != self._catalogue_sent
        self._catalogue_sent = self.catalogue
        bodies = (*map(encode_policy, self.policies), *self.later_policies)
        head = SnapshotHead(
            terminal=terminal or self.terminal,
            generation=self.generation,
            number=self.number,
            base=base,
            made_s=made_s or self._now_ms // 1000,
            people=len(rows),
            policies=tuple(signed_body(body) for body in bodies),
            denials=self.denials,
            posted_through=self.posted,
            parameters=self.parameters,
            key_list_number=self.keys.number,
            catalogue=self.catalogue if changed else None,
            peers=self.peers,
        )
        return seal_snapshot(head, [encode_row(each) for each in rows], key_id=1, signer=SNAPSHOT_SIGNER)

    def receive(self, body: bytes) -> Ack:
        head, lines = open_batch(body, device_public=bytes.fromhex(self.device_public))
        assert chain_all(bytes.fromhex(head.head_before), lines).hex() == head.head_after
        stream = self.streams.setdefault(head.epoch, Sent())
        held = len(stream.lines)
        if head.first_seq > held + 1:
            return Ack("gap", head.epoch, held)
        first = decode_record(lines[0])
        if self.need_previous and isinstance(first, EpochRecord) and first.previous_epoch:
            previous = self.streams.get(first.previous_epoch, Sent())
            if len(previous.lines) < first.previous_seq:
                del self.streams[head.epoch]
                return Ack("gap", head.epoch, 0, need_epoch=first.previous_epoch)
        fresh = lines[held + 1 - head.first_seq :]
        if not fresh:
            return Ack("repeat", head.epoch, held)
        stream.lines += fresh
        stream.head = chain_all(stream.head, fresh)
        assert stream.head.hex() == head.head_after
        return Ack("accepted", head.epoch, len(stream.lines))

    def post_all(self) -> None:
        """All that was received is in the next snapshot's funds; the purses go down by it."""
        self.posted = tuple(PostedThrough(epoch, len(stream.lines)) for epoch, stream in self.streams.items())
        self.number += 1


def add_people(server: FakeServer, *people: PersonRow) -> None:
    for each in people:
        server.people[each.account_ref] = each


def data_files(folder: Path) -> bytes:
    """Everything on the device's disk but the keys, in one piece."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".key")
