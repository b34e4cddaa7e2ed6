"""Both sides of the format against hand-checked vectors: the product, and a reader that shares no code with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from devices.core import base45, code, journal, messages, signing
from devices.core.code import Grant
from devices.core.keys import KeyList, open_key_list, sign_body, sign_key_list
from devices.core.signing import SigningKey, verifies
from tests.core import independent_decoder as other

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return found


CODE = load("code")
KEYS = {name: bytes.fromhex(value) for name, value in CODE["keys"].items()}
CODES = [pytest.param(vector, id=vector["name"]) for vector in CODE["codes"]]


def grant_of(vector: dict[str, Any]) -> Grant:
    return Grant(**{**vector["grant"], "account_ref": int(vector["grant"]["account_ref"])})


@pytest.mark.parametrize("case", load("ed25519")["cases"])
def test_both_ed25519_agree_with_rfc_8032(case: dict[str, str]) -> None:
    seed, public, message, signature = (bytes.fromhex(case[n]) for n in ("seed", "public", "message", "signature"))
    assert SigningKey(seed).public == other.ed25519_public(seed) == public
    assert SigningKey(seed).sign(b"", message) == other.ed25519_sign(seed, message) == signature
    altered = bytes([signature[0] ^ 1]) + signature[1:]
    for given, holds in ((signature, True), (altered, False)):
        assert other.ed25519_holds(public, message, given) is holds
        assert verifies(public=public, domain=b"", message=message, signature=given) is holds


@pytest.mark.parametrize("pair", load("base45")["pairs"])
def test_both_base45_agree_with_rfc_9285(pair: dict[str, str]) -> None:
    data = bytes.fromhex(pair["bytes"])
    assert base45.encode(data) == other.bytes_to_base45(data) == pair["text"]
    assert base45.decode(pair["text"]) == other.base45_to_bytes(pair["text"]) == data


@pytest.mark.parametrize("case", load("base45")["refused"])
def test_text_that_is_not_base45_is_refused_by_both(case: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="base45"):
        base45.decode(case["text"])
    with pytest.raises(ValueError, match=r"group|dangling|substring"):
        other.base45_to_bytes(case["text"])


@pytest.mark.parametrize("vector", CODES)
def test_the_product_makes_the_vectors_code_from_its_fields(vector: dict[str, Any]) -> None:
    grant, issuer = grant_of(vector), SigningKey(KEYS["issuer_seed"])
    sealing_key, code_id = KEYS["sealing_key"], bytes.fromhex(vector["code_id"])
    assert issuer.public == KEYS["issuer_public"]
    assert code.seal(grant, sealing_key=sealing_key, code_id=code_id).hex() == vector["sealed"]
    common: dict[str, Any] = {
        "institution": vector["institution"],
        "key_id": vector["key_id"],
        "not_before_s": vector["not_before_s"],
        "grant": grant,
        "issuer": issuer,
        "sealing_key": sealing_key,
    }
    if vector["kind"] == code.PRE_SIGNED:
        clear = bytes.fromhex(vector["clear"])
        prefix = code.prefix_for(vector["institution"])
        made = code.pre_signed_code_id(prefix=prefix, clear=clear, grant=grant, id_key=KEYS["id_key"])
        assert made == code_id
        text = code.sign_pre_signed(valid_s=vector["validity"], id_key=KEYS["id_key"], **common)
    else:
        phone = SigningKey(KEYS["phone_seed"])
        credential = code.sign_credential(
            valid_min=vector["validity"], code_id=code_id, phone_public=phone.public, **common
        )
        assert credential.hex() == vector["credential"]
        text = code.show(
            credential,
            institution=vector["institution"],
            shown_at_s=vector["shown_at_s"],
            challenge=vector["challenge"],
            phone=phone,
        )
    assert text == vector["text"]


@pytest.mark.parametrize("vector", CODES)
def test_the_product_reads_the_vectors_code(vector: dict[str, Any]) -> None:
    read = code.parse(vector["text"], institution=vector["institution"])
    assert (read.kind, read.key_id, read.not_before_s) == (vector["kind"], vector["key_id"], vector["not_before_s"])
    assert read.valid_s == vector["valid_s"]
    assert read.body.hex() == vector["body"]
    assert read.signature.hex() == vector["issuer_signature"]
    assert (read.shown_at_s, read.challenge) == (vector.get("shown_at_s", 0), vector.get("challenge", 0))
    assert read.moment_signature.hex() == vector.get("moment_signature", "")
    assert code.issuer_signed(read, issuer_public=KEYS["issuer_public"])
    assert code.moment_signed(read)
    grant = code.unseal(read.sealed, sealing_key=KEYS["sealing_key"], code_id=read.code_id)
    assert grant == grant_of(vector)
    if read.kind == code.PRE_SIGNED:
        assert code.is_own_pre_signed(read, grant=grant, id_key=KEYS["id_key"])


@pytest.mark.parametrize("vector", CODES)
def test_an_independent_reader_reads_the_vectors_code(vector: dict[str, Any]) -> None:
    read = other.decode_code(
        vector["text"],
        institution=vector["institution"],
        issuer_public=KEYS["issuer_public"],
        sealing_key=KEYS["sealing_key"],
        id_key=KEYS["id_key"],
    )
    wanted = {
        **{name: vector[name] for name in ("kind", "key_id", "not_before_s", "valid_s")},
        **vector["grant"],
        "account_ref": int(vector["grant"]["account_ref"]),
        "code_id": bytes.fromhex(vector["code_id"]),
        "phone_public": KEYS["phone_public"] if vector["kind"] == 0xE2 else b"",
        "shown_at_s": vector.get("shown_at_s", 0),
        "challenge": vector.get("challenge", 0),
        "id_is_own": vector["kind"] == 0xE1,
    }
    assert vars(read) == wanted


@pytest.mark.parametrize("vector", CODES)
def test_every_intermediate_value_of_a_vector_follows_from_the_layout(vector: dict[str, Any]) -> None:
    value = {name: bytes.fromhex(text) for name, text in vector.items() if _is_hex_field(name)}
    prefix = f"C1{vector['institution']}".encode()
    assert value["sealed"] == bytes(a ^ b for a, b in zip(value["plain"], value["keystream"], strict=True))
    phone = KEYS["phone_public"] if vector["kind"] == 0xE2 else b""
    assert value["body"] == value["clear"] + value["code_id"] + value["sealed"] + phone
    assert value["issuer_message"] == b"ecard/code/1/issuer\0" + prefix + value["body"]
    whole = value["body"] + value["issuer_signature"]
    if vector["kind"] == 0xE2:
        assert value["credential"] == whole
        assert value["moment_message"] == b"ecard/code/1/moment\0" + value["code_id"] + value["moment"]
        whole += value["moment"] + value["moment_signature"]
    else:
        assert value["id_message"] == b"ecard/code/1/id\0" + prefix + value["clear"] + value["plain"]
    assert value["bytes"] == whole
    assert vector["text"] == prefix.decode() + other.bytes_to_base45(whole)


def _is_hex_field(name: str) -> bool:
    return name in {
        "clear", "plain", "code_id", "keystream", "sealed", "body", "issuer_message", "issuer_signature", "bytes",
        "credential", "moment", "moment_message", "moment_signature", "id_message",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "constant"),
    [
        (CODE["domains"]["code"], signing.CODE_DOMAIN),
        (CODE["domains"]["moment"], signing.MOMENT_DOMAIN),
        (CODE["domains"]["code_id"], signing.CODE_ID_DOMAIN),
        (load("key_list")["domain"], signing.KEY_LIST_DOMAIN),
        (load("journal")["domain"], signing.RECORD_DOMAIN),
        (load("request")["domain"], signing.REQUEST_DOMAIN),
    ],
)
def test_domains_are_those_of_the_vectors(domain: dict[str, str], constant: bytes) -> None:
    assert constant == bytes.fromhex(domain["bytes"]) == domain["text"].encode() + b"\0"


def test_no_domain_begins_another() -> None:
    domains = [value for name, value in vars(signing).items() if name.endswith("_DOMAIN")]
    assert len(set(domains)) == len(domains) >= 12
    assert not [(a, b) for a in domains for b in domains if a is not b and b.startswith(a)]
    assert all(domain.isascii() and domain.find(b"\0") == len(domain) - 1 for domain in domains)


def test_the_key_list_vector_is_made_and_read() -> None:
    vector = load("key_list")
    root, wire = SigningKey(bytes.fromhex(vector["root_seed"])), bytes.fromhex(vector["wire"])
    key_list = open_key_list(wire, root_public=bytes.fromhex(vector["root_public"]), institution="EC")
    assert key_list == msgspec.convert(vector["list"], KeyList)
    assert sign_body(vector["body"].encode(), root=root) == wire
    assert sign_key_list(msgspec.convert(vector["list"], KeyList), root=root) == wire
    message = b"ecard/key-list/1\0" + vector["body"].encode()
    assert other.ed25519_sign(bytes.fromhex(vector["root_seed"]), message).hex() == vector["signature"]
    assert other.ed25519_holds(bytes.fromhex(vector["root_public"]), message, bytes.fromhex(vector["signature"]))


def test_the_journal_vectors_chain_and_their_lines_are_records() -> None:
    vector = load("journal")
    head = bytes.fromhex(vector["genesis"])
    assert head == journal.GENESIS
    for step in vector["lines"]:
        line = step["line"].encode()
        head = journal.chain(head, line)
        assert head.hex() == step["head"]
        assert journal.encode_record(journal.decode_record(line)) == line
    assert journal.chain_all(journal.GENESIS, [step["line"].encode() for step in vector["lines"]]) == head


def test_the_request_vector_is_signed_and_read() -> None:
    vector = load("request")
    body, device = bytes.fromhex(vector["body"]), SigningKey(bytes.fromhex(vector["device_seed"]))
    request = {"method": vector["method"], "target": vector["target"], "body": body, "at_ms": vector["at_ms"]}
    assert messages.request_message(**request).decode() == vector["message"]
    header = messages.request_header(terminal=vector["terminal"], device=device, **request)
    assert header == vector["header"]
    message = b"ecard/request/1\0" + vector["message"].encode()
    assert other.ed25519_holds(device.public, message, bytes.fromhex(vector["signature"]))
