"""An administrator sees where the keys stand, rotates and revokes them, and brings in what the root signed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from devices.core.keys import sign_body
from ecard.cardholders.models import Cardholder
from ecard.codes import operations, queries
from ecard.codes.models import IssuerKey, KeyRole, KeyState
from ecard.codes.operations import issue_credentials
from tests.codes.conftest import AT
from tests.codes.test_issuing import days
from tests.support.issuing import ROOT, make_keys_ready

KEYS = "/admin/codes/issuerkey/"


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def ready(db: None) -> None:
    make_keys_ready(at=timezone.now() - timedelta(days=200))


def the_key(key_id: int = 1) -> IssuerKey:
    return IssuerKey.objects.get(role=KeyRole.CODE, key_id=key_id)


def test_the_page_says_which_keys_sign_and_when_a_rotation_is_due(root: Client, ready: None) -> None:
    page = root.get(KEYS).content.decode()
    assert "Key list 1 is in force" in page
    assert page.count("Key 1 signs since") == 3
    assert page.count("A rotation is due.") == 3
    assert page.count("can take over at once") == 3


def test_rotate_now_hands_over_and_the_page_asks_for_the_roots_signature(root: Client, ready: None) -> None:
    answer = root.post(f"{KEYS}rotate_now/", {"role": "code", "_form_submitted": "on"})
    assert answer.headers["HX-Redirect"] == KEYS
    assert the_key(2).state is KeyState.ACTIVE
    assert the_key(2).changed_by == User.objects.get(username="root")
    page = root.get(KEYS).content.decode()
    assert "Key list 2 awaits the root" in page
    assert "sign_key_list --root" in page
    assert "Key 3 is made and awaits the root." in page


def test_a_second_rotation_before_the_signature_is_refused_in_words(root: Client, ready: None) -> None:
    root.post(f"{KEYS}rotate_now/", {"role": "code", "_form_submitted": "on"})
    answer = root.post(f"{KEYS}rotate_now/", {"role": "code", "_form_submitted": "on"})
    assert "not yet in a list signed by the root" in answer.content.decode()
    assert the_key(2).state is KeyState.ACTIVE


def test_a_rotation_soon_after_the_announcement_asks_to_be_meant(root: Client) -> None:
    make_keys_ready(at=timezone.now() - timedelta(hours=2))
    answer = root.post(f"{KEYS}rotate_now/", {"role": "code", "_form_submitted": "on"})
    assert "announced less than a day ago" in answer.content.decode()
    assert the_key(1).state is KeyState.ACTIVE
    root.post(f"{KEYS}rotate_now/", {"role": "code", "hurried": "on", "_form_submitted": "on"})
    assert the_key(2).state is KeyState.ACTIVE


def test_looking_at_the_dialogs_changes_nothing(root: Client, ready: None) -> None:
    assert root.get(f"{KEYS}rotate_now/").status_code == 200
    assert root.get(f"{KEYS}{the_key().pk}/revoke/").status_code == 200
    assert the_key().state is KeyState.ACTIVE
    assert queries.waiting_draft() is None


def test_revoking_needs_a_reason_and_shows_in_the_keys_history(root: Client, ready: None) -> None:
    path = f"{KEYS}{the_key().pk}/revoke/"
    root.post(path, {"reason": "", "_form_submitted": "on"})
    assert the_key().state is KeyState.ACTIVE
    root.post(path, {"reason": "laptop stolen", "_form_submitted": "on"})
    assert the_key().state is KeyState.REVOKING
    assert the_key().revoke_reason == "laptop stolen"
    assert "revocation asked" in root.get(f"{KEYS}{the_key().pk}/history/").content.decode()


def test_the_waiting_list_is_downloaded_signed_elsewhere_and_brought_in(root: Client, ready: None) -> None:
    operations.rotate(role=KeyRole.CODE, at=timezone.now())
    download = root.get(reverse("admin:codes_keylist_waiting"))
    assert download.headers["Content-Disposition"] == 'attachment; filename="key-list-2.json"'
    bring_in = reverse("admin:codes_keylist_bring_in")
    wrong = root.post(bring_in, {"signed": SimpleUploadedFile("signed", b"something else")})
    assert "not a key list" in wrong.content.decode()
    long = root.post(bring_in, {"signed": SimpleUploadedFile("signed", bytes(100_000))})
    assert "too long" in long.content.decode()
    signed = sign_body(download.content, root=ROOT)
    answer = root.post(bring_in, {"signed": SimpleUploadedFile("signed", signed)})
    assert answer.status_code == 302
    assert the_key(3).state is KeyState.ANNOUNCED
    assert root.get(reverse("admin:codes_keylist_waiting")).status_code == 404


@pytest.mark.parametrize("path", ["rotate_now/", "{key}/revoke/", "waiting/", "bring-in/"])
def test_staff_without_the_right_can_neither_rotate_nor_revoke_nor_bring_in(ready: None, path: str) -> None:
    clerk = Client()
    clerk.force_login(User.objects.create_user("clerk", is_staff=True))
    address = KEYS + path.format(key=the_key().pk)
    for answer in (clerk.get(address), clerk.post(address, {"role": "code", "reason": "x"})):
        assert answer.status_code == 403
    assert the_key().state is KeyState.ACTIVE


def test_nobody_edits_keys_lists_or_the_log_by_hand(root: Client, person: Cardholder) -> None:
    issue_credentials(cardholder=person, days=days(1), at=AT)
    for path in ("issuerkey/", "keylistversion/", "credentialissue/"):
        assert root.get(f"/admin/codes/{path}").status_code == 200
        assert root.get(f"/admin/codes/{path}add/").status_code == 403
    detail = f"{KEYS}{the_key().pk}/change/"
    assert root.post(detail, {"role": "snapshot"}).status_code == 403
    page = root.get(detail).content.decode()
    assert the_key().public in page
    assert "sealed" not in page
    assert "code        1" in root.get("/admin/codes/keylistversion/1/change/").content.decode()


def test_the_lists_ask_the_database_a_bounded_number_of_times(
    root: Client, person: Cardholder, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _time in range(30):
        issue_credentials(cardholder=person, days=days(1), at=AT)
    with django_assert_max_num_queries(14):
        assert root.get("/admin/codes/credentialissue/").status_code == 200
