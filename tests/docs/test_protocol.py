"""devices/PROTOCOL.md: its examples run, and make what the SDK makes; its numbers are the code's."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, get_args

import msgspec
import pytest
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey as NaclKey

from devices.core import enrolment, keys, messages, signing
from devices.core.accept import Genuine, Trust, read
from devices.core.card import name_of
from devices.core.catalogue import Product
from devices.core.declines import Why
from devices.core.funds import PersonRow
from devices.core.journal import (
    GENESIS,
    EpochRecord,
    NoteRecord,
    PassRecord,
    ReversalRecord,
    SaleRecord,
    chain_all,
    encode_record,
)
from devices.core.quote import Person, Quote
from devices.core.windows import COUNTED_WINDOWS, window_key
from devices.lan import messages as lan
from tests.devices import world
from tests.docs.blocks import ROOT, blocks
from tests.docs.fields import row, structures

PAGE = "devices/PROTOCOL.md"
SEED = bytes(range(32))


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """The page's code, run from the repository's root."""
    made: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for number, block in enumerate(blocks(PAGE, "python")):
            exec(compile(block, f"{PAGE} block {number}", "exec"), made)  # noqa: S102  (the page's own examples)
    return made


def test_a_card_is_called_by_the_name_that_the_page_says(page: dict[str, Any]) -> None:
    for number in (bytes.fromhex("1a2b3c4d"), bytes.fromhex("04a1b2c3d4e5f6"), bytes(range(10))):
        assert page["card_name"](number, SEED) == name_of(number, card_key=SEED)


def test_a_request_signed_as_the_page_says_is_the_sdks(page: dict[str, Any]) -> None:
    told: dict[str, Any] = {
        "terminal": 9,
        "method": "POST",
        "target": "/api/terminal/v1/batches",
        "body": b"{}",
        "at_ms": 1_795_000,
    }
    made = page["request_header"](**told, device=NaclKey(SEED))
    assert made == messages.request_header(**told, device=signing.SigningKey(SEED))


def test_a_batch_sealed_as_the_page_says_opens(page: dict[str, Any]) -> None:
    device = NaclKey(SEED)
    line = encode_record(EpochRecord(1, 1_795_147_200_000, 5, 0, 0, "", "acme"))
    sealed = page["seal_batch"](device, 12, 5, 1, GENESIS, [line])
    head, lines = messages.open_batch(sealed, device_public=bytes(device.verify_key))
    assert (head.terminal, head.epoch, head.first_seq, lines) == (12, 5, 1, [line])
    assert head.head_after == chain_all(GENESIS, [line]).hex()


def test_a_code_read_as_the_page_says_is_what_a_terminal_reads(page: dict[str, Any]) -> None:
    text = world.Phone(77).show(world.NOON_S)
    genuine = read(text, trust=Trust("EC", world.key_list(), {world.KEY_ID: world.SEALING_KEY}), now_s=world.NOON_S)
    assert isinstance(genuine, Genuine)
    found = page["read_code"](text, world.ISSUER.public, world.SEALING_KEY)
    assert found["account_ref"] == genuine.grant.account_ref == 77
    assert found["offline_minor"] == genuine.grant.offline_minor
    with pytest.raises(BadSignatureError):
        page["read_code"](text, world.ROOT.public, world.SEALING_KEY)


def test_a_snapshot_opens_as_the_page_says(page: dict[str, Any]) -> None:
    server = world.FakeServer(world.FakeClock())
    person: PersonRow = world.row(41, name="张*")
    head, people = page["open_snapshot"](server.seal([person], base=0), world.SNAPSHOT_SIGNER.public)
    assert set(head) <= set(messages.SnapshotHead.__struct_fields__)
    assert set(head["parameters"]) <= set(messages.Parameters.__struct_fields__)
    assert people == [msgspec.json.decode(messages.encode_row(person))]


def test_a_key_list_opens_as_the_page_says(page: dict[str, Any]) -> None:
    signed = keys.sign_key_list(world.key_list(number=8), root=world.ROOT)
    assert page["open_key_list"](signed, world.ROOT.public)["number"] == 8
    with pytest.raises(BadSignatureError):
        page["open_key_list"](signed, world.ISSUER.public)


def test_the_fingerprint_of_a_root_is_the_enrolment_codes_end(page: dict[str, Any]) -> None:
    typed = enrolment.make(secret=5, root_public=world.ROOT.public)
    assert typed.endswith(page["fingerprint"](world.ROOT.public))


def test_a_datagram_of_a_neighbour_opens_as_the_page_says(page: dict[str, Any]) -> None:
    device, key = signing.SigningKey(SEED), lan.site_key(world.SEALING_KEY, site=5)
    assert key == page["site_key"](world.SEALING_KEY, 5)
    said: list[lan.Item] = [lan.Want(7, 3), lan.Objection(9, b"12345678", 44)]
    data = lan.seal(said, terminal=12, signer=device, key_id=world.KEY_ID, key=key, nonce=bytes(24))
    found = page["open_datagram"](data, {world.KEY_ID: key}, {12: device.public})
    assert found == (12, [["want", 7, 3], ["object", 9, "MTIzNDU2Nzg=", 44]])
    with pytest.raises(BadSignatureError):
        page["open_datagram"](data, {world.KEY_ID: key}, {12: world.ROOT.public})
    assert page["passing_name"](b"12345678", 11) == lan.passing_name(b"12345678", outlet=11)


def test_an_answer_about_a_sale_opens_as_the_page_says(page: dict[str, Any]) -> None:
    answer = messages.Authorised(Person(41, 1, 90_00, 60_00), Quote(3, 2, 12_00, 12_00))
    sealed = messages.seal_authorised(answer, asked=b"{}", key_id=1, signer=world.SNAPSHOT_SIGNER)
    found = page["open_authorised"](sealed, b"{}", world.SNAPSHOT_SIGNER.public)
    assert found["person"]["purse_minor"] == 90_00
    assert messages.open_authorised(sealed, asked=b"{}", public=world.SNAPSHOT_SIGNER.public) == answer
    with pytest.raises(BadSignatureError):
        page["open_authorised"](sealed, b"{ }", world.SNAPSHOT_SIGNER.public)


def test_the_items_between_neighbours_are_the_codes() -> None:
    _before, _title, section = (ROOT / PAGE).read_text(encoding="utf-8").partition("## 11. Between the terminals")
    for kind in get_args(lan.Item):
        row = f"| {kind.__struct_config__.tag} | {', '.join(kind.__struct_fields__)} |"
        assert row in section


def test_the_domains_are_all_there_are() -> None:
    told = set(re.findall(r"`(ecard/[a-z0-9/-]+)`", (ROOT / PAGE).read_text(encoding="utf-8")))
    known = {value for name, value in vars(signing).items() if name.endswith("_DOMAIN")}
    known.add(enrolment.ROOT_FINGERPRINT_DOMAIN)
    assert told == {value.decode().removesuffix("\0") for value in known}


def test_every_limit_is_the_codes() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (\d+) \|$", (ROOT / PAGE).read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 20
    for name, value in rows:
        module, constant = name.rsplit(".", 1)
        assert getattr(import_module(module), constant) == int(value), name


def test_every_field_of_a_record_is_named() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    for record in (EpochRecord, SaleRecord, ReversalRecord, PassRecord, NoteRecord):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{record.__struct_config__.tag}` |"))
        assert [name for name in record.__struct_fields__ if f"`{name}`" not in row] == []


def test_the_table_of_fields_is_the_structures_own_and_whole() -> None:
    _before, _title, section = (ROOT / PAGE).read_text(encoding="utf-8").partition("## 10. Fields")
    assert [line for line in section.splitlines() if line.startswith("| `")] == [row(each) for each in structures()]


@pytest.mark.parametrize("structure", [messages.SnapshotHead, messages.Parameters, Product])
def test_every_field_of_a_snapshots_head_is_explained(structure: type[msgspec.Struct]) -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    head = text.partition("\nHead: ")[2].partition("\n\n")[0]
    assert [name for name in structure.__struct_fields__ if f"`{name}`" not in head] == []


def test_the_keys_of_windows_are_written_as_the_page_says() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    for window in COUNTED_WINDOWS:
        assert f"`{window_key(window, '2026-11-22', 3)}`" in text


def test_every_reason_that_the_page_gives_exists() -> None:
    order = (ROOT / PAGE).read_text(encoding="utf-8").partition("Decide in this order")[2].partition("\n\nA sale")[0]
    given = set(re.findall(r"`([a-z]+(?:_[a-z]+)*)`", order)) - {"made_s", "evaluate"}
    assert given
    assert given <= set(Why)
