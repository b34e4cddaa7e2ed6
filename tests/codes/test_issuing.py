"""What a person is issued: the right days, limits and funds, and nothing when stopped."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pytest_django.fixtures import Settings

from devices.core import accept
from devices.core.accept import Genuine, Trust
from devices.core.code import CREDENTIAL_BYTES, show
from devices.core.declines import Decline, Why
from devices.core.signing import SigningKey
from ecard.cardholders.models import Cardholder
from ecard.cardholders.operations import lift_stop, stop_account, stop_codes
from ecard.cardholders.queries import CODE_LIFE
from ecard.codes.errors import IssueRefused, NoActiveKey, RefusedWhy
from ecard.codes.models import CredentialIssue, IssuerKey, KeyRole, Profile
from ecard.codes.operations import forget_issues, issue_credentials, issue_pre_signed, revoke_key, rotate
from ecard.codes.queries import trust_at
from ecard.codes.rules import DAYS_AHEAD, day_window, denial_before_s
from ecard.codes.tasks import forget_issues as forget_old_issues
from ecard.ledger.holds import place_hold
from ecard.merchants.operations import save_meal_period, save_site
from tests.codes.conftest import AT, give
from tests.support.issuing import sign_waiting_list

TODAY = date(2026, 11, 20)
PHONES = [SigningKey(bytes([number]) * 32) for number in range(1, 10)]
NOW_S = int(AT.timestamp())


def days(count: int, *, first: date = TODAY) -> list[tuple[date, bytes]]:
    return [(first + timedelta(days=ahead), PHONES[ahead].public) for ahead in range(count)]


def shown(person: Cardholder, *, at: datetime = AT) -> str:
    credential = issue_credentials(cardholder=person, days=days(1), at=at)[0].credential
    return show(credential, institution="EC", shown_at_s=int(at.timestamp()), phone=PHONES[0])


def read(text: str, trust: Trust, *, now_s: int = NOW_S) -> Genuine:
    answer = accept.read(text, trust=trust, now_s=now_s)
    assert isinstance(answer, Genuine), answer
    return answer


def test_a_phone_is_issued_eight_days_and_a_terminal_believes_the_first(person: Cardholder, trust: Trust) -> None:
    issued = issue_credentials(cardholder=person, days=days(8), at=AT)
    assert [each.date for each in issued] == [TODAY + timedelta(days=ahead) for ahead in range(8)]
    assert {len(each.credential) for each in issued} == {CREDENTIAL_BYTES}
    text = show(issued[0].credential, institution="EC", shown_at_s=NOW_S, phone=PHONES[0])
    found = read(text, trust)
    assert found.grant.account_ref == person.account_ref
    assert (found.grant.per_sale_minor, found.grant.offline_minor) == (40_00, 80_00)
    assert (found.grant.max_sales, found.grant.price_class, found.grant.issued_at_s) == (9, 2, NOW_S)


def test_a_day_begins_at_local_midnight_and_lives_ten_minutes_into_the_next(person: Cardholder) -> None:
    first, second = issue_credentials(cardholder=person, days=days(2), at=AT)
    assert datetime.fromtimestamp(first.not_before_s).astimezone(AT.tzinfo) == datetime(2026, 11, 19, 16, tzinfo=UTC)
    assert first.not_after_s - first.not_before_s == 24 * 3600 + 600
    assert second.not_before_s == first.not_before_s + 24 * 3600


def test_the_days_follow_the_zone_of_the_site(person: Cardholder) -> None:
    save_site(code="berlin", name="Berlin", zone="Europe/Berlin", at=AT)
    issued = issue_credentials(cardholder=person, days=days(1), at=AT)[0]
    assert issued.not_before_s == int(datetime(2026, 11, 19, 23, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ([], "no day"),
        (days(9), "a day too far"),
        (days(1, first=TODAY - timedelta(days=1)), "yesterday"),
        ([*days(1), *days(1)], "a day twice"),
        ([(TODAY, PHONES[0].public), (TODAY + timedelta(days=1), PHONES[0].public)], "one key for two days"),
        ([(TODAY, b"short")], "no key"),
    ],
)
def test_days_that_cannot_be_had_are_refused(person: Cardholder, wanted: list[tuple[date, bytes]], why: str) -> None:
    with pytest.raises(IssueRefused) as refusal:
        issue_credentials(cardholder=person, days=wanted, at=AT)
    assert refusal.value.why is RefusedWhy.BAD_DAYS, why
    assert "7" in refusal.value.sentence
    assert not CredentialIssue.objects.exists()


@pytest.mark.parametrize(
    ("topped_minor", "held_minor", "offline_minor"),
    [(0, 0, 80_00), (0, 40_50, 59_00), (0, 99_99, 0), (50_00, 0, 80_00)],
)
def test_a_code_carries_no_more_than_is_in_the_purse_in_whole_units(
    person: Cardholder, trust: Trust, topped_minor: int, held_minor: int, offline_minor: int
) -> None:
    if topped_minor:
        give(person, topped_minor)
    if held_minor:
        place_hold(
            account_id=person.purse_id, amount_minor=held_minor, key="k", at=AT, expires_at=AT + timedelta(hours=1)
        )
    assert read(shown(person), trust).grant.offline_minor == offline_minor


def test_a_debt_floor_is_not_lent_out_offline(person: Cardholder, trust: Trust) -> None:
    place_hold(account_id=person.purse_id, amount_minor=110_00, key="k", at=AT, expires_at=AT + timedelta(hours=1))
    assert read(shown(person), trust).grant.offline_minor == 0


def test_a_stopped_account_is_issued_nothing_until_the_stop_is_lifted(person: Cardholder) -> None:
    stop = stop_account(cardholder=person, by=None, reason="lost", at=AT)
    for issue in (
        lambda: issue_credentials(cardholder=person, days=days(1), at=AT),
        lambda: issue_pre_signed(cardholder=person, from_=AT, hours=1, at=AT),
    ):
        with pytest.raises(IssueRefused) as refusal:
            issue()
        assert refusal.value.why is RefusedWhy.STOPPED
    lift_stop(stop=stop, by=None, at=AT)
    assert issue_credentials(cardholder=person, days=days(1), at=AT)


def test_a_closed_or_unknown_person_is_issued_nothing(person: Cardholder) -> None:
    Cardholder.objects.filter(pk=person.pk).update(state=2, closed_at=AT)
    with pytest.raises(IssueRefused) as refusal:
        issue_credentials(cardholder=person, days=days(1), at=AT)
    assert refusal.value.why is RefusedWhy.CLOSED
    person.account_ref = 1
    with pytest.raises(IssueRefused) as refusal:
        issue_credentials(cardholder=person, days=days(1), at=AT)
    assert refusal.value.why is RefusedWhy.UNKNOWN


def test_reporting_a_phone_lost_does_not_kill_its_successor_issued_in_the_same_second(
    person: Cardholder, trust: Trust
) -> None:
    lost = read(shown(person, at=AT - timedelta(milliseconds=200)), trust)
    stop_codes(cardholder=person, before=AT, by=None, reason="phone lost", at=AT)
    successor = read(shown(person, at=AT + timedelta(milliseconds=100)), trust)
    denials = {person.account_ref: denial_before_s(AT)}
    assert accept.denied(lost.grant, denials=denials) == Decline(Why.DENIED)
    assert accept.denied(successor.grant, denials=denials) is None


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin", "Pacific/Chatham", "America/New_York"])
def test_a_stop_outlives_every_code_that_it_refuses(zone: str) -> None:
    """Also one issued in the first second of a day for the last day that can be had, in a week with a day of 25 h."""
    first = date(2026, 1, 1)
    for day in (first + timedelta(days=ahead) for ahead in range(366)):
        issued_s, _minutes = day_window(day, ZoneInfo(zone))
        starts_s, minutes = day_window(day + timedelta(days=DAYS_AHEAD), ZoneInfo(zone))
        taken_until_s = starts_s + minutes * 60 + accept.SHOWN_BEFORE_S
        assert taken_until_s < issued_s + CODE_LIFE.total_seconds()


def test_codes_stopped_until_tomorrow_are_not_issued_today(person: Cardholder) -> None:
    stop_codes(cardholder=person, before=AT + timedelta(days=1), by=None, reason="suspended", at=AT)
    with pytest.raises(IssueRefused) as refusal:
        issue_credentials(cardholder=person, days=days(1), at=AT)
    assert refusal.value.why is RefusedWhy.STOPPED_UNTIL


def test_one_person_cannot_draw_codes_without_end(person: Cardholder, settings: Settings) -> None:
    settings.ECARD_ISSUE_LIMITS = {"credentials_a_day": 10, "pre_signed_a_day": 100}
    issue_credentials(cardholder=person, days=days(8), at=AT)
    with pytest.raises(IssueRefused) as refusal:
        issue_credentials(cardholder=person, days=days(3), at=AT)
    assert refusal.value.why is RefusedWhy.TOO_MANY
    assert "10" in refusal.value.sentence
    issue_pre_signed(cardholder=person, from_=AT, hours=1, at=AT)
    with pytest.raises(IssueRefused):
        issue_pre_signed(cardholder=person, from_=AT, hours=1, at=AT)
    tomorrow = AT + timedelta(hours=13)
    assert issue_credentials(cardholder=person, days=days(3, first=TODAY + timedelta(days=1)), at=tomorrow)


def test_the_log_says_how_many_and_never_which(person: Cardholder) -> None:
    issue_credentials(cardholder=person, days=days(3), at=AT)
    row = CredentialIssue.objects.get()
    assert (row.cardholder_id, row.profile, row.count, row.at) == (person.pk, Profile.DEVICE_BOUND, 3, AT)
    assert {field.name for field in CredentialIssue._meta.get_fields()} == {
        "id",
        "cardholder",
        "profile",
        "count",
        "at",
    }
    assert forget_issues(at=AT + timedelta(days=39)) == 0
    assert forget_issues(at=AT + timedelta(days=41)) == 1


def test_pre_signed_codes_come_one_a_minute_in_serving_hours_only(person: Cardholder, trust: Trust) -> None:
    site = save_site(code="main", name="主校区", at=AT)
    save_meal_period(site=site, code="lunch", name="午餐", start_minute=690, end_minute=750, at=AT)
    save_meal_period(site=site, code="night", name="夜宵", start_minute=1410, end_minute=1470, at=AT)
    issued = issue_pre_signed(cardholder=person, from_=AT, hours=24, at=AT)
    # Noon to 12:30, then 23:30 to 0:30, then 11:30 to noon tomorrow.
    assert len(issued) == 30 + 60 + 30
    assert issued[0].not_before_s == NOW_S - NOW_S % 60
    for code in (issued[0], issued[-1]):
        grant = read(code.text, trust, now_s=code.not_before_s + 30).grant
        assert (grant.per_sale_minor, grant.offline_minor, grant.max_sales) == (30_00, 50_00, 5)
        assert isinstance(accept.read(code.text, trust=trust, now_s=code.not_before_s + 85), Decline)


def test_a_pre_signed_list_ends_after_72_hours_and_begins_no_earlier_than_now(person: Cardholder) -> None:
    issued = issue_pre_signed(cardholder=person, from_=AT - timedelta(hours=5), hours=500, at=AT)
    assert issued[0].not_before_s > NOW_S - 60
    assert issued[-1].not_before_s <= NOW_S + 72 * 3600
    assert len({code.text for code in issued}) == len(issued) == 72 * 60


def test_two_days_codes_of_one_person_share_nothing_a_bystander_could_link(person: Cardholder) -> None:
    first, second = (each.credential for each in issue_credentials(cardholder=person, days=days(2), at=AT))
    for at in range(8, CREDENTIAL_BYTES - 8):
        assert first[at : at + 8] not in second
    assert person.account_ref.to_bytes(8, "big") not in first + second


def test_codes_of_a_retired_key_are_taken_for_the_days_they_live(person: Cardholder) -> None:
    credential = issue_credentials(cardholder=person, days=days(8), at=AT)[7].credential
    rotate(role=KeyRole.CODE, at=AT + timedelta(seconds=1))
    sign_waiting_list(at=AT + timedelta(seconds=1))
    week_later = AT + timedelta(days=7)
    text = show(credential, institution="EC", shown_at_s=int(week_later.timestamp()), phone=PHONES[7])
    assert read(text, trust_at(week_later), now_s=int(week_later.timestamp())).code.key_id == 1
    assert read(shown(person, at=AT + timedelta(seconds=2)), trust_at(week_later), now_s=NOW_S + 2).code.key_id == 2


def test_codes_of_a_stolen_issuer_key_are_refused_once_it_is_revoked(person: Cardholder) -> None:
    text = shown(person)
    revoke_key(key=IssuerKey.objects.get(role=KeyRole.CODE, key_id=1), reason="stolen", at=AT)
    sign_waiting_list(at=AT)
    assert accept.read(text, trust=trust_at(AT), now_s=NOW_S) == Decline(Why.KEY_REVOKED)


def test_without_keys_nothing_is_issued_and_nothing_is_counted(person: Cardholder) -> None:
    IssuerKey.objects.filter(role=KeyRole.CODE, activated_at__isnull=False).update(revoked_at=AT)
    with pytest.raises(NoActiveKey):
        issue_credentials(cardholder=person, days=days(1), at=AT)
    assert not CredentialIssue.objects.exists()


def test_the_upkeep_task_forgets_old_issues(person: Cardholder) -> None:
    issue_credentials(cardholder=person, days=days(1), at=AT)
    CredentialIssue.objects.update(at=AT - timedelta(days=400))
    assert forget_old_issues() == 1
