"""What the nightly audit found, and which sites a login is limited to."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ecard.merchants.models import Site

FINDINGS_KEPT = 100


class Part(models.IntegerChoices):
    """What an audit goes through, in this order. The numbers are stored: add, never renumber."""

    SUM = 1, _("sum of all balances")
    ACCOUNTS = 2, _("balances against their transfers")
    TRANSFERS = 3, _("accounts that transfers name")
    SALES = 4, _("what sales name")
    STREAMS = 5, _("sales against their transfers")
    DONE = 9, _("finished")


class AuditRun(models.Model):
    """One audit. It works page by page and keeps its place, so a worker that stops loses one page at most.

    `findings` holds the first FINDINGS_KEPT faults as objects with a `kind` and its particulars; `faults` counts all.
    """

    began_at = models.DateTimeField(_("began at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    part = models.PositiveSmallIntegerField(_("now at"), choices=Part.choices, default=Part.SUM)
    after = models.BigIntegerField(default=0, editable=False)
    accounts = models.BigIntegerField(_("accounts"), default=0)
    transfers = models.BigIntegerField(_("transfers"), default=0)
    sales = models.BigIntegerField(_("sales"), default=0)
    streams = models.BigIntegerField(_("streams"), default=0)
    faults = models.BigIntegerField(_("faults"), default=0)
    findings = models.JSONField(_("findings"), default=list, editable=False)

    class Meta:
        verbose_name = _("audit")
        verbose_name_plural = _("audits")
        ordering = ("-id",)
        permissions = (("begin_audit", _("Can begin an audit")),)
        constraints = (
            models.UniqueConstraint(
                models.Value(1), name="office_auditrun_one_at_a_time", condition=Q(finished_at__isnull=True)
            ),
            models.CheckConstraint(
                name="office_auditrun_finished_when_done",
                condition=Q(finished_at__isnull=False, part=Part.DONE)
                | (Q(finished_at__isnull=True) & ~Q(part=Part.DONE)),
            ),
        )

    def __str__(self) -> str:
        return f"#{self.pk}"


class SiteRight(models.Model):
    """A login with one or more of these is limited to those sites; with none it is the whole institution's."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="site_rights", verbose_name=_("login")
    )
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+", verbose_name=_("site"))

    class Meta:
        verbose_name = _("limit to a site")
        verbose_name_plural = _("limited to sites")
        default_permissions = ()
        constraints = (models.UniqueConstraint(name="office_siteright_once", fields=["user", "site"]),)

    def __str__(self) -> str:
        return str(self.site)
