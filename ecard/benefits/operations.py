"""Everything that writes benefits: grants, usage and published policies."""

from __future__ import annotations

from django.db import transaction

from ecard.benefits.compiler import compile_policy
from ecard.benefits.counting import add_usage
from ecard.benefits.granting import EXPIRY_GRACE, end_grants, expire_grants, issue_grants, reopen_grants
from ecard.benefits.guardians import lift_guardian_limit, set_guardian_limit
from ecard.benefits.models import Programme, Sponsor
from ecard.benefits.publishing import (
    ask_for_draft,
    draft_from,
    make_draft,
    publish_draft,
    publish_policy,
    roll_back,
    withdraw_draft,
)
from ecard.benefits.vouchers import transfer_voucher
from ecard.ledger.models import AccountKind
from ecard.ledger.operations import open_account

__all__ = [
    "EXPIRY_GRACE",
    "add_usage",
    "ask_for_draft",
    "compile_policy",
    "draft_from",
    "end_grants",
    "expire_grants",
    "issue_grants",
    "lift_guardian_limit",
    "make_draft",
    "open_programme",
    "open_sponsor",
    "publish_draft",
    "publish_policy",
    "reopen_grants",
    "roll_back",
    "set_guardian_limit",
    "transfer_voucher",
    "withdraw_draft",
]


@transaction.atomic
def open_sponsor(*, name: str, name_en: str = "", cost_centre: str = "") -> Sponsor:
    """Somebody who pays for benefits, with a busy ledger account of theirs."""
    account_id = open_account(kind=AccountKind.SPONSOR, label=f"sponsor {name}", floor_minor=None)
    return Sponsor.objects.create(account_id=account_id, name=name, name_en=name_en, cost_centre=cost_centre)


@transaction.atomic
def open_programme(
    *, name: str, name_en: str = "", sponsor_id: int | None = None, part_payment: bool = True, order: int = 0
) -> Programme:
    """Make a programme; without a sponsor's account it gets one of its own."""
    return Programme.objects.create(
        name=name,
        name_en=name_en,
        sponsor_id=open_sponsor(name=name, name_en=name_en).pk if sponsor_id is None else sponsor_id,
        part_payment=part_payment,
        order=order,
    )
