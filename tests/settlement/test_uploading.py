"""The same over HTTP: who is let in, what the answer looks like, and that a dead broker is nobody's loss."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError

from devices.core.messages import MAX_BATCH_BYTES, Ack, Refusal
from ecard.settlement import queries, tasks
from ecard.settlement.models import Batch, QuarantinedBatch, Sale
from ecard.terminals.operations import revoke
from tests.support.device import Device
from tests.support.settling import Till, World, make_till, make_world

BATCHES = "batches"


@pytest.fixture
def now() -> datetime:
    return timezone.now().replace(microsecond=0)


@pytest.fixture
def world(db: None, now: datetime) -> World:
    return make_world(at=now - timedelta(minutes=1))


@pytest.fixture
def till(world: World) -> Till:
    return make_till(world)


@pytest.fixture
def device(till: Till) -> Device:
    return Device(till.terminal.pk, till.key)


@pytest.fixture(autouse=True)
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(tasks.settle, "apply_async", lambda **options: sent.append(options))
    return sent


def ack_of(response: Any) -> Ack:
    assert response.status_code == 200, response.content
    return msgspec.json.decode(response.content, type=Ack)


def refusal_of(response: Any) -> Refusal:
    return msgspec.json.decode(response.content, type=Refusal)


def test_an_upload_is_acknowledged_and_nudges_posting(till: Till, device: Device, nudges: list[Any]) -> None:
    till.sell()
    response = device.ask(BATCHES, method="POST", body=till.sealed())
    assert ack_of(response) == Ack("accepted", till.epoch, 2)
    assert nudges == [{"retry": False}]
    assert response["Cache-Control"] == "no-store"


def test_a_repeat_nudges_nobody(till: Till, device: Device, nudges: list[Any]) -> None:
    for _time in range(2):
        device.ask(BATCHES, method="POST", body=till.sealed())
    assert len(nudges) == 1


def test_the_task_checks_and_posts_what_was_uploaded(world: World, till: Till, device: Device) -> None:
    till.sell()
    device.ask(BATCHES, method="POST", body=till.sealed())
    tasks.settle()
    assert Sale.objects.count() == 1
    tasks.audit_sample()
    assert queries.upload_counts().lost == 0


def test_a_broker_that_is_away_does_not_fail_the_upload(
    till: Till, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**options: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.settle, "apply_async", away)
    till.sell()
    assert ack_of(device.ask(BATCHES, method="POST", body=till.sealed())).status == "accepted"
    assert Batch.objects.count() == 1


def test_a_request_without_a_signature_sees_and_stores_nothing(till: Till) -> None:
    response = Client().post("/api/terminal/v1/batches", till.sealed(), content_type="application/octet-stream")
    assert response.status_code == 401
    assert (Batch.objects.count(), QuarantinedBatch.objects.count()) == (0, 0)


def test_a_body_changed_on_the_way_is_refused(till: Till, device: Device) -> None:
    till.sell()
    signed = device.sign("/api/terminal/v1/batches", method="POST", body=till.sealed())
    response = device.send("/api/terminal/v1/batches", signed, method="POST", body=till.sealed(1, 1))
    assert (response.status_code, Batch.objects.count()) == (401, 0)


def test_a_body_that_breaks_off_is_refused(till: Till, device: Device) -> None:
    till.sell()
    whole = till.sealed()
    signed = device.sign("/api/terminal/v1/batches", method="POST", body=whole)
    response = device.send("/api/terminal/v1/batches", signed, method="POST", body=whole[: len(whole) // 2])
    assert (response.status_code, Batch.objects.count()) == (401, 0)
    assert ack_of(device.ask(BATCHES, method="POST", body=whole)).status == "accepted"


def test_an_oversized_body_is_refused_by_its_announced_length(till: Till, device: Device) -> None:
    response = device.ask(BATCHES, method="POST", body=bytes(MAX_BATCH_BYTES + 1))
    assert (response.status_code, refusal_of(response).error) == (413, "too_large")


def test_a_well_signed_request_with_a_bad_batch_is_a_400(till: Till, device: Device) -> None:
    response = device.ask(BATCHES, method="POST", body=b"not a batch")
    assert (response.status_code, refusal_of(response).error) == (400, "bad_batch")


def test_a_revoked_terminal_hands_in_what_it_holds_and_is_told(world: World, till: Till, device: Device) -> None:
    till.sell()
    revoke(terminal=till.terminal, by=None, at=world.at)
    response = device.ask(BATCHES, method="POST", body=till.sealed())
    assert (response.status_code, refusal_of(response).error) == (403, "revoked")
    assert (Batch.objects.count(), QuarantinedBatch.objects.count()) == (0, 1)


def test_a_reader_cannot_list_batches(device: Device) -> None:
    assert device.ask(BATCHES).status_code == 405
