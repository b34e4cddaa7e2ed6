"""Who may let something go ahead, and what exactly: attacks by their names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db import DatabaseError, IntegrityError, transaction

from ecard.approvals import queries
from ecard.approvals.errors import (
    AlreadyDecided,
    BadRule,
    NotApproved,
    NotPermitted,
    NotReauthenticated,
    NotYetEffective,
    OtherContent,
    OwnerNotTold,
    SamePerson,
)
from ecard.approvals.models import Approval, Kind, Mode, State
from ecard.approvals.operations import (
    approve,
    ask,
    declare_single_administrator,
    refuse,
    require_second_person,
    use,
    withdraw,
)
from tests.support.database import OtherThread

AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
DIGEST, OTHER_DIGEST = b"a" * 32, b"b" * 32
OWNER = "owner@example.org"


def person(name: str, *rights: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


def clerk() -> User:
    return person("clerk", "approve_run")


def boss() -> User:
    return person("boss", "approve_run")


def asked(by: User, *, digest: bytes = DIGEST, subject_id: int = 7, at: datetime = AT) -> Approval:
    return ask(kind=Kind.RUN, subject_id=subject_id, digest=digest, summary="50 to 3 people", by=by, at=at)


def let(approval: Approval, by: User, *, at: datetime = AT, reauthenticated: bool = False) -> Approval:
    return approve(approval_id=approval.pk, by=by, at=at, reauthenticated=reauthenticated)


def use_it(*, digest: bytes = DIGEST, at: datetime = AT, kind: Kind = Kind.RUN) -> Approval:
    with transaction.atomic():
        return use(kind=kind, subject_id=7, digest=digest, at=at)


def alone() -> User:
    """The institution has one administrator, declared."""
    only = User.objects.create_superuser("only")
    declare_single_administrator(owner_email=OWNER, delay_minutes=60, by=only, at=AT, reauthenticated=True)
    mail.outbox.clear()
    return only


@pytest.mark.django_db
def test_what_a_second_person_approves_may_go_ahead_once() -> None:
    approval = asked(clerk())
    assert queries.waiting() == 1
    assert queries.waiting() == 1
    decided = let(approval, boss())
    assert (decided.state, decided.mode, decided.effective_at) == (State.APPROVED, Mode.SECOND_PERSON, AT)
    assert use_it().state == State.USED
    assert queries.waiting() == 0
    assert queries.standing(kind=Kind.RUN, subject_id=7) is None
    with pytest.raises(NotApproved):
        use_it()


@pytest.mark.django_db
def test_one_person_who_approves_their_own_run_is_refused() -> None:
    greedy = clerk()
    approval = asked(greedy)
    for reauthenticated in (False, True):
        with pytest.raises(SamePerson):
            let(approval, greedy, reauthenticated=reauthenticated)
    with pytest.raises(SamePerson):
        refuse(approval_id=approval.pk, by=greedy, at=AT, reason="x")
    with pytest.raises(NotApproved):
        use_it()


@pytest.mark.django_db
def test_the_database_itself_refuses_an_approval_of_ones_own() -> None:
    approval = asked(clerk())
    with pytest.raises(IntegrityError, match="second_person_is_another"), transaction.atomic():
        Approval.objects.filter(pk=approval.pk).update(
            state=State.APPROVED, decided_by=approval.asked_by, decided_at=AT, effective_at=AT
        )


@pytest.mark.django_db
def test_what_was_asked_cannot_be_rewritten_after_it_was_read() -> None:
    """Not by the server's own role either: approve a small run, then make it a big one."""
    approval = asked(clerk())
    for change in ({"digest": OTHER_DIGEST}, {"summary": "harmless"}, {"asked_by": boss()}, {"subject_id": 8}):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            Approval.objects.filter(pk=approval.pk).update(**change)
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        approval.delete()


@pytest.mark.django_db
def test_an_approval_reused_for_other_content_is_refused() -> None:
    let(asked(clerk()), boss())
    with pytest.raises(OtherContent):
        use_it(digest=OTHER_DIGEST)
    with pytest.raises(NotApproved):
        use_it(kind=Kind.POLICY)
    assert use_it().state == State.USED


@pytest.mark.django_db
def test_asking_anew_for_other_content_ends_the_approval_of_the_first() -> None:
    asker = clerk()
    first = let(asked(asker), boss())
    assert asked(asker).pk == first.pk
    second = asked(asker, digest=OTHER_DIGEST)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.WITHDRAWN, State.OPEN)
    for digest in (DIGEST, OTHER_DIGEST):
        with pytest.raises(NotApproved):
            use_it(digest=digest)


@pytest.mark.django_db
def test_approving_without_the_right_is_refused() -> None:
    approval = asked(clerk())
    gone = person("gone", "approve_run")
    gone.is_active = False
    for nobody in (person("policies only", "approve_policy"), person("nothing"), gone):
        with pytest.raises(NotPermitted):
            let(approval, nobody)
        with pytest.raises(NotPermitted):
            refuse(approval_id=approval.pk, by=nobody, at=AT, reason="x")


@pytest.mark.django_db
def test_a_refusal_keeps_its_reason_and_ends_the_request() -> None:
    approval = asked(clerk())
    second = boss()
    refused = refuse(approval_id=approval.pk, by=second, at=AT, reason="twice in one month")
    assert (refused.state, refused.reason) == (State.REFUSED, "twice in one month")
    with pytest.raises(AlreadyDecided):
        let(approval, second)


