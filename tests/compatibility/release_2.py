"""What the second release read, copied from it and never to be changed: the records its server took, and the messages
its terminals understood. Fields that it did not know it passed over, as every release does.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
Id = Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
Sequence = Annotated[int, msgspec.Meta(ge=1, le=(1 << 24) - 1)]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
Word = Annotated[str, msgspec.Meta(max_length=64)]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Window = Literal["sale", "period", "day", "week", "month"]


class Lot(msgspec.Struct, frozen=True, array_like=True):
    id: Positive
    programme: Id
    remaining_minor: Whole
    expires_s: Whole


class Used(msgspec.Struct, frozen=True, array_like=True):
    business_date: str
    total_minor: Whole
    purse_minor: Whole
    count: Whole


class Tally(msgspec.Struct, frozen=True, array_like=True):
    key: Annotated[str, msgspec.Meta(max_length=20)]
    scope: Whole
    total_minor: Whole
    purse_minor: Whole
    count: Whole


class Guard(msgspec.Struct, frozen=True, array_like=True):
    id: Id
    window: Window
    max_minor: Whole | None = None
    max_count: Whole | None = None
    categories: tuple[Id, ...] = ()


class Person(msgspec.Struct, frozen=True):
    account_ref: Whole
    price_class: Id
    purse_minor: Whole
    per_sale_minor: Whole
    groups: tuple[Id, ...] = ()
    lots: tuple[Lot, ...] = ()
    used: tuple[Used, ...] = ()
    lists: tuple[Id, ...] = ()
    avoid: tuple[Id, ...] = ()
    guards: tuple[Guard, ...] = ()
    tallies: tuple[Tally, ...] = ()
    last_s: Whole = 0
    purse_only: bool = False


class Tap(msgspec.Struct, frozen=True):
    at_s: Whole
    site: Id
    outlet: Id
    business_date: str
    weekday: Annotated[int, msgspec.Meta(ge=0, le=7)]
    minute: Annotated[int, msgspec.Meta(ge=0, lt=24 * 60)]
    period: Id = 0


class Line(msgspec.Struct, frozen=True):
    unit_minor: Whole
    quantity: Whole = 1
    product: Id = 0
    category: Id = 0
    allergens: tuple[Id, ...] = ()


class Leg(msgspec.Struct, frozen=True):
    source: Literal["lot", "purse", "voucher", "entitlement"]
    amount_minor: Whole
    ref: Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)] = 0
    programme: Id = 0


class Reason(msgspec.Struct, frozen=True):
    code: str
    params: dict[str, Whole] = {}


class Counted(msgspec.Struct, frozen=True, array_like=True):
    scope: Whole
    total_minor: Whole
    purse_minor: Whole


class Quote(msgspec.Struct, frozen=True):
    policy: Id
    evaluator: Id
    list_minor: Whole
    amount_minor: Whole
    legs: tuple[Leg, ...] = ()
    reasons: tuple[Reason, ...] = ()
    decline: None = None
    counted: tuple[Counted, ...] = ()


# Records of journal format 1


class EpochRecord(msgspec.Struct, frozen=True, tag="epoch", tag_field="kind"):
    seq: Sequence
    at_ms: Whole
    epoch: Epoch
    previous_epoch: Whole
    previous_seq: Annotated[int, msgspec.Meta(ge=0, le=(1 << 24) - 1)]
    previous_head: Word
    software: Word


class SaleRecord(msgspec.Struct, frozen=True, tag="sale", tag_field="kind"):
    seq: Sequence
    at_ms: Whole
    account_ref: Positive
    evidence: Annotated[str, msgspec.Meta(max_length=1024)]
    shown_minor: Annotated[int, msgspec.Meta(ge=1)]
    person: Person
    tap: Tap
    basket: tuple[Line, ...]
    quote: Quote
    snapshot: tuple[Whole, Whole] = (0, 0)
    snapshot_made_s: Whole = 0
    cashier: Word = ""


class ReversalRecord(msgspec.Struct, frozen=True, tag="reversal", tag_field="kind"):
    seq: Sequence
    at_ms: Whole
    of_epoch: Epoch
    of_seq: Sequence
    reason: Word = "cashier"
    cashier: Word = ""


Record = EpochRecord | SaleRecord | ReversalRecord

# Messages from the server


class Ack(msgspec.Struct, frozen=True):
    status: Literal["accepted", "repeat", "gap", "quarantined"]
    epoch: int
    acknowledged: int
    need_epoch: int = 0


class Enrolled(msgspec.Struct, frozen=True):
    terminal: int
    institution: str
    root_public: Hex32
    server_time_ms: int


class KeysAnswer(msgspec.Struct, frozen=True):
    key_list: bytes
    sealing_box: bytes
    server_time_ms: int


class Refusal(msgspec.Struct, frozen=True):
    error: str
    detail: str = ""
    server_time_ms: int = 0


class SignedPolicy(msgspec.Struct, frozen=True, array_like=True):
    key_id: int
    signature: bytes
    body: bytes


class Denial(msgspec.Struct, frozen=True, array_like=True):
    account_ref: int
    before_s: int


class PostedThrough(msgspec.Struct, frozen=True, array_like=True):
    epoch: int
    seq: int


class Parameters(msgspec.Struct, frozen=True):
    name: str
    outlet_name_zh: str
    outlet_name_en: str
    site: int
    outlet: int
    zone: str
    day_starts_min: int
    mode: Literal["fixed", "typed", "products", "identity"] = "typed"
    fixed_minor: int = 0
    sync_every_s: int = 5
    languages: tuple[str, ...] = ("zh", "en")


class SnapshotHead(msgspec.Struct, frozen=True):
    terminal: int
    generation: int
    number: int
    base: int
    made_s: int
    people: int
    policies: tuple[SignedPolicy, ...]
    denials: tuple[Denial, ...]
    posted_through: tuple[PostedThrough, ...]
    parameters: Parameters
    key_list_number: int
    catalogue: dict[str, object] | None = None


class PersonRow(msgspec.Struct, frozen=True, array_like=True):
    account_ref: int
    name: str
    price_class: int
    groups: tuple[int, ...]
    per_sale_minor: int
    offline_minor: int
    max_sales: int
    purse_minor: int
    lots: tuple[Lot, ...] = ()
    used: tuple[Used, ...] = ()
    gone: bool = False
    lists: tuple[int, ...] = ()
    avoid: tuple[int, ...] = ()
    guards: tuple[Guard, ...] = ()
    tallies: tuple[Tally, ...] = ()
    last_s: int = 0
