"""How cards reach terminals: the key in a box for one device, the names in people's rows."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from nacl.exceptions import CryptoError
from nacl.public import SealedBox
from nacl.signing import SigningKey as DeviceKey

from devices.core.card import name_of
from devices.core.messages import KeysAnswer
from ecard.cardholders.operations import close_cardholder
from ecard.codes.operations import card_key
from ecard.media.models import Card
from ecard.media.operations import bind_card, replace_card, stop_card
from ecard.terminals import snapshots
from tests.support.campus import Campus
from tests.support.device import Device, key_of, read_snapshot, terminal_of

UID, OTHER_UID = bytes.fromhex("04a1b2c3d4e5f6"), bytes.fromhex("1a2b3c4d")


def cards_of(device: Device, at: datetime) -> dict[int, tuple[str, ...]]:
    rows = read_snapshot(snapshots.full(terminal_of(device), at))[1]
    return {ref: row.cards for ref, row in rows.items() if row.cards}


def delta_of(device: Device, at: datetime, *, since: bytes) -> dict[int, tuple[str, ...] | None]:
    """The cards of everybody in the changes since a snapshot; None for who has left."""
    head = read_snapshot(since)[0]
    rows = read_snapshot(snapshots.delta(terminal_of(device), head.generation, head.number, at))[1]
    return {ref: None if row.gone else row.cards for ref, row in rows.items()}


def test_the_card_key_is_sealed_to_the_one_device_that_asks(device: Device, campus: Campus, now: datetime) -> None:
    answer = msgspec.json.decode(device.ask("keys").content, type=KeysAnswer)
    mine = DeviceKey((1).to_bytes(32, "big")).to_curve25519_private_key()
    assert key_of(1).public == bytes(DeviceKey((1).to_bytes(32, "big")).verify_key)
    assert SealedBox(mine).decrypt(answer.card_box) == card_key(at=now)
    with pytest.raises(CryptoError):
        SealedBox(DeviceKey(bytes(32)).to_curve25519_private_key()).decrypt(answer.card_box)
    assert card_key(at=now) not in answer.card_box


def test_a_full_load_names_the_cards_in_use_and_no_others(device: Device, campus: Campus, now: datetime) -> None:
    first, second, third, _fourth = campus.people
    kept = bind_card(cardholder=first, uid=UID, by=None, at=now)
    spare = bind_card(cardholder=first, uid=b"spare", by=None, at=now)
    lost = bind_card(cardholder=second, uid=OTHER_UID, by=None, at=now)
    stop_card(card=lost, reason="lost", by=None, at=now)
    broken = bind_card(cardholder=third, uid=b"broken", by=None, at=now)
    new = replace_card(card=broken, uid=b"its heir", reason="broken", by=None, at=now)
    assert cards_of(device, now) == {
        first.account_ref: (kept.name, spare.name),
        third.account_ref: (new.name,),
    }
    assert kept.name == name_of(UID, card_key=card_key(at=now))


def test_binding_stopping_and_replacing_are_in_the_next_changes(device: Device, campus: Campus, now: datetime) -> None:
    person = campus.people[0]
    before = snapshots.full(terminal_of(device), now)
    card = bind_card(cardholder=person, uid=UID, by=None, at=now)
    assert delta_of(device, now, since=before) == {person.account_ref: (card.name,)}
    bound = snapshots.full(terminal_of(device), now)
    new = replace_card(card=card, uid=OTHER_UID, reason="", by=None, at=now)
    assert delta_of(device, now, since=bound) == {person.account_ref: (new.name,)}
    replaced = snapshots.full(terminal_of(device), now)
    stop_card(card=new, reason="lost", by=None, at=now)
    assert delta_of(device, now, since=replaced) == {person.account_ref: ()}


def test_who_leaves_takes_their_cards_out_of_the_snapshot(device: Device, campus: Campus, now: datetime) -> None:
    person = campus.people[0]
    bind_card(cardholder=person, uid=UID, by=None, at=now)
    before = snapshots.full(terminal_of(device), now)
    close_cardholder(cardholder=person, at=now)
    assert cards_of(device, now) == {}
    assert delta_of(device, now, since=before) == {person.account_ref: None}


def test_a_stolen_snapshot_holds_no_number_and_no_key_to_guess_one_with(
    device: Device, campus: Campus, now: datetime
) -> None:
    bind_card(cardholder=campus.people[0], uid=OTHER_UID, by=None, at=now)
    data = snapshots.full(terminal_of(device), now)
    rows = b"".join(msgspec.json.encode(row) for row in read_snapshot(data)[1].values())
    assert Card.objects.get().name.encode() in rows
    for secret in (OTHER_UID, OTHER_UID.hex().encode(), card_key(at=now), card_key(at=now).hex().encode()):
        assert secret not in data
        assert secret not in rows
    assert name_of(OTHER_UID, card_key=bytes(32)).encode() not in rows


def test_cards_cost_one_statement_however_many_people_have_one(device: Device, campus: Campus, now: datetime) -> None:
    def asked() -> int:
        head = read_snapshot(whole)[0]
        with CaptureQueriesContext(connection) as captured:
            snapshots.delta(terminal_of(device), head.generation, head.number, now)
        return sum("media_card" in each["sql"] for each in captured.captured_queries)

    whole = snapshots.full(terminal_of(device), now)
    for place, person in enumerate(campus.people):
        bind_card(cardholder=person, uid=bytes([5, 5, 5, place]), by=None, at=now)
    assert asked() == 1