@pytest.mark.django_db
def test_only_the_asker_takes_a_request_back_and_then_nobody_approves_it() -> None:
    asker, second = clerk(), boss()
    approval = asked(asker)
    with pytest.raises(NotPermitted):
        withdraw(approval_id=approval.pk, by=second, at=AT)
    assert withdraw(approval_id=approval.pk, by=asker, at=AT).state == State.WITHDRAWN
    with pytest.raises(AlreadyDecided):
        let(approval, second)


@pytest.mark.django_db
def test_a_single_administrator_without_the_password_is_refused() -> None:
    only = alone()
    approval = asked(only)
    with pytest.raises(NotReauthenticated):
        let(approval, only)
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_single_administrators_approval_is_told_to_the_owner_and_waits_out_its_delay() -> None:
    only = alone()
    decided = let(asked(only), only, reauthenticated=True)
    assert decided.mode == Mode.SINGLE_ADMINISTRATOR
    (notice,) = mail.outbox
    assert notice.to == [OWNER]
    for told in ("only", "50 to 3 people", "13:00"):
        assert told in notice.body
    with pytest.raises(NotYetEffective) as early:
        use_it(at=AT + timedelta(minutes=59, seconds=59))
    assert "13:00" in early.value.sentence
    assert use_it(at=AT + timedelta(minutes=60)).state == State.USED


@pytest.mark.django_db
def test_the_owner_refuses_within_the_delay() -> None:
    only = alone()
    approval = let(asked(only), only, reauthenticated=True)
    refuse(approval_id=approval.pk, by=User.objects.create_superuser("owner"), at=AT, reason="no")
    with pytest.raises(NotApproved):
        use_it(at=AT + timedelta(hours=2))


@pytest.mark.django_db
def test_an_owner_who_cannot_be_told_means_that_nothing_is_approved(monkeypatch: pytest.MonkeyPatch) -> None:
    only = alone()
    approval = asked(only)

    def down(*_given: object, **_named: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr("ecard.approvals.operations.send_mail", down)
    with pytest.raises(OwnerNotTold):
        let(approval, only, reauthenticated=True)
    approval.refresh_from_db()
    assert approval.state == State.OPEN


@pytest.mark.django_db
def test_declaring_oneself_the_single_administrator_does_not_approve_what_was_asked_before() -> None:
    only = User.objects.create_superuser("only")
    approval = asked(only)
    declare_single_administrator(owner_email=OWNER, delay_minutes=10, by=only, at=AT, reauthenticated=True)
    with pytest.raises(SamePerson):
        let(approval, only, reauthenticated=True)


@pytest.mark.django_db
def test_the_second_persons_rule_holds_at_once_for_what_is_waiting() -> None:
    only = alone()
    approval = asked(only)
    require_second_person(by=only, at=AT, reauthenticated=True)
    with pytest.raises(SamePerson):
        let(approval, only, reauthenticated=True)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("superuser", "owner", "minutes", "reauthenticated"),
    [
        (False, OWNER, 60, True),
        (True, "", 60, True),
        (True, OWNER, 9, True),
        (True, OWNER, 7 * 24 * 60 + 1, True),
        (True, OWNER, 60, False),
    ],
)
def test_a_single_administrator_is_declared_by_a_superuser_with_password_owner_and_delay(
    superuser: bool, owner: str, minutes: int, reauthenticated: bool
) -> None:
    user = User.objects.create_superuser("root") if superuser else boss()
    with pytest.raises(BadRule):
        declare_single_administrator(
            owner_email=owner, delay_minutes=minutes, by=user, at=AT, reauthenticated=reauthenticated
        )
    assert queries.rule().mode == Mode.SECOND_PERSON


def test_of_two_uses_at_the_same_time_one_goes_ahead(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    let(asked(clerk()), boss())
    with transaction.atomic():
        use(kind=Kind.RUN, subject_id=7, digest=DIGEST, at=AT)
        other = second_connection(use_it)
    with pytest.raises(NotApproved):
        other.wait()


def test_a_use_that_is_rolled_back_leaves_the_approval_to_be_used(committed_db: None) -> None:
    let(asked(clerk()), boss())
    with transaction.atomic():
        use(kind=Kind.RUN, subject_id=7, digest=DIGEST, at=AT)
        transaction.set_rollback(True)
    assert use_it().state == State.USED


def test_of_two_requests_at_the_same_time_one_stands(
    second_connection: Callable[[Callable[[], Any]], OtherThread[Any]],
) -> None:
    asker = clerk()
    with transaction.atomic():
        first = asked(asker)
        other = second_connection(lambda: asked(asker))
    assert other.wait().pk == first.pk
    assert Approval.objects.count() == 1


@pytest.mark.django_db
def test_an_owner_who_is_replaced_is_told_so() -> None:
    """A single administrator who names a mailbox of their own does not do so behind the owner's back."""
    only = alone()
    declare_single_administrator(owner_email="mine@example.org", delay_minutes=10, by=only, at=AT, reauthenticated=True)
    assert {address for each in mail.outbox for address in each.to} == {"mine@example.org", OWNER}
    mail.outbox.clear()
    require_second_person(by=only, at=AT, reauthenticated=True)
    declare_single_administrator(owner_email=OWNER, delay_minutes=10, by=only, at=AT, reauthenticated=True)
    assert {address for each in mail.outbox for address in each.to} == {"mine@example.org", OWNER}
