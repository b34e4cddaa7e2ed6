"""Issuing codes to a person, in both profiles. What is issued is counted, never stored."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from devices.core.code import CODE_ID_BYTES, Grant, sign_credential, sign_pre_signed
from devices.core.signing import PUBLIC_BYTES
from ecard.cardholders.models import Cardholder
from ecard.cardholders.queries import by_account_ref, deny_entries
from ecard.cardholders.values import CardholderView
from ecard.codes.errors import IssueRefused, RefusedWhy
from ecard.codes.models import CredentialIssue, KeyRole, Profile
from ecard.codes.operations.signing import active_key
from ecard.codes.queries import issuing_zone, serving_hours
from ecard.codes.rules import (
    DAYS_AHEAD,
    HOURS_AHEAD,
    SLOT_S,
    are_issuable_days,
    day_window,
    issue_stamp_s,
    local_date,
    offline_minor,
    serving_slots,
    unix_s,
)
from ecard.codes.values import AccountHolder, Credential, IssueLimits, PreSigned
from ecard.ledger.queries import funds

ISSUES_KEPT = timedelta(days=40)
FORGET_LIMIT = 50_000
STAMP_AHEAD_S = 5
"""How far a stop's moment may lie ahead for a code to be issued past it at once."""


def issue_credentials(
    *, cardholder: AccountHolder, days: Sequence[tuple[date, bytes]], at: datetime
) -> list[Credential]:
    """Sign the phone's keys, one a coming local day, with limits and funds as they are now.

    `days` pairs a date, today to 7 days ahead, with the day's 32-byte Ed25519 public key. Raises IssueRefused with
    the reason in words, NoActiveKey.
    """
    zone = ZoneInfo(issuing_zone())
    if not are_issuable_days(days, today=local_date(at, zone), key_bytes=PUBLIC_BYTES):
        raise IssueRefused(RefusedWhy.BAD_DAYS, number=DAYS_AHEAD)
    key = active_key(KeyRole.CODE)
    limits = _limits()
    person, stamp_s = _admit(
        cardholder, profile=Profile.DEVICE_BOUND, count=len(days), most=limits.credentials_a_day, zone=zone, at=at
    )
    grant = _grant(person, issued_at_s=stamp_s)
    issued = []
    for day, phone_public in days:
        not_before_s, valid_min = day_window(day, zone)
        credential = sign_credential(
            institution=settings.ECARD_INSTITUTION,
            key_id=key.key_id,
            not_before_s=not_before_s,
            valid_min=valid_min,
            code_id=secrets.token_bytes(CODE_ID_BYTES),
            grant=grant,
            phone_public=phone_public,
            issuer=key.signer,
            sealing_key=key.sealing_key,
        )
        issued.append(Credential(day, credential, not_before_s, not_before_s + valid_min * 60))
    return issued


def issue_pre_signed(*, cardholder: AccountHolder, from_: datetime, hours: int, at: datetime) -> list[PreSigned]:
    """Sign a code for every 60-second slot in serving hours from `from_` on, with the lower limits of this profile.

    `from_` counts from `at` at the earliest and the list ends 72 h after `at` at the latest; outside serving hours
    it is empty. Nothing is stored. Raises IssueRefused, NoActiveKey.
    """
    start_s = max(unix_s(from_), unix_s(at))
    end_s = min(start_s + hours * 3600, unix_s(at) + HOURS_AHEAD * 3600)
    slots = list(serving_slots(from_s=start_s, to_s=end_s, hours=serving_hours()))
    key = active_key(KeyRole.CODE)
    limits = _limits()
    person, stamp_s = _admit(
        cardholder,
        profile=Profile.PRE_SIGNED,
        count=len(slots),
        most=limits.pre_signed_a_day,
        zone=ZoneInfo(issuing_zone()),
        at=at,
    )
    grant = _lowered(_grant(person, issued_at_s=stamp_s), limits)
    return [
        PreSigned(
            slot_s,
            sign_pre_signed(
                institution=settings.ECARD_INSTITUTION,
                key_id=key.key_id,
                not_before_s=slot_s,
                valid_s=SLOT_S,
                grant=grant,
                issuer=key.signer,
                sealing_key=key.sealing_key,
                id_key=key.id_key,
            ),
        )
        for slot_s in slots
    ]


def forget_issues(*, at: datetime, limit: int = FORGET_LIMIT) -> int:
    """Delete rows of the issue log that no limit counts any more; gives how many."""
    old = CredentialIssue.objects.filter(at__lt=at - ISSUES_KEPT).order_by("at").values_list("pk", flat=True)[:limit]
    deleted, _by_model = CredentialIssue.objects.filter(pk__in=list(old)).delete()
    return deleted


@transaction.atomic
def _admit(
    cardholder: AccountHolder, *, profile: Profile, count: int, most: int, zone: ZoneInfo, at: datetime
) -> tuple[CardholderView, int]:
    """Who it is and the issue stamp, once the person may have `count` more codes today; notes that they got them."""
    # One request of a person at a time: two at once would each see the other's count missing.
    Cardholder.objects.select_for_update(no_key=True).filter(account_ref=cardholder.account_ref).first()
    person = by_account_ref(cardholder.account_ref)
    if person is None:
        raise IssueRefused(RefusedWhy.UNKNOWN)
    if not person.active:
        raise IssueRefused(RefusedWhy.CLOSED)
    entry = next(iter(deny_entries(at=at, account_refs=[person.account_ref])), None)
    if entry is not None and entry.codes_before is None:
        raise IssueRefused(RefusedWhy.STOPPED)
    stamp_s = issue_stamp_s(at=at, codes_before=entry.codes_before if entry else None)
    if stamp_s > unix_s(at) + STAMP_AHEAD_S:
        raise IssueRefused(RefusedWhy.STOPPED_UNTIL)
    midnight = datetime.fromtimestamp(day_window(local_date(at, zone), zone)[0], zone)
    drawn = CredentialIssue.objects.filter(cardholder_id=person.id, profile=profile, at__gte=midnight)
    if (drawn.aggregate(total=Sum("count"))["total"] or 0) + count > most:
        raise IssueRefused(RefusedWhy.TOO_MANY, number=most)
    if count:
        CredentialIssue.objects.create(cardholder_id=person.id, profile=profile, count=count, at=at)
    return person, stamp_s


def _grant(person: CardholderView, *, issued_at_s: int) -> Grant:
    purse = funds([person.purse_id])[person.purse_id]
    return Grant(
        account_ref=person.account_ref,
        issued_at_s=issued_at_s,
        per_sale_minor=person.per_sale_limit_minor,
        offline_minor=offline_minor(
            limit_minor=person.offline_limit_minor, balance_minor=purse.balance_minor, held_minor=purse.held_minor
        ),
        max_sales=person.max_offline_sales,
        price_class=person.price_class,
    )


def _lowered(grant: Grant, limits: IssueLimits) -> Grant:
    return Grant(
        account_ref=grant.account_ref,
        issued_at_s=grant.issued_at_s,
        per_sale_minor=min(grant.per_sale_minor, limits.pre_signed_per_sale_minor),
        offline_minor=min(grant.offline_minor, limits.pre_signed_offline_minor),
        max_sales=min(grant.max_sales, limits.pre_signed_sales),
        price_class=grant.price_class,
        rights=grant.rights,
    )


def _limits() -> IssueLimits:
    return IssueLimits(**getattr(settings, "ECARD_ISSUE_LIMITS", {}))
