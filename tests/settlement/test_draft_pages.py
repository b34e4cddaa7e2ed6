"""From a draft to a policy on the pages of administration, by people with the rights for it: real requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.core.keys import Role
from devices.core.policy import decode_policy
from devices.core.signing import POLICY_DOMAIN, verifies
from ecard.approvals.models import Approval, State
from ecard.benefits import drafts
from ecard.benefits.models import (
    DraftState,
    PolicyDraft,
    PriceRule,
    Programme,
    PublishedPolicy,
    Schedule,
    SpendLimit,
    Window,
)
from ecard.benefits.operations import make_draft, open_sponsor
from ecard.codes.models import IssuerKey
from ecard.merchants.operations import close_outlet
from ecard.settlement.models import Rehearsal, RehearsalPerson, RehearsalSale, RehearsalState
from ecard.settlement.rehearsal import work
from ecard.settlement.tasks import rehearse as task
from tests.support.campus import NOON
from tests.support.policies import approved_draft
from tests.support.settling import World, make_till, make_world

pytestmark = pytest.mark.django_db
SENT = {"_form_submitted": "on"}
DAY = "2026-11-20"
MAKER = ("view_policydraft", "add_policydraft", "change_policydraft", "add_rehearsal", "view_rehearsal")


@pytest.fixture
def world() -> World:
    return make_world(at=NOON, people=3)


def signed_in(name: str, *rights: str) -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def maker() -> Client:
    return signed_in("maker", *MAKER, "view_approval", "view_rehearsalperson", "view_rehearsalsale", "approve_policy")


@pytest.fixture
def boss() -> Client:
    rights = ("view_policydraft", "view_approval", "approve_policy", "publish_policy", "view_publishedpolicy")
    return signed_in("boss", *rights)


def page(client: Client, name: str, *args: object, **query: Any) -> str:
    response = client.get(reverse(f"admin:{name}", args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def press(client: Client, button: str, *args: object, **form: Any) -> Any:
    return client.post(reverse(f"admin:{button}", args=args), {**SENT, **form})


def drafted(maker: Client, name: str = "spring") -> PolicyDraft:
    assert press(maker, "benefits_policydraft_new", name=name).status_code == 200
    return PolicyDraft.objects.get(name=name)


def sell(world: World, *amounts_minor: int) -> None:
    till = make_till(world)
    for number, amount_minor in enumerate(amounts_minor):
        till.sell(number % 3, amount_minor)
    till.upload()
    world.settle()


def test_a_draft_is_made_checked_asked_for_approved_by_another_and_published(
    world: World, maker: Client, boss: Client
) -> None:
    PriceRule.objects.create(name="涨价", name_en="Dearer", percent_bp=11_000)
    draft = drafted(maker)
    shown = page(maker, "benefits_policydraft_change", draft.pk)
    assert "“Dearer”" in shown
    assert "Against policy 1:" in shown
    assert reverse("admin:benefits_policydraft_publish", args=[draft.pk]) not in shown
    press(maker, "benefits_policydraft_ask", draft.pk)
    approval = Approval.objects.get()
    assert approval.summary.startswith("Policy “spring”, after policy 1\n+ “Dearer”")
    press(maker, "approvals_approval_approve", approval.pk)
    assert Approval.objects.get().state == State.OPEN, "whoever asked approved it"
    press(boss, "approvals_approval_approve", approval.pk)
    form = page(boss, "benefits_policydraft_publish", draft.pk)
    assert "Lunch (Main campus)" in form
    assert "by boss" in form
    answer = press(boss, "benefits_policydraft_publish", draft.pk, start="now")
    published = PublishedPolicy.objects.get(number=2)
    assert answer.url == reverse("admin:benefits_publishedpolicy_change", args=[2])
    assert drafts.content_of(decode_policy(bytes(published.body))) == bytes(draft.body)
    key = IssuerKey.objects.get(role=Role.SNAPSHOT, key_id=published.key_id)
    assert verifies(
        public=bytes.fromhex(key.public),
        domain=POLICY_DOMAIN,
        message=bytes(published.body),
        signature=bytes(published.signature),
    )
    assert "spring" in page(boss, "benefits_publishedpolicy_change", 2)
    assert "published" in page(maker, "benefits_policydraft_changelist")
    assert LogEntry.objects.filter(object_id=str(draft.pk), content_type__model="policydraft").count() == 3


def test_a_policy_is_published_for_the_moment_at_which_a_meal_begins(world: World, boss: Client) -> None:
    draft = approved_draft(at=timezone.now())
    shown = page(boss, "benefits_policydraft_publish", draft.pk)
    (first, *_others) = [each for each in shown.split('value="') if each[:2] == "20"]
    press(boss, "benefits_policydraft_publish", draft.pk, start=first.partition('"')[0])
    published = PublishedPolicy.objects.get(number=2)
    local = timezone.localtime(published.starts_at)
    assert (local.hour, local.minute) == (10, 30)
    assert published.starts_at > timezone.now()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"start": "other"}, "Say when."),
        ({"start": "other", "starts_at_0": "2020-01-01", "starts_at_1": "00:00"}, "never in the past"),
        ({"start": "2020-01-01T00:00:00+00:00"}, "2020-01-01"),
        ({}, "required"),
    ],
)
def test_a_start_that_cannot_be_is_refused_on_the_page(
    world: World, boss: Client, given: dict[str, str], said: str
) -> None:
    draft = approved_draft(at=timezone.now())
    assert said in press(boss, "benefits_policydraft_publish", draft.pk, **given).content.decode()
    assert PublishedPolicy.objects.count() == 1


def test_the_start_that_was_wished_for_is_offered_first(world: World, maker: Client, boss: Client) -> None:
    wished = timezone.localtime() + timedelta(days=3)
    press(maker, "benefits_policydraft_new", name="later", wished_start=f"{wished:%Y-%m-%dT%H:%M}")
    draft = PolicyDraft.objects.get()
    assert draft.wished_start == wished.replace(second=0, microsecond=0)
    assert f'value="{wished:%H:%M:00}"' in page(boss, "benefits_policydraft_publish", draft.pk)


def test_what_is_not_approved_or_overtaken_has_no_way_to_terminals(world: World, boss: Client) -> None:
    draft = make_draft(name="mine", by=None, at=timezone.now())
    shown = page(boss, "benefits_policydraft_publish", draft.pk)
    assert "is not approved" in shown
    answer = press(boss, "benefits_policydraft_publish", draft.pk, start="now")
    assert answer.status_code == 302
    assert "This is not approved" in page(boss, "benefits_policydraft_change", draft.pk)
    first, second = approved_draft(at=timezone.now(), name="a"), approved_draft(at=timezone.now(), name="b")
    press(boss, "benefits_policydraft_publish", first.pk, start="now")
    assert "Another policy was published since" in page(boss, "benefits_policydraft_change", second.pk)
    press(boss, "benefits_policydraft_publish", second.pk, start="now")
    assert PublishedPolicy.objects.count() == 2


def test_a_draft_says_what_stands_in_its_way(world: World, maker: Client) -> None:
    rule = PriceRule.objects.create(name="八折")
    rule.outlets.set([world.campus.outlet])
    close_outlet(outlet=world.campus.outlet, at=NOON)
    draft = drafted(maker)
    shown = page(maker, "benefits_policydraft_change", draft.pk)
    assert "closed or not there" in shown
    assert reverse("admin:benefits_pricerule_change", args=[rule.pk]) in shown
    press(maker, "benefits_policydraft_ask", draft.pk)
    assert not Approval.objects.exists()
    rule.delete()
    assert "The rules were changed after this draft was made" in page(maker, "benefits_policydraft_change", draft.pk)


def test_a_draft_is_withdrawn_and_its_request_with_it(world: World, maker: Client) -> None:
    draft = drafted(maker)
    press(maker, "benefits_policydraft_ask", draft.pk)
    press(maker, "benefits_policydraft_withdraw", draft.pk)
    draft.refresh_from_db()
    assert (draft.state, Approval.objects.get().state) == (DraftState.WITHDRAWN, State.WITHDRAWN)
    press(maker, "benefits_policydraft_withdraw", draft.pk)
    assert "published or withdrawn already" in page(maker, "benefits_policydraft_change", draft.pk)


def test_one_click_and_a_reason_bring_the_policy_before_back(world: World, boss: Client) -> None:
    PriceRule.objects.create(name="涨价", percent_bp=11_000)
    draft = approved_draft(at=timezone.now())
    press(boss, "benefits_policydraft_publish", draft.pk, start="now")
    assert reverse("admin:benefits_publishedpolicy_go_back", args=[2]) in page(
        boss, "benefits_publishedpolicy_change", 2
    )
    press(boss, "benefits_publishedpolicy_go_back", 2)
    assert PublishedPolicy.objects.count() == 2, "no reason was given"
    press(boss, "benefits_publishedpolicy_go_back", 2, reason="too dear at noon")
    assert decode_policy(bytes(PublishedPolicy.objects.get(number=3).body)).prices == ()
    back = page(boss, "benefits_publishedpolicy_change", 3)
    assert "too dear at noon" in back
    assert "They differ from this policy" in back
    assert "too dear at noon" in page(boss, "benefits_publishedpolicy_history", 2)
    press(boss, "benefits_publishedpolicy_go_back", 2, reason="again")
    assert PublishedPolicy.objects.count() == 3


def test_an_older_policy_becomes_a_draft_on_its_page(world: World) -> None:
    client = signed_in("clerk", "view_publishedpolicy", "add_policydraft", "view_policydraft")
    press(client, "benefits_publishedpolicy_draft_again", 1)
    assert PolicyDraft.objects.get().name == "as policy 1"


def test_a_rehearsal_is_begun_on_the_page_and_told_with_every_figure(world: World, maker: Client) -> None:
    sell(world, 10_00, 20_00, 30_00, 50_00)
    PriceRule.objects.create(name="涨价", percent_bp=11_000)
    SpendLimit.objects.create(name="笔", window=Window.SALE, max_minor=52_00)
    programme = Programme.objects.create(
        name="健身", sponsor=open_sponsor(name="后勤处"), amount_minor=5_00, schedule=Schedule.MONTHLY
    )
    draft = drafted(maker)
    answer = press(maker, "benefits_policydraft_rehearse", draft.pk, from_date=DAY, to_date=DAY)
    rehearsal = Rehearsal.objects.get()
    assert answer.headers["HX-Redirect"] == reverse("admin:settlement_rehearsal_change", args=[rehearsal.pk])
    assert "0 of 4 sales" in page(maker, "settlement_rehearsal_change", rehearsal.pk)
    task()
    shown = page(maker, "settlement_rehearsal_change", rehearsal.pk)
    for said in ("后勤处", "¥15.00", "over the limit for one sale", "1 sale", "is new", "North canteen"):
        assert said in shown, said
    people = page(maker, "settlement_rehearsalperson_changelist", rehearsal__id__exact=rehearsal.pk, pays="less")
    assert "S0001" in people
    row = RehearsalPerson.objects.get(account_ref=world.person(0).account_ref)
    theirs = page(maker, "settlement_rehearsalperson_change", row.pk)
    assert "over the limit for one sale" in theirs
    kept = RehearsalSale.objects.order_by("-amount_minor").first()
    assert kept is not None
    both = page(maker, "settlement_rehearsalsale_change", kept.pk)
    assert "not sold" in both
    assert "As it was, under policy 1" in both
    of_person = RehearsalSale.objects.get(amount_minor=20_00)
    whose = RehearsalPerson.objects.get(account_ref=of_person.account_ref)
    side = page(maker, "settlement_rehearsalperson_sale", whose.pk, of_person.sale_id)
    assert "“健身” paid ¥5.00" in side
    assert "The purse paid ¥17.00" in side
    assert "The purse paid ¥20.00" in side
    assert programme.name in shown


def test_a_sale_opened_again_says_what_the_rehearsal_said(world: World, maker: Client) -> None:
    """The second explanation is replayed from the beginning of the stretch: limits and lots are where they were."""
    sell(world, 30_00, 30_00, 30_00, 30_00)
    SpendLimit.objects.create(name="日", window=Window.DAY, max_minor=50_00)
    draft = drafted(maker)
    press(maker, "benefits_policydraft_rehearse", draft.pk, from_date=DAY, to_date=DAY)
    task()
    kept = RehearsalSale.objects.get()
    shown = page(maker, "settlement_rehearsalsale_change", kept.pk)
    assert "¥30.00 already spent" in shown


def test_a_stretch_without_sales_is_told_on_the_page(world: World, maker: Client) -> None:
    draft = drafted(maker)
    press(maker, "benefits_policydraft_rehearse", draft.pk, from_date=DAY, to_date=DAY)
    assert not Rehearsal.objects.exists()
    assert "Nothing was sold on these dates." in page(maker, "benefits_policydraft_change", draft.pk)


def test_a_rehearsal_is_stopped_by_its_button(world: World, maker: Client) -> None:
    sell(world, 10_00)
    draft = drafted(maker)
    press(maker, "benefits_policydraft_rehearse", draft.pk, from_date=DAY, to_date=DAY)
    rehearsal = Rehearsal.objects.get()
    press(maker, "settlement_rehearsal_stop", rehearsal.pk)
    assert not work.work(clock=timezone.now)
    rehearsal.refresh_from_db()
    assert rehearsal.state == RehearsalState.STOPPED
    assert "It was stopped." in page(maker, "settlement_rehearsal_change", rehearsal.pk)


def test_a_sale_of_somebody_else_is_not_opened_through_a_person(world: World, maker: Client) -> None:
    sell(world, 10_00, 20_00)
    draft = drafted(maker)
    press(maker, "benefits_policydraft_rehearse", draft.pk, from_date=DAY, to_date=DAY)
    task()
    one, two = RehearsalPerson.objects.order_by("now_minor")
    theirs = page(maker, "settlement_rehearsalperson_change", two.pk)
    other = reverse("admin:settlement_rehearsalperson_sale", args=[two.pk, 1])[:-2]
    sale_id = int(theirs.partition(other)[2].partition("/")[0])
    address = reverse("admin:settlement_rehearsalperson_sale", args=[one.pk, sale_id])
    assert maker.get(address).status_code == 404


@pytest.mark.parametrize(
    ("button", "form"),
    [
        ("benefits_policydraft_new", {"name": "x"}),
        ("benefits_policydraft_ask", {}),
        ("benefits_policydraft_withdraw", {}),
        ("benefits_policydraft_publish", {"start": "now"}),
        ("benefits_policydraft_rehearse", {"from_date": DAY, "to_date": DAY}),
        ("benefits_publishedpolicy_go_back", {"reason": "x"}),
        ("benefits_publishedpolicy_draft_again", {}),
    ],
)
def test_a_bad_clerk_who_may_only_look_presses_no_button(world: World, button: str, form: dict[str, str]) -> None:
    draft = approved_draft(at=timezone.now() - timedelta(minutes=1))
    client = signed_in("looker", "view_policydraft", "view_publishedpolicy", "view_approval", "view_rehearsal")
    args = [] if button.endswith("_new") else [1 if "published" in button else draft.pk]
    assert press(client, button, *args, **form).status_code == 403
    assert (PublishedPolicy.objects.count(), PolicyDraft.objects.count(), Rehearsal.objects.count()) == (1, 1, 0)
