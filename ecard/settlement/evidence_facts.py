"""What the kept evidence of a sale says, in words."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from devices.core import card
from devices.core import code as codes
from devices.core.journal import SaleRecord
from ecard.media.queries import bindings
from ecard.media.rules import stood
from ecard.media.values import Standing
from ecard.settlement.models import Sale


def evidence_facts(sale: Sale, record: SaleRecord) -> list[str]:
    """The code as scanned, its kind, its id, the moment it was shown, or the card; and what the terminal knew."""
    name = card.read_evidence(record.evidence)
    if name is not None:
        facts = _card(sale, record, name)
    else:
        try:
            code = codes.parse(record.evidence, institution=settings.ECARD_INSTITUTION)
        except (codes.NotACode, codes.OtherInstitution, codes.DamagedCode):
            return [_("The code kept with this sale cannot be read.")]
        facts = _code(sale, code)
    if sale.attempt:
        facts.append(_("Taken again after a reversal (%(count)s)") % {"count": sale.attempt})
    if record.snapshot_made_s:
        made = datetime.fromtimestamp(record.snapshot_made_s, UTC)
        facts.append(_("The terminal's data was of %(made)s") % {"made": _clock(made)})
    if record.cashier:
        facts.append(_("Cashier %(name)s") % {"name": record.cashier})
    return facts


def _code(sale: Sale, code: codes.Code) -> list[str]:
    kind = _("device-bound code") if code.kind == codes.DEVICE_BOUND else _("pre-signed code")
    return [
        _("%(kind)s %(id)s, key %(key)s") % {"kind": kind, "id": code.code_id.hex(), "key": code.key_id},
        _("Shown at %(moment)s, taken at %(taken)s")
        % {"moment": _clock(datetime.fromtimestamp(sale.presented_s, UTC)), "taken": _clock(sale.taken_at)},
    ]


def _card(sale: Sale, record: SaleRecord, name: str) -> list[str]:
    known = bindings([name]).get(name, [])
    tapped_at = datetime.fromtimestamp(record.tap.at_s, UTC)
    was = stood(known, account_ref=sale.account_ref, at=tapped_at)
    binding = next((each for each in known if each.card_id == was.card_id), None)
    tapped = _("Tapped at %(taken)s") % {"taken": _clock(sale.taken_at)}
    if binding is None:
        return [_("A card that was bound to nobody then"), tapped]
    said = {"number": binding.card_id, "since": _day(binding.bound_at)}
    facts = [_("Card %(number)s, bound on %(since)s") % said, tapped]
    if was.standing is Standing.OTHER_ACCOUNT:
        facts.append(_("It belongs to another account."))
    elif was.standing in (Standing.STOPPED, Standing.REPLACED) and binding.stopped_at is not None:
        facts.append(_("Out of use since %(since)s") % {"since": _clock(binding.stopped_at)})
    return facts


def _day(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d")


def _clock(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s")
