"""The server of this release: it posts what terminals of every release sent, and what it answers they understand."""

from __future__ import annotations

import itertools
import secrets
import zlib
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from django.db import connection

from devices.core.journal import ReversalRecord, SaleRecord, decode_record
from devices.core.messages import Ack, BatchHead, open_snapshot
from devices.core.signing import BATCH_DOMAIN, SigningKey
from ecard.cardholders.operations import people as cardholder_operations
from ecard.cardholders.operations import stop_account
from ecard.codes.operations import keys as key_operations
from ecard.codes.queries import trust_at
from ecard.merchants.models import Outlet
from ecard.settlement import operations
from ecard.settlement.models import Sale, SaleException
from ecard.terminals.models import Terminal, TerminalState
from tests.compatibility import release_2
from tests.compatibility.kept import DEVICE_SEED, RELEASES, TERMINAL, Kept, kept
from tests.devices import world as in_memory
from tests.support.device import Device, enrolled_device
from tests.support.settling import Till, World, make_till, make_world


def as_drawn(first: list[bytes]) -> Any:
    """A source of secrets that begins with these."""
    left = iter(first)
    return SimpleNamespace(token_bytes=lambda size: next(left, None) or secrets.token_bytes(size))


def give_no_lower(model: type[Outlet | Terminal], number: int) -> None:
    """Numbers drawn from now on are above this one, which the kept devices name."""
    with connection.cursor() as cursor:
        drawn = 0
        while drawn < number:
            cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [model._meta.db_table])
            (drawn,) = cursor.fetchone()


