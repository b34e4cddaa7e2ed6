"""The life of keys: nothing signs before the root announced it, nothing dies before its successor is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from django.db import IntegrityError, transaction
from pytest_django.fixtures import Settings

from devices.core.keys import KeyList, Role, open_key_list, sign_body, sign_key_list
from devices.core.messages import SignedPolicy
from devices.core.signing import POLICY_DOMAIN, SigningKey, verifies
from ecard.changes.models import Change, Topic
from ecard.codes import operations, queries
from ecard.codes.errors import (
    KeyListRefused,
    NoActiveKey,
    RootAlreadyPinned,
    RootMissing,
    SealBroken,
    SuccessorNotAnnounced,
)
from ecard.codes.keyring import forget, open_key
from ecard.codes.models import IssuerKey, KeyListVersion, KeyRole
from tests.support.issuing import ROOT, make_keys_ready, sign_waiting_list

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
LATER = AT + timedelta(days=90)


def in_use(role: KeyRole) -> IssuerKey:
    return IssuerKey.objects.get(role=role, activated_at__isnull=False, retired_at=None, revoked_at=None)


def listed() -> KeyList:
    signed = queries.signed_key_list()
    assert signed is not None
    return open_key_list(signed.data, root_public=ROOT.public, institution="EC")


def test_a_fresh_installation_has_a_key_and_a_successor_for_every_role_once_the_root_has_signed() -> None:
    make_keys_ready(at=AT)
    for role in KeyRole:
        assert in_use(role).key_id == 1
        assert IssuerKey.objects.get(role=role, key_id=2).announced_at == AT
    assert listed().number == 1
    assert {(key.role, key.key_id) for key in listed().keys} == {(role, n) for role in Role for n in (1, 2)}
    assert queries.waiting_draft() is None


def test_no_key_signs_before_the_root_has_signed_a_list_that_names_it() -> None:
    operations.pin_root(public=ROOT.public, at=AT)
    operations.ensure_keys(at=AT)
    with pytest.raises(NoActiveKey):
        operations.sign_policy(b"{}")
    sign_waiting_list(at=AT)
    signed = operations.sign_policy(b"{}")
    public = bytes.fromhex(in_use(KeyRole.SNAPSHOT).public)
    assert verifies(public=public, domain=POLICY_DOMAIN, message=b"{}", signature=signed.signature)


def test_the_database_itself_refuses_a_key_in_use_that_was_never_announced() -> None:
    operations.pin_root(public=ROOT.public, at=AT)
    key = operations.create_key(role=KeyRole.CODE, at=AT)
    with pytest.raises(IntegrityError, match="signs_only_when_announced"), transaction.atomic():
        IssuerKey.objects.filter(pk=key.pk).update(activated_at=AT)


def test_rotation_hands_over_at_once_and_drafts_the_next_list() -> None:
    make_keys_ready(at=AT)
    now_used = operations.rotate(role=KeyRole.CODE, at=LATER)
    assert (now_used.key_id, in_use(KeyRole.CODE).key_id) == (2, 2)
    draft = queries.waiting_draft()
    assert draft is not None
    assert draft.number == 2
    sign_waiting_list(at=LATER)
    assert {key.key_id for key in listed().keys if key.role is Role.CODE} == {1, 2, 3}
    assert list(Change.objects.filter(topic=Topic.KEYS).values_list("refs", flat=True)) == [[1], [2]]


def test_a_retired_code_key_stays_listed_while_its_codes_live_but_its_window_for_new_ones_is_shut() -> None:
    make_keys_ready(at=AT)
    operations.rotate(role=KeyRole.CODE, at=LATER)
    sign_waiting_list(at=LATER)
    old = listed().find(Role.CODE, 1)
    assert old is not None
    assert old.not_after_s == int((LATER + timedelta(hours=1)).timestamp())
    operations.draft_key_list(at=LATER + timedelta(days=9))
    sign_waiting_list(at=LATER + timedelta(days=9))
    assert listed().find(Role.CODE, 1) is not None
    operations.draft_key_list(at=LATER + timedelta(days=11))
    sign_waiting_list(at=LATER + timedelta(days=11))
    assert listed().find(Role.CODE, 1) is None


def test_a_retired_snapshot_key_still_vouches_for_the_policies_it_signed() -> None:
    make_keys_ready(at=AT)
    operations.rotate(role=KeyRole.SNAPSHOT, at=LATER)
    sign_waiting_list(at=LATER)
    old = listed().find(Role.SNAPSHOT, 1)
    assert old is not None
    assert old.not_after_s > LATER.timestamp() + 300 * 86_400


def test_rotation_is_refused_while_the_successor_awaits_the_root() -> None:
    make_keys_ready(at=AT)
    operations.rotate(role=KeyRole.CODE, at=LATER)
    with pytest.raises(SuccessorNotAnnounced):
        operations.rotate(role=KeyRole.CODE, at=LATER)
    assert in_use(KeyRole.CODE).key_id == 2


def test_a_planned_rotation_waits_until_terminals_can_know_the_successor() -> None:
    make_keys_ready(at=AT)
    with pytest.raises(SuccessorNotAnnounced):
        operations.rotate(role=KeyRole.CODE, at=AT + timedelta(hours=23))
    assert operations.rotate(role=KeyRole.CODE, at=AT + timedelta(hours=24)).key_id == 2
    sign_waiting_list(at=AT + timedelta(hours=25))
    assert operations.rotate(role=KeyRole.CODE, at=AT + timedelta(hours=26), hurried=True).key_id == 3


def test_revoking_the_key_in_use_hands_over_and_takes_effect_when_the_root_has_signed() -> None:
    make_keys_ready(at=AT)
    operations.revoke_key(key=in_use(KeyRole.CODE), reason="laptop stolen", at=LATER)
    assert in_use(KeyRole.CODE).key_id == 2
    assert listed().find(Role.CODE, 1) is not None
    assert not IssuerKey.objects.get(role=KeyRole.CODE, key_id=1).revoked_at
    sign_waiting_list(at=LATER + timedelta(hours=1))
    revoked = listed().find(Role.CODE, 1)
    assert revoked is not None
    assert revoked.revoked
    assert IssuerKey.objects.get(role=KeyRole.CODE, key_id=1).revoked_at == LATER + timedelta(hours=1)
    assert 1 not in queries.sealing_keys_for_terminals(at=LATER + timedelta(hours=1))


def test_a_key_does_not_die_before_its_successor_is_confirmed() -> None:
    make_keys_ready(at=AT)
    operations.rotate(role=KeyRole.CODE, at=LATER)
    operations.revoke_key(key=in_use(KeyRole.CODE), reason="seen in a log", at=LATER)
    assert in_use(KeyRole.CODE).key_id == 2
    sign_waiting_list(at=LATER)
    assert in_use(KeyRole.CODE).key_id == 3
    assert IssuerKey.objects.get(role=KeyRole.CODE, key_id=2).revoked_at == LATER


def test_a_list_that_changed_after_its_export_must_be_signed_again() -> None:
    make_keys_ready(at=AT)
    operations.rotate(role=KeyRole.CODE, at=LATER)
    exported = queries.waiting_draft()
    assert exported is not None
    operations.revoke_key(key=in_use(KeyRole.RELEASE), reason="lost", at=LATER)
    with pytest.raises(KeyListRefused):
        operations.publish_key_list(signed=sign_body(exported.data, root=ROOT), at=LATER)


def test_an_older_list_signed_by_the_root_is_not_taken_again() -> None:
    make_keys_ready(at=AT)
    first = queries.signed_key_list()
    assert first is not None
    assert operations.publish_key_list(signed=first.data, at=AT).number == 1
    operations.rotate(role=KeyRole.CODE, at=LATER)
    sign_waiting_list(at=LATER)
    with pytest.raises(KeyListRefused, match="older"):
        operations.publish_key_list(signed=first.data, at=LATER)


def test_a_list_signed_by_another_key_than_the_pinned_root_is_refused() -> None:
    make_keys_ready(at=AT)
    operations.rotate(role=KeyRole.CODE, at=LATER)
    draft = queries.waiting_draft()
    assert draft is not None
    with pytest.raises(KeyListRefused, match="root"):
        operations.publish_key_list(signed=sign_body(draft.data, root=SigningKey(bytes(32))), at=LATER)
    body = msgspec.json.decode(draft.data, type=KeyList)
    foreign = sign_key_list(msgspec.structs.replace(body, institution="ZZ"), root=ROOT)
    with pytest.raises(KeyListRefused, match="institution"):
        operations.publish_key_list(signed=foreign, at=LATER)


def test_a_second_root_is_not_pinned_over_the_first() -> None:
    operations.pin_root(public=ROOT.public, at=AT)
    operations.pin_root(public=ROOT.public, at=AT)
    with pytest.raises(RootAlreadyPinned):
        operations.pin_root(public=SigningKey(bytes(32)).public, at=AT)


def test_without_a_root_nothing_is_published() -> None:
    with pytest.raises(RootMissing):
        operations.publish_key_list(signed=b"ECK1", at=AT)
    with pytest.raises(RootMissing):
        queries.root_public()


def test_policies_of_a_revoked_key_are_signed_anew_so_that_terminals_go_on_selling() -> None:
    make_keys_ready(at=AT)
    policy = operations.sign_policy(b"a policy")
    altered = SignedPolicy(policy.key_id, policy.signature, b"a cheaper policy")
    assert operations.vouch_for([policy], key=operations.snapshot_signer()) == (policy,)
    operations.revoke_key(key=in_use(KeyRole.SNAPSHOT), reason="lost", at=LATER)
    sign_waiting_list(at=LATER)
    key = operations.snapshot_signer()
    anew, refused = operations.vouch_for([policy, altered], key=key)
    assert (anew.key_id, anew.body) == (2, b"a policy")
    assert verifies(public=key.signer.public, domain=POLICY_DOMAIN, message=anew.body, signature=anew.signature)
    assert refused == altered


def test_a_stolen_database_holds_no_key_in_clear() -> None:
    make_keys_ready(at=AT)
    row = in_use(KeyRole.CODE)
    opened = open_key(row)
    stored = b"".join(bytes(box or b"") for box in (row.sealed_seed, row.sealed_sealing_key, row.sealed_id_key))
    assert opened.sealing_key not in stored
    assert opened.id_key not in stored
    assert "sealing" not in repr(opened)


@pytest.mark.parametrize("part", ["sealed_seed", "sealed_sealing_key", "sealed_id_key"])
def test_one_keys_box_put_in_anothers_row_does_not_open(part: str) -> None:
    make_keys_ready(at=AT)
    first, second = IssuerKey.objects.filter(role=KeyRole.CODE).order_by("key_id")
    setattr(first, part, getattr(second, part))
    forget()
    with pytest.raises(SealBroken):
        open_key(first)


def test_another_key_encryption_key_opens_nothing(settings: Settings) -> None:
    make_keys_ready(at=AT)
    forget()
    settings.ECARD_KEY_ENCRYPTION_KEY = bytes(32)
    with pytest.raises(SealBroken):
        operations.active_key(KeyRole.CODE)


def test_only_one_draft_awaits_the_root() -> None:
    make_keys_ready(at=AT)
    operations.draft_key_list(at=LATER)
    with pytest.raises(IntegrityError), transaction.atomic():
        KeyListVersion.objects.create(number=9, body=b"{}", drafted_at=LATER)


def test_making_keys_again_makes_none_where_none_is_missing() -> None:
    make_keys_ready(at=AT)
    assert operations.ensure_keys(at=LATER) is None
    assert IssuerKey.objects.count() == 6
