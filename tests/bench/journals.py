"""Sales of a rush as terminals would have journaled them."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from devices.core.journal import GENESIS, EpochRecord, SaleRecord, chain_all, encode_record
from devices.core.messages import BatchHead, seal_batch
from devices.core.policy import EVALUATOR_VERSION
from devices.core.quote import Leg, Line, Lot, Person, Quote, Reason, Tap
from devices.core.signing import SigningKey
from tests.bench import stage

LOT_MINOR = 3_00
EVIDENCE_CHARACTERS = 310
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def any_text(draw: random.Random) -> str:
    """As long as a device-bound code, and as hard to compress: what posting carries along and does not read."""
    return "C1EC" + "".join(draw.choices(_ALPHABET, k=EVIDENCE_CHARACTERS - 4))


def sale_record(
    *,
    seq: int,
    person: stage.Person,
    place: stage.Place,
    campus: stage.Stage,
    at: datetime,
    text: str,
    draw: random.Random,
) -> SaleRecord:
    """A sale from the purse, every second one with a subsidy beside it."""
    amount_minor = draw.randrange(8_00, 25_00)
    lot_minor = LOT_MINOR if draw.random() < 0.5 else 0
    at_s = int(at.timestamp())
    legs: tuple[Leg, ...] = (Leg("purse", amount_minor - lot_minor),)
    reasons: tuple[Reason, ...] = (
        Reason("price.list", {"amount_minor": amount_minor}),
        Reason("purse.used", {"amount_minor": amount_minor - lot_minor, "left_minor": 50_00}),
    )
    lot = Lot(person.grant_id, campus.programme_id, lot_minor, at_s + 86_400)
    if lot_minor:
        legs = (Leg("lot", lot_minor, ref=person.grant_id, programme=campus.programme_id), *legs)
        used = {"programme": campus.programme_id, "lot": person.grant_id, "amount_minor": lot_minor, "left_minor": 0}
        reasons = (reasons[0], Reason("lot.used", used), reasons[1])
    return SaleRecord(
        seq=seq,
        at_ms=at_s * 1000 + draw.randrange(1000),
        account_ref=person.account_ref,
        evidence=text,
        shown_minor=amount_minor,
        person=Person(
            account_ref=person.account_ref,
            price_class=1,
            purse_minor=100_00,
            per_sale_minor=60_00,
            groups=(campus.group_id,),
            lots=(lot,) if lot_minor else (),
        ),
        tap=Tap(at_s, place.site_id, place.outlet_id, f"{at + timedelta(hours=8):%Y-%m-%d}", at.weekday(), 720, 1),
        basket=(Line(amount_minor),),
        quote=Quote(1, EVALUATOR_VERSION, amount_minor, amount_minor, legs, reasons),
        snapshot=(7_000_000_000_000_000_000, 12_345),
        snapshot_made_s=at_s - 600,
    )


def sealed_epoch(
    *,
    place: stage.Place,
    epoch: int,
    previous: tuple[int, int, bytes],
    sale: Callable[[int], SaleRecord],
    sales: int,
    at: datetime,
) -> tuple[bytes, bytes]:
    """One upload that holds a whole epoch of `sales` sales; gives it and the chain's last head."""
    first = EpochRecord(1, int(at.timestamp() * 1000), epoch, previous[0], previous[1], previous[2].hex(), "bench")
    lines = [encode_record(first), *(encode_record(sale(seq)) for seq in range(2, sales + 2))]
    after = chain_all(GENESIS, lines)
    head = BatchHead(place.terminal_id, epoch, 1, len(lines), GENESIS.hex(), after.hex())
    return seal_batch(head, lines, device=SigningKey(stage.device_seed(place.terminal_id))), after
