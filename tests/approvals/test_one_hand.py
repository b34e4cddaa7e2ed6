"""A login of one's own is no second person: attacks by their names, through the pages a bad administrator has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ecard.approvals.errors import NotReauthenticated, OneHand, SamePerson
from ecard.approvals.models import Hand, LoginChange, Mode, State
from ecard.approvals.operations import declare_single_administrator
from ecard.approvals.queries import ONE_HAND_FOR, in_one_hand
from ecard.history.middleware import acting
from ecard.merchants.models import Site
from ecard.office.models import SiteRight
from tests.approvals.test_four_eyes import OWNER, asked, let, person

pytestmark = pytest.mark.django_db
PASSWORD = "a long password"


@pytest.fixture
def greedy() -> User:
    """May make logins, ask and approve."""
    return person("greedy", "approve_run", "add_user", "change_user", "view_user")


@pytest.fixture
def boss() -> User:
    return person("boss", "approve_run")


def now() -> datetime:
    return timezone.now()


def refused(asker: User, approver: User, *, at: datetime | None = None) -> bool:
    """Whether the second may not approve what the first asks."""
    approval = asked(asker, subject_id=User.objects.count() * 1_000 + approver.pk, at=now())
    try:
        let(approval, approver, at=at or now())
    except OneHand:
        return True
    return False


def grant(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="approve_run"))


def join(user: User) -> None:
    approvers = Group.objects.create(name="approvers")
    approvers.permissions.add(Permission.objects.get(codename="approve_run"))
    user.groups.add(approvers)


def widen_group(user: User) -> None:
    clerks = Group.objects.create(name="clerks")
    user.groups.add(clerks)
    clerks.permissions.add(Permission.objects.get(codename="approve_run"))


def wake(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    User.objects.filter(pk=user.pk).update(is_active=True)


def lift_limit(user: User) -> None:
    site = Site.objects.create(code="s", name="s")
    SiteRight.objects.create(user=user, site=site).delete()


def set_password(user: User) -> None:
    user.set_password(PASSWORD)
    user.save()


def test_whoever_makes_a_second_login_of_their_own_does_not_approve_with_it(greedy: User) -> None:
    client = Client()
    client.force_login(greedy)
    form = {"username": "puppet", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(reverse("admin:auth_user_add"), form).status_code == 302
    puppet = User.objects.get(username="puppet")
    grant(puppet)
    approval = asked(greedy, at=now())
    with pytest.raises(OneHand) as said:
        let(approval, puppet, at=now())
    assert "Somebody else has to approve" in said.value.sentence
    approval.refresh_from_db()
    assert approval.state == State.OPEN
    assert isinstance(said.value, SamePerson)


def test_whoever_asks_with_a_login_they_made_does_not_approve_with_their_own(greedy: User) -> None:
    with acting(greedy.pk):
        puppet = person("puppet")
    assert refused(puppet, greedy)


def test_whoever_sets_a_colleagues_password_does_not_approve_as_them(greedy: User, boss: User) -> None:
    client = Client()
    client.force_login(greedy)
    page = reverse("admin:auth_user_password_change", args=[boss.pk])
    new = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(page, new).status_code == 302
    assert refused(greedy, boss)


@pytest.mark.parametrize("widen", [grant, join, widen_group, wake, lift_limit])
def test_whoever_lets_a_login_approve_does_not_approve_with_it(greedy: User, widen: Callable[[User], None]) -> None:
    other = person("other")
    with acting(greedy.pk):
        widen(other)
    grant(other)
    assert refused(greedy, other)


def test_a_login_made_by_a_login_one_made_is_ones_own_too(greedy: User) -> None:
    with acting(greedy.pk):
        middle = person("middle")
    with acting(middle.pk):
        puppet = person("puppet", "approve_run")
    assert refused(greedy, puppet)


def test_a_login_is_somebody_elses_again_after_thirty_days(greedy: User) -> None:
    with acting(greedy.pk):
        other = person("other", "approve_run")
    assert refused(greedy, other, at=now() + ONE_HAND_FOR - timedelta(minutes=1))
    assert not refused(greedy, other, at=now() + ONE_HAND_FOR + timedelta(minutes=1))


def test_two_people_whose_logins_a_third_made_approve_for_each_other(greedy: User) -> None:
    with acting(greedy.pk):
        clerk, manager = person("clerk"), person("manager", "approve_run")
    assert not refused(clerk, manager)


def test_changes_that_let_nobody_in_are_nothing_to_approvals(greedy: User, boss: User) -> None:
    with acting(greedy.pk):
        User.objects.filter(pk=boss.pk).update(first_name="王", last_login=now())
        boss.user_permissions.add(Permission.objects.get(codename="view_site"))
    with acting(boss.pk):
        set_password(boss)
    assert not LoginChange.objects.exists()
    assert not refused(greedy, boss)


def test_a_bad_administrator_with_the_servers_role_cannot_rewrite_who_made_a_login(greedy: User, boss: User) -> None:
    with acting(greedy.pk):
        set_password(boss)
    assert [each.what for each in LoginChange.objects.all()] == [Hand.PASSWORD]
    for rewrite in (
        lambda: LoginChange.objects.all().delete(),
        lambda: LoginChange.objects.update(by=boss),
        lambda: LoginChange.objects.create(at=now(), login=greedy, by=boss, what=Hand.MADE),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            rewrite()
    assert in_one_hand(greedy.pk, boss.pk, at=now())


def test_where_one_administrator_was_declared_their_other_login_approves_like_their_own() -> None:
    only = User.objects.create_superuser("only")
    declare_single_administrator(owner_email=OWNER, delay_minutes=60, by=only, at=now(), reauthenticated=True)
    with acting(only.pk):
        other = person("other", "approve_run")
    approval = asked(only, at=now())
    with pytest.raises(NotReauthenticated):
        let(approval, other, at=now())
    at = now()
    decided = let(approval, other, at=at, reauthenticated=True)
    assert (decided.mode, decided.effective_at) == (Mode.SINGLE_ADMINISTRATOR, at + timedelta(minutes=60))