@pytest.fixture
def its_server(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """A campus with the code key, the people and the terminal of the kept devices."""
    issuer = [bytes([2]) * 32, in_memory.SEALING_KEY, in_memory.ID_KEY]
    monkeypatch.setattr(key_operations, "secrets", as_drawn(issuer))
    numbers = itertools.count()
    drawn = SimpleNamespace(randbelow=lambda _bound: next(numbers))
    monkeypatch.setattr(cardholder_operations, "secrets", drawn)
    at = datetime.fromtimestamp(in_memory.NOON_S + 600, UTC)
    give_no_lower(Outlet, in_memory.OUTLET)
    give_no_lower(Terminal, TERMINAL)
    made = make_world(at=at)
    assert trust_at(at).keys.keys[0].public == in_memory.ISSUER.public.hex()
    assert [person.account_ref for person in made.campus.people[:2]] == [1, 2]
    outlet = made.campus.other_outlet
    outlet.pk, outlet.code = in_memory.OUTLET, "kept"
    outlet.save(force_insert=True)
    Terminal(
        pk=TERMINAL,
        name="kept",
        outlet=outlet,
        state=TerminalState.ACTIVE,
        public_key=SigningKey(DEVICE_SEED).public.hex(),
        created_at=at,
        enrolled_at=at,
    ).save(force_insert=True)
    return made


def receive(world: World, was: Kept) -> list[str]:
    terminal = Terminal.objects.get(pk=TERMINAL)
    answers = [operations.receive(terminal=terminal, data=batch, at=world.at) for batch in was.batches]
    assert all(isinstance(answer, Ack) for answer in answers)
    return [answer.status for answer in answers if isinstance(answer, Ack)]


@pytest.mark.parametrize("release", RELEASES)
def test_what_terminals_of_every_release_sent_is_received_and_posted_to_the_fen(
    its_server: World, release: int
) -> None:
    was = kept(release)
    assert set(receive(its_server, was)) == {"accepted"}
    assert set(receive(its_server, was)) == {"repeat"}
    its_server.settle()
    undone = {(record.of_epoch, record.of_seq) for record in was.records if isinstance(record, ReversalRecord)}
    sales = [
        (record, (epoch, record.seq) in undone)
        for epoch, lines in was.streams.items()
        for record in map(decode_record, lines)
        if isinstance(record, SaleRecord) and record.evidence.startswith("C1")
    ]
    posted = {(sale.account_ref, sale.amount_minor) for sale in Sale.objects.filter(code_id__isnull=False)}
    assert posted == {(record.account_ref, record.shown_minor) for record, _ in sales}
    for place, ref in enumerate((1, 2)):
        paid = sum(record.shown_minor for record, gone in sales if record.account_ref == ref and not gone)
        assert its_server.purse(place) == 100_00 - paid


@pytest.mark.parametrize("release", [1, 2])
def test_nothing_of_formats_before_cards_is_an_exception(its_server: World, release: int) -> None:
    receive(its_server, kept(release))
    its_server.settle()
    assert [(each.kind, each.params) for each in SaleException.objects.all()] == []
    assert not SaleException.objects.exists()


@pytest.fixture
def campus(committed_db: None) -> World:
    return make_world(at=datetime.now(UTC))


@pytest.fixture
def device(campus: World) -> Device:
    return enrolled_device(outlet=campus.campus.outlet, at=campus.at)


def test_a_terminal_of_release_2_understands_what_this_server_answers(campus: World, device: Device) -> None:
    stop_account(cardholder=campus.person(2), by=None, reason="t", at=campus.at)
    keys = msgspec.json.decode(device.ask("keys").content, type=release_2.KeysAnswer)
    assert keys.key_list[:4] == b"ECK1"
    (signer,) = [key for key in trust_at(campus.at).keys.keys if key.role == "snapshot"][:1]
    data = device.ask("snapshot").content
    _, lines = open_snapshot(data, public=bytes.fromhex(signer.public))
    head = msgspec.json.decode(_head_of(data), type=release_2.SnapshotHead)
    people = [msgspec.json.decode(line, type=release_2.PersonRow) for line in lines]
    assert head.people == len(people) == 3
    assert head.parameters.mode == "typed"
    assert {row.account_ref for row in people} == {person.account_ref for person in campus.campus.people}
    assert [denial.account_ref for denial in head.denials] == [campus.person(2).account_ref]


def _head_of(data: bytes) -> bytes:
    return zlib.decompress(data[69:]).split(b"\n")[0]


def test_a_terminal_of_release_2_understands_an_acknowledgement_and_a_refusal(campus: World) -> None:
    till = make_till(campus)
    till.sell()
    device = Device(till.terminal.pk, till.key)
    answer = device.ask("batches", method="POST", body=till.sealed())
    assert msgspec.json.decode(answer.content, type=release_2.Ack).acknowledged == 2
    refused = device.ask("batches", method="POST", body=b"ECB1 nonsense")
    assert msgspec.json.decode(refused.content, type=release_2.Refusal).error


def test_fields_that_only_a_later_terminal_knows_are_passed_over(campus: World) -> None:
    till = make_till(campus)
    till.sell(0, 7_00)
    later = msgspec.json.decode(till.lines[-1]) | {"mood": "cheerful", "nested": {"deep": [1, 2]}}
    later["tap"] |= {"humidity": 40}
    till.lines[-1] = msgspec.json.encode(later)
    device = Device(till.terminal.pk, till.key)
    status = {"X-Ecard-Status": '{"unsent": 1, "software": "acme 9", "wheels": 4}'}
    answer = device.ask("batches", method="POST", body=_with_more_in_its_head(till), headers=status)
    assert msgspec.json.decode(answer.content, type=Ack).status == "accepted"
    report = campus.settle()
    assert report.exceptions == 0
    assert Sale.objects.get().amount_minor == 7_00


def _with_more_in_its_head(till: Till) -> bytes:
    whole = till.sealed()
    first, *lines = zlib.decompress(whole[68:]).split(b"\n")
    assert msgspec.json.decode(first, type=BatchHead).count == 2
    head = msgspec.json.encode(msgspec.json.decode(first) | {"colour": "green"})
    packed = zlib.compress(b"\n".join([head, *lines]))
    return b"ECB1" + till.key.sign(BATCH_DOMAIN, packed) + packed
