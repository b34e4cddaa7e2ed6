"""Who may let a policy or a money-creating run go ahead, and what exactly was let go ahead."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

DIGEST_BYTES = 32
SUMMARY_LENGTH_MAX = 2_000
DELAY_MIN_MINUTES = 10
DELAY_MAX_MINUTES = 7 * 24 * 60
DELAY_DEFAULT_MINUTES = 60


class Kind(models.TextChoices):
    """What is approved; `subject_id` counts within it."""

    POLICY = "policy", _("policy")
    RUN = "run", _("run that creates money")


class Mode(models.TextChoices):
    SECOND_PERSON = "second_person", _("a second person approves")
    SINGLE_ADMINISTRATOR = "single_administrator", _("a single administrator, after a delay, with notice to the owner")


class State(models.TextChoices):
    OPEN = "open", _("waiting")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    WITHDRAWN = "withdrawn", _("withdrawn")
    USED = "used", _("used")


STANDING = (State.OPEN, State.APPROVED)
"""States in which a subject's approval can still come to be used."""


class ApprovalRule(models.Model):
    """The one row that says how this institution approves; declared by a superuser who gave the password again."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    mode = models.CharField(_("who approves"), max_length=20, choices=Mode.choices, default=Mode.SECOND_PERSON)
    owner_email = models.EmailField(
        _("owner's e-mail"),
        blank=True,
        default="",
        help_text=_("Whoever answers for the institution; told of every approval that no second person gave."),
    )
    delay_minutes = models.PositiveSmallIntegerField(
        _("delay in minutes"),
        default=DELAY_DEFAULT_MINUTES,
        validators=[MinValueValidator(DELAY_MIN_MINUTES), MaxValueValidator(DELAY_MAX_MINUTES)],
        help_text=_("How long the owner has to step in before an approval of one's own takes effect."),
    )
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("declared by"),
    )
    declared_at = models.DateTimeField(_("declared at"), null=True, blank=True)

    class Meta:
        verbose_name = _("rule of approval")
        verbose_name_plural = _("rule of approval")
        constraints = (
            models.CheckConstraint(name="approvals_rule_single_row", condition=Q(id=1)),
            models.CheckConstraint(
                name="approvals_rule_delay_within_bounds",
                condition=Q(delay_minutes__range=(DELAY_MIN_MINUTES, DELAY_MAX_MINUTES)),
            ),
            models.CheckConstraint(
                name="approvals_rule_single_administrator_has_an_owner",
                condition=Q(mode=Mode.SECOND_PERSON)
                | (
                    Q(mode=Mode.SINGLE_ADMINISTRATOR, declared_by__isnull=False, declared_at__isnull=False)
                    & ~Q(owner_email="")
                ),
            ),
        )

    def __str__(self) -> str:
        return str(Mode(self.mode).label)


class Approval(models.Model):
    """One request to let something go ahead. `digest` is over all of it: other content needs another approval.

    `mode` is the rule by which it was, or is to be, decided. The database keeps what was asked as it was asked, and
    refuses a decision by the asker where a second person was needed.
    """

    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    subject_id = models.BigIntegerField(_("number"))
    digest = models.BinaryField(_("digest"), max_length=DIGEST_BYTES)
    summary = models.CharField(_("what is asked"), max_length=SUMMARY_LENGTH_MAX)
    mode = models.CharField(_("by the rule"), max_length=20, choices=Mode.choices)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    asked_at = models.DateTimeField(_("asked at"))
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.OPEN)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    effective_at = models.DateTimeField(_("takes effect at"), null=True, blank=True)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        permissions = (
            ("approve_policy", _("Can approve policies")),
            ("approve_run", _("Can approve runs that create money")),
        )
        constraints = (
            models.UniqueConstraint(
                name="approvals_approval_one_standing_per_subject",
                fields=["kind", "subject_id"],
                condition=Q(state__in=STANDING),
            ),
            models.CheckConstraint(
                name="approvals_approval_words_known",
                condition=Q(kind__in=Kind.values, state__in=State.values, mode__in=Mode.values),
            ),
            models.CheckConstraint(
                name="approvals_approval_decided_with_its_time",
                condition=Q(state=State.OPEN, decided_by__isnull=True, decided_at__isnull=True)
                | (
                    ~Q(state=State.OPEN)
                    & Q(decided_by__isnull=False, decided_at__isnull=False, decided_at__gte=F("asked_at"))
                ),
            ),
            models.CheckConstraint(
                name="approvals_approval_second_person_is_another",
                condition=~Q(mode=Mode.SECOND_PERSON)
                | Q(state__in=[State.OPEN, State.WITHDRAWN])
                | ~Q(decided_by=F("asked_by")),
            ),
            models.CheckConstraint(
                name="approvals_approval_effective_once_approved",
                condition=~Q(state__in=[State.APPROVED, State.USED])
                | Q(effective_at__isnull=False, effective_at__gte=F("decided_at")),
            ),
            models.CheckConstraint(
                name="approvals_approval_used_with_its_time",
                condition=(Q(state=State.USED) & Q(used_at__isnull=False, used_at__gte=F("effective_at")))
                | (~Q(state=State.USED) & Q(used_at__isnull=True)),
            ),
        )
        indexes = (
            models.Index(name="approvals_approval_subject", fields=["kind", "subject_id", "-id"]),
            models.Index(name="approvals_approval_waiting", fields=["id"], condition=Q(state=State.OPEN)),
        )

    def __str__(self) -> str:
        return f"#{self.pk} {self.get_kind_display()} {self.subject_id}"


class Hand(models.TextChoices):
    """What one login did to another that may make it a second one of its own."""

    MADE = "made", _("made the login")
    PASSWORD = "password", _("set its password")
    RIGHTS = "rights", _("let it approve")


class LoginChange(models.Model):
    """One login had a hand in another. Triggers write it (migration 0003); nobody edits it, and not to oneself."""

    at = models.DateTimeField(_("at"))
    login = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("login"),
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("by"),
    )
    what = models.CharField(_("what happened"), max_length=8, choices=Hand.choices)

    class Meta:
        verbose_name = _("change of a login")
        verbose_name_plural = _("changes of logins")
        default_permissions = ()
        indexes = (models.Index(name="approvals_loginchange_recent", fields=["login", "-at"]),)

    def __str__(self) -> str:
        return f"{self.by_id} → {self.login_id}: {self.what}"


PERMISSIONS = {Kind.POLICY: "approvals.approve_policy", Kind.RUN: "approvals.approve_run"}
