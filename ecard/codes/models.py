"""Keys, the lists the root signed, and how many codes each person asked for. No code is ever stored."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from ecard.cardholders.models import Cardholder

KEY_ID_MAX = 255


class KeyRole(models.TextChoices):
    """What a key may sign; the values are those of the key list."""

    CODE = "code", _("payment codes")
    SNAPSHOT = "snapshot", _("snapshots and policies")
    RELEASE = "release", _("releases")


class InstitutionRoot(models.Model):
    """The one row that pins the offline root's public key; its private key never comes near the database."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    institution = models.CharField(_("institution"), max_length=2)
    public = models.CharField(_("public key"), max_length=64)
    pinned_at = models.DateTimeField(_("pinned at"))

    class Meta:
        verbose_name = _("root")
        verbose_name_plural = _("root")
        constraints = (models.CheckConstraint(name="codes_institutionroot_only_one", condition=Q(id=1)),)

    def __str__(self) -> str:
        return f"{self.institution} {self.public[:16]}"


class KeyState(models.TextChoices):
    """How far a key has come."""

    DRAFT = "draft", _("awaits the root")
    ANNOUNCED = "announced", _("successor")
    ACTIVE = "active", _("in use")
    RETIRED = "retired", _("retired")
    REVOKING = "revoking", _("revocation awaits the root")
    REVOKED = "revoked", _("revoked")


class IssuerKey(models.Model):
    """A signing key. Private parts are sealed under the key-encryption key, bound to role and id.

    made → announced (in a root-signed list) → active → retired (verifies, signs no more); a revoked one verifies
    nothing. `revoke_asked_at` stands until the root has signed the list that says so.
    """

    role = models.CharField(_("role"), max_length=16, choices=KeyRole.choices)
    key_id = models.PositiveSmallIntegerField(_("key id"))
    public = models.CharField(_("public key"), max_length=64, unique=True)
    sealed_seed = models.BinaryField(editable=False)
    sealed_sealing_key = models.BinaryField(editable=False, null=True)
    sealed_id_key = models.BinaryField(editable=False, null=True)
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    made_at = models.DateTimeField(_("made at"))
    announced_at = models.DateTimeField(_("announced at"), null=True, blank=True)
    activated_at = models.DateTimeField(_("in use since"), null=True, blank=True)
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)
    revoke_asked_at = models.DateTimeField(_("revocation asked at"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)
    revoke_reason = models.CharField(_("reason for revocation"), max_length=200, blank=True, default="")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("last changed by"),
    )

    class Meta:
        verbose_name = _("key")
        verbose_name_plural = _("keys")
        ordering = ("role", "key_id")
        permissions = (("rotate_keys", _("Can rotate and revoke keys, and bring in signed key lists")),)
        constraints = (
            models.UniqueConstraint(name="codes_issuerkey_id_once_per_role", fields=["role", "key_id"]),
            models.UniqueConstraint(
                name="codes_issuerkey_one_active_per_role",
                fields=["role"],
                condition=Q(activated_at__isnull=False, retired_at__isnull=True, revoked_at__isnull=True),
            ),
            models.CheckConstraint(name="codes_issuerkey_id_is_one_byte", condition=Q(key_id__range=(1, KEY_ID_MAX))),
            models.CheckConstraint(
                name="codes_issuerkey_window_runs_forward", condition=Q(not_after__gt=F("not_before"))
            ),
            models.CheckConstraint(
                name="codes_issuerkey_signs_only_when_announced",
                condition=Q(activated_at__isnull=True) | Q(announced_at__isnull=False),
            ),
            models.CheckConstraint(
                name="codes_issuerkey_retires_only_from_use",
                condition=Q(retired_at__isnull=True) | Q(activated_at__isnull=False),
            ),
            models.CheckConstraint(
                name="codes_issuerkey_code_keys_seal_and_name",
                condition=Q(role=KeyRole.CODE, sealed_sealing_key__isnull=False, sealed_id_key__isnull=False)
                | (~Q(role=KeyRole.CODE) & Q(sealed_sealing_key__isnull=True, sealed_id_key__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_role_display()} {self.key_id}"

    @property
    def state(self) -> KeyState:
        """How far this key has come."""
        steps = (
            (self.revoked_at, KeyState.REVOKED),
            (self.revoke_asked_at, KeyState.REVOKING),
            (self.retired_at, KeyState.RETIRED),
            (self.activated_at, KeyState.ACTIVE),
            (self.announced_at, KeyState.ANNOUNCED),
        )
        return next((state for moment, state in steps if moment is not None), KeyState.DRAFT)


class CardKey(models.Model):
    """The one key under which card numbers are hashed (`devices.core.card`), sealed under the key-encryption key.

    It is never rotated: no number is kept, so under another key every card would have to be bound again.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    sealed_key = models.BinaryField(editable=False)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("card key")
        verbose_name_plural = _("card keys")
        constraints = (models.CheckConstraint(name="codes_cardkey_only_one", condition=Q(id=1)),)

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d}"


class KeyListVersion(models.Model):
    """A numbered key list: `body` is what the root is asked to sign, `signed` what came back."""

    number = models.PositiveIntegerField(_("number"), primary_key=True)
    body = models.BinaryField(editable=False)
    signed = models.BinaryField(editable=False, null=True)
    drafted_at = models.DateTimeField(_("drafted at"))
    signed_at = models.DateTimeField(_("brought in at"), null=True, blank=True)

    class Meta:
        verbose_name = _("key list")
        verbose_name_plural = _("key lists")
        ordering = ("-number",)
        constraints = (
            models.CheckConstraint(
                name="codes_keylistversion_signed_with_its_time",
                condition=Q(signed__isnull=True, signed_at__isnull=True)
                | Q(signed__isnull=False, signed_at__isnull=False),
            ),
            models.UniqueConstraint(
                models.Value(1),
                name="codes_keylistversion_one_draft",
                condition=Q(signed__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"#{self.number}"


class Profile(models.IntegerChoices):
    """The kind byte of a code."""

    PRE_SIGNED = 0xE1, _("pre-signed")
    DEVICE_BOUND = 0xE2, _("device-bound")


class CredentialIssue(models.Model):
    """One request for codes: how many, never which. Kept some weeks, to bound what one person can draw."""

    cardholder = models.ForeignKey(
        Cardholder, on_delete=models.PROTECT, related_name="credential_issues", verbose_name=_("cardholder")
    )
    profile = models.PositiveSmallIntegerField(_("profile"), choices=Profile.choices)
    count = models.PositiveSmallIntegerField(_("codes"))
    at = models.DateTimeField(_("issued at"))

    class Meta:
        verbose_name = _("issue of codes")
        verbose_name_plural = _("issues of codes")
        constraints = (models.CheckConstraint(name="codes_credentialissue_some", condition=Q(count__gt=0)),)
        indexes = (
            models.Index(name="codes_issue_of_person", fields=["cardholder", "at"]),
            models.Index(name="codes_issue_by_time", fields=["at"]),
        )

    def __str__(self) -> str:
        return f"{self.count} × {self.get_profile_display()}"
