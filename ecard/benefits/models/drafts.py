"""Policies that are proposed: what is approved, and what becomes of it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ecard.benefits.models.policies import PublishedPolicy

DRAFT_NAME_LENGTH_MAX = 80
DRAFT_REASON_LENGTH_MAX = 200


class DraftState(models.TextChoices):
    """Whether it is asked for or approved is for `approvals` to say (`drafts.stage_of`)."""

    DRAFT = "draft", _("draft")
    PUBLISHED = "published", _("published")
    WITHDRAWN = "withdrawn", _("withdrawn")


class PolicyDraft(models.Model):
    """The rules as they stood when the draft was made, compiled, with number and start 0. It is never changed.

    `digest` is over `body` and is what people approve. `basis` is the newest policy of that moment: once another one
    is published, the draft can no longer be. A draft with `returns_to` undid `basis` at once, for `reason`.
    """

    name = models.CharField(_("name"), max_length=DRAFT_NAME_LENGTH_MAX)
    body = models.BinaryField(_("content"))
    digest = models.BinaryField(_("digest"), max_length=32)
    basis = models.ForeignKey(
        PublishedPolicy,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="followers",
        verbose_name=_("made after policy"),
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
    )
    made_at = models.DateTimeField(_("made at"))
    wished_start = models.DateTimeField(_("shall start at"), null=True, blank=True)
    returns_to = models.ForeignKey(
        PublishedPolicy,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("goes back to policy"),
    )
    reason = models.CharField(_("reason"), max_length=DRAFT_REASON_LENGTH_MAX, blank=True, default="")
    state = models.CharField(_("state"), max_length=9, choices=DraftState.choices, default=DraftState.DRAFT)
    published = models.OneToOneField(
        PublishedPolicy,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="draft",
        verbose_name=_("published as policy"),
    )
    ended_at = models.DateTimeField(_("published or withdrawn at"), null=True, blank=True)

    class Meta:
        verbose_name = _("draft of a policy")
        verbose_name_plural = _("drafts of policies")
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="benefits_policydraft_ends_with_its_time",
                condition=Q(state=DraftState.DRAFT, ended_at__isnull=True, published__isnull=True)
                | Q(state=DraftState.PUBLISHED, ended_at__gte=F("made_at"), published__isnull=False)
                | Q(state=DraftState.WITHDRAWN, ended_at__gte=F("made_at"), published__isnull=True),
            ),
            models.CheckConstraint(
                name="benefits_policydraft_goes_back_for_a_reason", condition=Q(returns_to__isnull=True) | ~Q(reason="")
            ),
        )

    def __str__(self) -> str:
        return self.name
