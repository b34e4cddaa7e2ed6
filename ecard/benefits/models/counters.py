"""What people spent, for limits."""

from __future__ import annotations

from django.db import models


class UsageCounter(models.Model):
    """What a person spent in one meal period of a business date. Written beside the posting that caused it.

    Scope 0 is every sale; a limit's id, what that limit counts; an entitlement's id below zero, its meals. Days, weeks
    and months are sums over rows. `last_s` is the last sale, in unix seconds; a sale taken back leaves 0.
    No check against negative numbers: a reversal is added like a sale, and such a check would be
    made on the row proposed, before it is known to meet one that exists.
    """

    pk = models.CompositePrimaryKey("account_ref", "business_date", "period", "scope")
    account_ref = models.BigIntegerField()
    business_date = models.DateField(db_index=True)
    period = models.SmallIntegerField(default=0)
    scope = models.IntegerField(default=0)
    total_minor = models.BigIntegerField()
    purse_minor = models.BigIntegerField()
    count = models.IntegerField()
    last_s = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.account_ref} {self.business_date}"
