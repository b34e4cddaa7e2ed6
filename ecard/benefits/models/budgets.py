"""What each sponsor spent day by day: small sums of a busy ledger account, for budgets and their forecast."""

from __future__ import annotations

from django.db import models

from ecard.benefits.models.programmes import Sponsor


class SponsorDay(models.Model):
    """Net spending of one day (what came back is negative); `through_id` is the last transfer it knows."""

    pk = models.CompositePrimaryKey("sponsor_id", "day")
    sponsor = models.ForeignKey(Sponsor, on_delete=models.PROTECT, related_name="days")
    day = models.DateField()
    spent_minor = models.BigIntegerField()
    through_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.sponsor_id} {self.day}"
