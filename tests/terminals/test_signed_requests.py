"""Attacks on the signature of a request: each is refused with 401, and says nothing about who exists."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec
import pytest
from django.contrib.admin import site
from nacl.public import SealedBox
from nacl.signing import SigningKey as NaclKey

from devices.core.keys import open_key_list
from devices.core.messages import MAX_BATCH_BYTES, KeysAnswer
from devices.core.status import STATUS_HEADER, Status, encode_status
from ecard.codes.queries import root_public, sealing_keys_for_terminals
from ecard.terminals import operations
from ecard.terminals.admin import TerminalAdmin
from ecard.terminals.models import Terminal
from tests.support.campus import Campus
from tests.support.device import ROOT_PATH, Device, enrolled_device, key_of, refusal_of, terminal_of

KEYS = f"{ROOT_PATH}keys"


def test_a_signed_request_is_answered(device: Device) -> None:
    assert device.ask("keys").status_code == 200


def test_a_missing_signature_is_refused(device: Device) -> None:
    response = device.client.get(KEYS)
    assert (response.status_code, refusal_of(response)["error"]) == (401, "signature")
    assert response["WWW-Authenticate"] == "Ecard-Terminal"


@pytest.mark.parametrize(
    "header",
    ["Ecard-Terminal ", "Ecard-Terminal 1.2.3", "Ecard-Terminal x.1." + "0" * 128, "Ecard-Terminal 1.1." + "g" * 128],
)
def test_a_malformed_header_is_refused(device: Device, header: str) -> None:
    response = device.send(KEYS, header)
    assert (response.status_code, refusal_of(response)["error"]) == (401, "signature")


def test_a_signature_for_another_address_is_refused(device: Device) -> None:
    header = device.sign(f"{ROOT_PATH}snapshot")
    assert device.send(KEYS, header).status_code == 401


def test_a_signature_for_another_query_is_refused(device: Device) -> None:
    header = device.sign(f"{ROOT_PATH}snapshot?generation=1&number=1")
    assert device.send(f"{ROOT_PATH}snapshot?generation=1&number=2", header).status_code == 401


def test_a_signature_for_another_method_is_refused(device: Device) -> None:
    header = device.sign(KEYS, method="GET")
    assert device.send(KEYS, header, method="POST").status_code == 401


def test_a_replayed_header_with_the_body_swapped_is_refused(device: Device) -> None:
    header = device.sign(f"{ROOT_PATH}batches", method="POST", body=b"one")
    assert device.send(f"{ROOT_PATH}batches", header, method="POST", body=b"two").status_code == 401


def test_another_terminals_signature_is_refused(device: Device, campus: Campus, now: datetime) -> None:
    other = enrolled_device(outlet=campus.outlet, number=2, at=now)
    forged = Device(device.terminal_id, other.key)
    assert forged.ask("keys").status_code == 401


def test_a_changed_time_breaks_the_signature(device: Device) -> None:
    scheme, rest = device.sign(KEYS).split(" ")
    terminal, at_ms, signature = rest.split(".")
    assert device.send(KEYS, f"{scheme} {terminal}.{int(at_ms) + 1}.{signature}").status_code == 401


def test_an_unknown_terminal_and_a_wrong_signature_look_alike(device: Device, campus: Campus, now: datetime) -> None:
    waiting = operations.register(name="T9", outlet=campus.outlet, at=now)
    answers = [
        Device(terminal_id, key_of(99)).ask("keys") for terminal_id in (device.terminal_id, waiting.pk, 31_000, 99_999)
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}


@pytest.mark.parametrize("off_s", [-121, 121, -86_400, 10**7])
def test_a_clock_that_is_off_is_told_the_servers_time(device: Device, off_s: int) -> None:
    response = device.ask("keys", at_ms=int((time.time() + off_s) * 1000))
    refusal = refusal_of(response)
    assert (response.status_code, refusal["error"]) == (401, "clock")
    assert abs(refusal["server_time_ms"] - time.time() * 1000) < 60_000


@pytest.mark.parametrize("off_s", [-100, 100])
def test_a_clock_that_is_a_little_off_is_good_enough(device: Device, off_s: int) -> None:
    assert device.ask("keys", at_ms=int((time.time() + off_s) * 1000)).status_code == 200


def test_a_stranger_with_a_wrong_clock_is_not_told_the_time(device: Device) -> None:
    response = Device(device.terminal_id, key_of(9)).ask("keys", at_ms=1)
    assert refusal_of(response) == {"error": "signature", "detail": "not signed by an enrolled terminal"}


def test_an_oversized_body_is_refused_before_it_is_read(device: Device) -> None:
    response = device.ask("batches", method="POST", body=bytes(MAX_BATCH_BYTES + 1))
    assert (response.status_code, refusal_of(response)["error"]) == (413, "too_large")


@pytest.mark.parametrize("path", ["keys", "snapshot"])
def test_a_revoked_terminal_is_told_so(device: Device, now: datetime, path: str) -> None:
    operations.revoke(terminal=terminal_of(device), by=None, at=now)
    response = device.ask(path)
    assert (response.status_code, refusal_of(response)["error"]) == (403, "revoked")


@pytest.mark.parametrize("accept", ["application/octet-stream", "text/html", "*/*", "nonsense"])
def test_what_the_client_accepts_does_not_matter(device: Device, accept: str) -> None:
    assert device.ask("keys", headers={"Accept": accept}).status_code == 200


def test_keys_are_signed_by_the_root_and_sealed_to_this_device(device: Device, campus: Campus, now: datetime) -> None:
    answer = msgspec.json.decode(device.ask("keys").content, type=KeysAnswer)
    assert open_key_list(answer.key_list, root_public=root_public(), institution="EC").number > 0
    mine = SealedBox(NaclKey((1).to_bytes(32, "big")).to_curve25519_private_key())
    opened = msgspec.json.decode(mine.decrypt(answer.sealing_box), type=dict[str, str])
    assert {int(key_id): bytes.fromhex(key) for key_id, key in opened.items()} == sealing_keys_for_terminals(at=now)
    assert opened
    other = SealedBox(NaclKey((2).to_bytes(32, "big")).to_curve25519_private_key())
    with pytest.raises(Exception, match="decrypt"):
        other.decrypt(answer.sealing_box)


def test_a_request_is_noted_with_what_the_terminal_says(device: Device) -> None:
    device.ask("keys", headers={STATUS_HEADER: encode_status(Status(unsent=7, software="1.2.3"))})
    row = terminal_of(device)
    assert (row.unsent_count, row.software) == (7, "1.2.3")
    assert row.last_seen_at is not None


def test_a_policy_that_the_terminal_cannot_read_is_noted_at_once_and_told_on_its_page(device: Device) -> None:
    for newer in (0, 5):
        device.ask("keys", headers={STATUS_HEADER: encode_status(Status(policy=4, newer_policy=newer))})
    row = terminal_of(device)
    assert (row.policy_number, row.newer_policy) == (4, 5)
    told = TerminalAdmin(Terminal, site).rules(row)
    assert told == "No. 4: policy No. 5 needs a newer release of this terminal."


def test_a_terminal_that_listens_to_no_neighbours_any_more_is_not_told_of_with_old_ones(device: Device) -> None:
    for said in (Status(unsent=1, policy=4, neighbours=2), Status(unsent=2, policy=4)):
        device.ask("keys", headers={STATUS_HEADER: encode_status(said)})
    assert terminal_of(device).neighbours_heard is None


def test_an_emptied_journal_is_noted_though_the_terminal_was_just_seen(device: Device) -> None:
    for unsent in (7, 0):
        device.ask("keys", headers={STATUS_HEADER: encode_status(Status(unsent=unsent))})
    assert terminal_of(device).unsent_count == 0


@pytest.mark.parametrize("header", ["", "nonsense", '{"unsent":-1}', '{"unsent":1' + "0" * 300, "é"])
def test_a_bad_status_does_no_harm(device: Device, header: str) -> None:
    assert device.ask("keys", headers={STATUS_HEADER: header}).status_code == 200
    assert terminal_of(device).unsent_count is None


def test_what_no_database_can_hold_is_left_out(device: Device) -> None:
    header = encode_status(Status(unsent=1, software="1\x00.\x1b2"))
    assert device.ask("keys", headers={STATUS_HEADER: header}).status_code == 200
    assert terminal_of(device).software == "1.2"
