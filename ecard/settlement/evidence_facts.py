"""What the kept evidence of a sale says, in words."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from devices.core import code as codes
from devices.core.journal import SaleRecord
from ecard.settlement.models import Sale


def evidence_facts(sale: Sale, record: SaleRecord) -> list[str]:
    """The code as scanned: its kind, its id, the moment it was shown; and what the terminal knew."""
    try:
        code = codes.parse(record.evidence, institution=settings.ECARD_INSTITUTION)
    except (codes.NotACode, codes.OtherInstitution, codes.DamagedCode):
        return [_("The code kept with this sale cannot be read.")]
    kind = _("device-bound code") if code.kind == codes.DEVICE_BOUND else _("pre-signed code")
    facts = [
        _("%(kind)s %(id)s, key %(key)s") % {"kind": kind, "id": code.code_id.hex(), "key": code.key_id},
        _("Shown at %(moment)s, taken at %(taken)s")
        % {"moment": _clock(datetime.fromtimestamp(sale.presented_s, UTC)), "taken": _clock(sale.taken_at)},
    ]
    if sale.attempt:
        facts.append(_("Taken again after a reversal (%(count)s)") % {"count": sale.attempt})
    if record.snapshot_made_s:
        made = datetime.fromtimestamp(record.snapshot_made_s, UTC)
        facts.append(_("The terminal's data was of %(made)s") % {"made": _clock(made)})
    if record.cashier:
        facts.append(_("Cashier %(name)s") % {"name": record.cashier})
    return facts


def _clock(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i:s")
