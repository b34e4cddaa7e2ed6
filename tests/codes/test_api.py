"""What a cardholder's page may ask for over HTTP, and what it is told when it may not."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from devices.core import accept
from devices.core.accept import Genuine
from devices.core.code import show
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import link_user, stop_account
from ecard.codes.models import CredentialIssue
from ecard.codes.queries import trust_at
from tests.codes.conftest import AT
from tests.codes.test_issuing import PHONES

CREDENTIALS = "/api/cardholder/v1/credentials"
PRE_SIGNED = "/api/cardholder/v1/pre-signed"


@pytest.fixture
def client(person: Cardholder) -> APIClient:
    cache.clear()
    user = User.objects.create_user("20260001", password="a long password")
    link_user(cardholder=person, user=user, at=AT)
    client = APIClient(enforce_csrf_checks=False)
    client.force_login(user)
    return client


def today_and_tomorrow() -> list[dict[str, str]]:
    first = timezone.localdate()
    return [
        {"date": (first + timedelta(days=ahead)).isoformat(), "public": PHONES[ahead].public.hex()} for ahead in (0, 1)
    ]


def test_a_phone_gets_credentials_that_a_terminal_believes(client: APIClient, person: Cardholder) -> None:
    answer = client.post(CREDENTIALS, {"days": today_and_tomorrow()}, format="json")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"institution", "server_time_ms", "credentials", "next_renewal_s"}
    now = timezone.now()
    first = body["credentials"][0]
    text = show(
        base64.b64decode(first["credential"]),
        institution=body["institution"],
        shown_at_s=int(now.timestamp()),
        phone=PHONES[0],
    )
    found = accept.read(text, trust=trust_at(now), now_s=int(now.timestamp()))
    assert isinstance(found, Genuine)
    assert found.grant.account_ref == person.account_ref
    assert first["not_before_s"] <= body["server_time_ms"] / 1000 < first["not_after_s"]
    assert body["next_renewal_s"] > body["server_time_ms"] / 1000


def test_a_host_that_cannot_sign_gets_a_list(client: APIClient, person: Cardholder) -> None:
    answer = client.post(PRE_SIGNED, {"hours": 2}, format="json").json()
    assert (answer["institution"], answer["slot_s"]) == ("EC", 60)
    now_s = answer["codes"][5]["not_before_s"] + 1
    found = accept.read(answer["codes"][5]["text"], trust=trust_at(timezone.now()), now_s=now_s)
    assert isinstance(found, Genuine)
    assert found.grant.account_ref == person.account_ref


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CREDENTIALS, {}),
        (CREDENTIALS, {"days": []}),
        (CREDENTIALS, {"days": [{"date": "2026-11-20", "public": "zz" * 32}]}),
        (CREDENTIALS, {"days": [{"date": "yesterday", "public": "00" * 32}]}),
        (CREDENTIALS, {"days": [{"date": "2001-01-01", "public": "00" * 32}]}),
        (CREDENTIALS, {"days": [{"date": "2026-11-20", "public": "00" * 32}] * 1000}),
        (CREDENTIALS, {"days": "all"}),
        (CREDENTIALS, []),
        (PRE_SIGNED, {}),
        (PRE_SIGNED, {"hours": 0}),
        (PRE_SIGNED, {"hours": 73}),
        (PRE_SIGNED, {"hours": "many"}),
    ],
)
def test_a_request_out_of_form_is_refused_and_counts_nothing(
    client: APIClient, person: Cardholder, path: str, body: object
) -> None:
    assert client.post(path, body, format="json").status_code == 400
    assert not CredentialIssue.objects.exists()


@pytest.mark.parametrize(
    "body", [b'{"days":' + b"[" * 100_000, b"[" * 100_000, b"\xff", b"", b'{"days":[{"date":"\\u0000"}]}']
)
def test_a_body_that_is_no_request_is_refused_and_never_an_error(client: APIClient, body: bytes) -> None:
    assert client.post(CREDENTIALS, body, content_type="application/json").status_code == 400


def test_a_body_too_long_is_refused_before_it_is_read(client: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    asked = json.dumps({"days": today_and_tomorrow()}).encode()
    assert client.post(CREDENTIALS, asked, content_type="application/json").status_code == 200
    padded = client.post(CREDENTIALS, asked + b" " * 1_000, content_type="application/json")
    assert padded.status_code == 400


@pytest.mark.parametrize("path", [CREDENTIALS, PRE_SIGNED])
def test_nobody_without_a_session_is_issued_anything(keys: None, path: str) -> None:
    assert APIClient().post(path, {"hours": 1}, format="json").status_code == 403


@pytest.mark.parametrize("path", [CREDENTIALS, PRE_SIGNED])
def test_a_login_with_no_cardholder_is_told_so(keys: None, path: str) -> None:
    cache.clear()
    client = APIClient()
    client.force_login(User.objects.create_user("clerk"))
    answer = client.post(path, {"hours": 1}, format="json")
    assert answer.status_code == 403
    assert "cardholder" in answer.json()["detail"]


def test_another_sites_page_cannot_draw_codes_with_the_persons_cookie(person: Cardholder, client: APIClient) -> None:
    user = User.objects.get(username="20260001")
    forged = APIClient(enforce_csrf_checks=True)
    forged.force_login(user)
    assert forged.post(PRE_SIGNED, {"hours": 1}, format="json").status_code == 403
    assert not CredentialIssue.objects.exists()


@pytest.mark.parametrize(("language", "said"), [("en", "stopped"), ("zh-hans", "")])
def test_a_stopped_person_is_told_why(client: APIClient, person: Cardholder, language: str, said: str) -> None:
    stop_account(cardholder=person, by=None, reason="lost", at=AT)
    answer = client.post(PRE_SIGNED, {"hours": 1}, format="json", headers={"accept-language": language})
    assert (answer.status_code, answer.json()["why"]) == (403, "stopped")
    assert said in answer.json()["detail"]


def test_asking_without_pause_is_throttled(client: APIClient) -> None:
    answers = [client.post(PRE_SIGNED, {"hours": 0}, format="json").status_code for _time in range(61)]
    assert answers[:60] == [400] * 60
    assert answers[60] == 429


def test_the_schema_describes_both_requests(client: APIClient) -> None:
    schema = client.get("/api/schema/", headers={"accept": "application/json"}).content.decode()
    assert CREDENTIALS in schema
    assert PRE_SIGNED in schema
