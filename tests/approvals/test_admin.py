"""The pages on which people approve: real requests."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse

from ecard.approvals import queries
from ecard.approvals.models import Approval, Mode, State
from tests.approvals.test_four_eyes import OWNER, asked, person

pytestmark = pytest.mark.django_db
SENT = {"_form_submitted": "on"}
PASSWORD = "a long password"


def signed_in(user: User) -> Client:
    user.set_password(PASSWORD)
    user.save()
    client = Client()
    client.force_login(user)
    return client


def address(button: str, approval: Approval) -> str:
    return reverse(f"admin:approvals_approval_{button}", args=[approval.pk])


def viewer(name: str, *rights: str) -> User:
    return person(name, "view_approval", *rights)


def test_a_second_person_approves_on_the_page_and_the_history_says_so() -> None:
    approval = asked(viewer("clerk"))
    client = signed_in(viewer("boss", "approve_run"))
    page = client.get(reverse("admin:approvals_approval_change", args=[approval.pk])).content.decode()
    assert "50 to 3 people" in page
    assert address("approve", approval) in page
    client.post(address("approve", approval), SENT)
    approval.refresh_from_db()
    assert approval.state == State.APPROVED
    assert LogEntry.objects.filter(object_id=str(approval.pk)).count() == 1


def test_one_person_who_presses_approve_for_their_own_request_is_told_why_not() -> None:
    greedy = viewer("clerk", "approve_run")
    approval = asked(greedy)
    client = signed_in(greedy)
    client.post(address("approve", approval), SENT)
    approval.refresh_from_db()
    assert approval.state == State.OPEN
    shown = client.get(reverse("admin:approvals_approval_changelist")).content.decode()
    assert "a second person has to" in shown


def test_the_badge_counts_what_waits() -> None:
    asked(viewer("clerk"))
    shown = signed_in(viewer("boss", "approve_run")).get("/admin/").content.decode()
    assert reverse("admin:approvals_approval_changelist") in shown
    assert queries.waiting() == 1


def test_a_single_administrator_is_declared_with_the_password_and_the_history_says_so() -> None:
    root = User.objects.create_superuser("root")
    client = signed_in(root)
    declare = reverse("admin:approvals_approvalrule_single_administrator", args=[1])
    form = {**SENT, "owner_email": OWNER, "delay_minutes": "30"}
    client.post(declare, {**form, "password": "a guess"})
    assert queries.rule().mode == Mode.SECOND_PERSON
    client.post(declare, {**form, "password": PASSWORD})
    rule = queries.rule()
    assert (rule.mode, rule.delay_minutes, rule.declared_by) == (Mode.SINGLE_ADMINISTRATOR, 30, root)
    assert OWNER in LogEntry.objects.get().get_change_message()
    assert mail.outbox[0].to == [OWNER]
    client.post(reverse("admin:approvals_approvalrule_second_person", args=[1]), {**SENT, "password": PASSWORD})
    assert queries.rule().mode == Mode.SECOND_PERSON


def test_a_single_administrator_gives_the_password_to_approve_alone() -> None:
    root = User.objects.create_superuser("root")
    client = signed_in(root)
    client.post(
        reverse("admin:approvals_approvalrule_single_administrator", args=[1]),
        {**SENT, "owner_email": OWNER, "delay_minutes": "30", "password": PASSWORD},
    )
    approval = asked(root)
    assert 'type="password"' in client.get(address("approve", approval)).content.decode()
    for given in ({}, {"password": "a guess"}):
        client.post(address("approve", approval), {**SENT, **given})
        approval.refresh_from_db()
        assert approval.state == State.OPEN
    client.post(address("approve", approval), {**SENT, "password": PASSWORD})
    approval.refresh_from_db()
    assert approval.state == State.APPROVED


def test_staff_with_every_other_right_cannot_declare_the_rule() -> None:
    client = signed_in(person("clerk", "view_approvalrule", "change_approvalrule", "add_approvalrule"))
    answer = client.post(
        reverse("admin:approvals_approvalrule_single_administrator", args=[1]),
        {**SENT, "owner_email": OWNER, "delay_minutes": "30", "password": PASSWORD},
    )
    assert answer.status_code == 403
    assert queries.rule().mode == Mode.SECOND_PERSON
