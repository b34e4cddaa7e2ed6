"""Terminals, the one-time codes by which they are enrolled, and their streams of journal records."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from devices.core.enrolment import HANDLE_CHARACTERS
from devices.core.money import MAX_AMOUNT_MINOR
from devices.core.pin import HASH_BYTES, SALT_BYTES
from ecard.cardholders.models import Group
from ecard.merchants.models import Outlet, Site

HEAD_BYTES = 32
KEY_CHARACTERS = 64
SOFTWARE_LENGTH_MAX = 64
GENESIS_HEAD = bytes(HEAD_BYTES)
STOPS_MAX = 100
CLAIM_WAIT_MS_MAX = 1_000


class TerminalState(models.IntegerChoices):
    NEW = 1, _("not enrolled")
    ACTIVE = 2, _("active")
    REVOKED = 3, _("revoked")


class TerminalMode(models.TextChoices):
    FIXED = "fixed", _("fixed price")
    TYPED = "typed", _("typed amount")
    PRODUCTS = "products", _("products")
    IDENTITY = "identity", _("identity only")
    PASS = "pass", _("the way through")


class DeviceKind(models.TextChoices):
    CANTEEN = "canteen", _("canteen till")
    WEIGHING = "weighing", _("scale")
    GATE = "gate", _("gate")
    BUS = "bus", _("bus")
    CABINET = "cabinet", _("cabinet")


class Direction(models.TextChoices):
    IN = "in", _("in")
    OUT = "out", _("out")
    BOTH = "both", _("in and out")


class Terminal(models.Model):
    """A device at an outlet. Keys are Ed25519 public keys in hex.

    `next_public_key` is of a device that was enrolled in this one's place and has not been heard yet: with its first
    signed request it becomes `public_key`, and only then does the old device's key die.
    """

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(_("name"), max_length=60)
    outlet = models.ForeignKey(Outlet, on_delete=models.PROTECT, related_name="terminals", verbose_name=_("outlet"))
    state = models.PositiveSmallIntegerField(
        _("state"), choices=TerminalState.choices, default=TerminalState.NEW, editable=False
    )
    public_key = models.CharField(
        _("device key"), max_length=KEY_CHARACTERS, unique=True, null=True, blank=True, editable=False
    )
    next_public_key = models.CharField(
        _("successor's key"), max_length=KEY_CHARACTERS, unique=True, null=True, blank=True, editable=False
    )
    mode = models.CharField(_("mode"), max_length=8, choices=TerminalMode.choices, default=TerminalMode.TYPED)
    fixed_minor = models.PositiveIntegerField(_("fixed price"), default=0)
    device = models.CharField(_("kind"), max_length=8, choices=DeviceKind.choices, default=DeviceKind.CANTEEN)
    line = models.CharField(_("bus line"), max_length=32, blank=True, default="")
    stops = ArrayField(
        models.CharField(max_length=32), verbose_name=_("stops"), size=STOPS_MAX, blank=True, default=list
    )
    direction = models.CharField(_("direction"), max_length=4, choices=Direction.choices, default=Direction.BOTH)
    anti_passback = models.BooleanField(_("no second entry without leaving"), default=False)
    groups = models.ManyToManyField(Group, related_name="+", verbose_name=_("who may pass"), blank=True)
    per_kg_minor = models.PositiveIntegerField(_("price per kilogram"), default=0)
    floor_minor = models.PositiveIntegerField(
        _("ask the server above"), null=True, blank=True, validators=[MaxValueValidator(MAX_AMOUNT_MINOR)]
    )
    claim_wait_ms = models.PositiveSmallIntegerField(
        _("wait for neighbours (ms)"), default=0, validators=[MaxValueValidator(CLAIM_WAIT_MS_MAX)]
    )
    created_at = models.DateTimeField(_("created at"), editable=False)
    enrolled_at = models.DateTimeField(_("enrolled at"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("revoked by"),
        editable=False,
    )
    software = models.CharField(_("software"), max_length=SOFTWARE_LENGTH_MAX, blank=True, default="", editable=False)
    last_seen_at = models.DateTimeField(_("last heard"), null=True, blank=True, editable=False)
    last_snapshot_at = models.DateTimeField(_("last snapshot"), null=True, blank=True, editable=False)
    last_snapshot_number = models.BigIntegerField(_("snapshot number"), default=0, editable=False)
    unsent_count = models.PositiveIntegerField(_("unsent records"), null=True, blank=True, editable=False)
    policy_number = models.PositiveIntegerField(_("policy it decides by"), default=0, editable=False)
    newer_policy = models.PositiveIntegerField(_("policy it cannot read"), default=0, editable=False)
    neighbours_heard = models.PositiveIntegerField(_("neighbours heard"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("terminal")
        verbose_name_plural = _("terminals")
        ordering = ("outlet", "name")
        permissions = (
            ("invite_terminal", _("Can invite devices")),
            ("revoke_terminal", _("Can revoke terminals")),
        )
        constraints = (
            models.UniqueConstraint(name="terminals_terminal_name_once_per_outlet", fields=["outlet", "name"]),
            models.CheckConstraint(
                name="terminals_terminal_active_with_its_key",
                condition=~Q(state=TerminalState.ACTIVE) | Q(public_key__isnull=False),
            ),
            models.CheckConstraint(
                name="terminals_terminal_new_without_a_key",
                condition=~Q(state=TerminalState.NEW) | Q(public_key__isnull=True),
            ),
            models.CheckConstraint(
                name="terminals_terminal_revoked_with_its_time",
                condition=Q(state=TerminalState.REVOKED, revoked_at__isnull=False)
                | (~Q(state=TerminalState.REVOKED) & Q(revoked_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="terminals_terminal_successor_differs", condition=~Q(public_key=F("next_public_key"))
            ),
            models.CheckConstraint(
                name="terminals_terminal_fixed_price_in_fixed_mode",
                condition=Q(mode=TerminalMode.FIXED, fixed_minor__range=(1, MAX_AMOUNT_MINOR))
                | (~Q(mode=TerminalMode.FIXED) & Q(fixed_minor=0)),
            ),
            models.CheckConstraint(
                name="terminals_terminal_mode_that_its_kind_has",
                condition=Q(device=DeviceKind.CANTEEN) & ~Q(mode=TerminalMode.PASS)
                | Q(device=DeviceKind.GATE, mode=TerminalMode.PASS)
                | Q(device=DeviceKind.WEIGHING, mode=TerminalMode.TYPED)
                | Q(device=DeviceKind.BUS, mode=TerminalMode.FIXED)
                | Q(device=DeviceKind.CABINET, mode__in=(TerminalMode.TYPED, TerminalMode.PRODUCTS)),
            ),
            models.CheckConstraint(
                name="terminals_terminal_line_and_stops_on_a_bus",
                condition=Q(device=DeviceKind.BUS) & ~Q(line="") | Q(line="", stops=[]) & ~Q(device=DeviceKind.BUS),
            ),
            models.CheckConstraint(
                name="terminals_terminal_direction_at_a_gate",
                condition=Q(direction=Direction.BOTH, anti_passback=False)
                | Q(device=DeviceKind.GATE) & (Q(direction=Direction.BOTH) | Q(anti_passback=False)),
            ),
            models.CheckConstraint(
                name="terminals_terminal_price_per_kilogram_on_a_scale",
                condition=Q(device=DeviceKind.WEIGHING, per_kg_minor__range=(1, MAX_AMOUNT_MINOR))
                | ~Q(device=DeviceKind.WEIGHING) & Q(per_kg_minor=0),
            ),
            models.CheckConstraint(
                name="terminals_terminal_asks_and_waits_within_bounds",
                condition=(Q(floor_minor__isnull=True) | Q(floor_minor__lte=MAX_AMOUNT_MINOR))
                & Q(claim_wait_ms__lte=CLAIM_WAIT_MS_MAX),
            ),
        )

    def __str__(self) -> str:
        return self.name


class EnrolmentCode(models.Model):
    """One invitation. The secret is known to nobody but whom it was shown to; here stands its keyed hash."""

    terminal = models.ForeignKey(
        Terminal, on_delete=models.PROTECT, related_name="enrolment_codes", verbose_name=_("terminal")
    )
    handle = models.CharField(max_length=HANDLE_CHARACTERS, db_index=True)
    secret_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField(_("made at"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("made by"),
    )
    expires_at = models.DateTimeField(_("expires at"))
    attempts = models.PositiveSmallIntegerField(_("wrong attempts"), default=0)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    used_public_key = models.CharField(_("device key"), max_length=KEY_CHARACTERS, blank=True, default="")
    void_at = models.DateTimeField(_("void since"), null=True, blank=True)

    class Meta:
        verbose_name = _("enrolment code")
        verbose_name_plural = _("enrolment codes")
        constraints = (
            models.CheckConstraint(
                name="terminals_enrolmentcode_used_with_its_key",
                condition=Q(used_at__isnull=True, used_public_key="")
                | (Q(used_at__isnull=False) & ~Q(used_public_key="")),
            ),
            models.UniqueConstraint(
                name="terminals_enrolmentcode_one_open_per_terminal",
                fields=["terminal"],
                condition=Q(used_at__isnull=True, void_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.handle}…"


class Stream(models.Model):
    """One epoch of a terminal's journal: what may come next, and how far it is posted.

    Written by settlement. `head` is the chain after the last record received; sales up to `posted_through` are in
    the ledger. `previous_*` are what the epoch's first record says of the epoch before; `forked` says that this and
    another epoch claim different things. A sale's id is stream id * 2**24 + sequence.
    """

    id = models.AutoField(primary_key=True)
    terminal = models.ForeignKey(Terminal, on_delete=models.PROTECT, related_name="streams", verbose_name=_("terminal"))
    epoch = models.BigIntegerField(_("epoch"))
    next_seq = models.PositiveIntegerField(_("next sequence"), default=1)
    head = models.BinaryField(_("head"), max_length=HEAD_BYTES, default=GENESIS_HEAD)
    posted_through = models.PositiveIntegerField(_("posted through"), default=0)
    previous_epoch = models.BigIntegerField(_("previous epoch"), default=0)
    previous_seq = models.PositiveIntegerField(_("previous sequence"), default=0)
    previous_head = models.BinaryField(_("previous head"), max_length=HEAD_BYTES, default=b"", blank=True)
    forked = models.BooleanField(_("forked"), default=False)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("stream")
        verbose_name_plural = _("streams")
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(name="terminals_stream_epoch_once_per_terminal", fields=["terminal", "epoch"]),
            models.CheckConstraint(name="terminals_stream_epoch_positive", condition=Q(epoch__gt=0)),
            models.CheckConstraint(
                name="terminals_stream_sequence_within_24_bits", condition=Q(next_seq__range=(1, 1 << 24))
            ),
            models.CheckConstraint(
                name="terminals_stream_posted_only_what_was_received", condition=Q(posted_through__lt=F("next_seq"))
            ),
            models.CheckConstraint(name="terminals_stream_head_whole", condition=Exact(Length("head"), HEAD_BYTES)),
        )

    def __str__(self) -> str:
        return f"{self.terminal_id}/{self.epoch:x}"


class Supervisor(models.Model):
    """Somebody who may open the supervisor's menu of a site's terminals, without a network, by a PIN.

    `pin_hash` is `devices.core.pin` over `salt`, both hex; terminals hold it in their sealed storage. With `terminals`
    only there, else at all of the site.
    """

    name = models.CharField(_("name"), max_length=40)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="supervisors", verbose_name=_("site"))
    terminals = models.ManyToManyField(
        Terminal, related_name="supervisors", verbose_name=_("only at these terminals"), blank=True
    )
    salt = models.CharField(max_length=2 * SALT_BYTES, editable=False)
    pin_hash = models.CharField(max_length=2 * HASH_BYTES, editable=False)
    active = models.BooleanField(_("active"), default=True)
    pin_set_at = models.DateTimeField(_("PIN set at"), editable=False)

    class Meta:
        verbose_name = _("supervisor")
        verbose_name_plural = _("supervisors")
        ordering = ("site", "name")
        constraints = (
            models.UniqueConstraint(name="terminals_supervisor_name_once_per_site", fields=["site", "name"]),
            models.CheckConstraint(
                name="terminals_supervisor_has_a_pin",
                condition=Q(salt__regex=r"^[0-9a-f]{32}$", pin_hash__regex=r"^[0-9a-f]{64}$"),
            ),
        )

    def __str__(self) -> str:
        return self.name
