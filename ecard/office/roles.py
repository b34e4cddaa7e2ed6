"""Ready-made groups of rights. They are made once, with the installation; from then on they are the institution's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

OWN_APPS = (
    "approvals",
    "auth",
    "axes",
    "benefits",
    "cardholders",
    "changes",
    "codes",
    "history",
    "imports",
    "ledger",
    "media",
    "merchants",
    "office",
    "payments",
    "settlement",
    "terminals",
)
PRIVATE = frozenset({"view_passage"})
"""Where somebody was and when: not in "everything of an app", only where a role names it."""
EDIT = ("view", "add", "change")
LOOK = ("view",)


@dataclass(frozen=True, slots=True)
class Role:
    """Rights by model ("app.model", "app.*" for all of an app) and verbs, and those with names of their own."""

    name: str
    models: dict[str, tuple[str, ...]]
    named: tuple[str, ...] = ()


ROLES = (
    Role(
        "食堂主管 · Canteen manager",
        {
            **dict.fromkeys(("merchants.site", "merchants.merchant"), LOOK),
            **dict.fromkeys(("merchants.outlet", "merchants.mealperiod", "merchants.product"), EDIT),
            "merchants.calendarday": (*EDIT, "delete"),
            **dict.fromkeys(("merchants.category", "merchants.allergen"), EDIT),
            "merchants.placement": (*EDIT, "delete"),
            "merchants.calendarimport": EDIT,
            "terminals.terminal": EDIT,
            "terminals.stream": LOOK,
            "terminals.supervisor": EDIT,
            "terminals.enrolmentcode": LOOK,
            **dict.fromkeys(("settlement.sale", "settlement.salereversal", "settlement.saleexception"), LOOK),
            "settlement.terminalnote": LOOK,
            **dict.fromkeys(
                (
                    "benefits.programme",
                    "benefits.pricerule",
                    "benefits.entitlement",
                    "benefits.spendlimit",
                    "benefits.block",
                    "benefits.policydraft",
                    "benefits.run",
                ),
                EDIT,
            ),
            **dict.fromkeys(("benefits.publishedpolicy", "benefits.sponsor", "benefits.policysettings"), LOOK),
            **dict.fromkeys(("benefits.runline", "benefits.grant", "approvals.approval"), LOOK),
            "settlement.rehearsal": EDIT,
            **dict.fromkeys(("settlement.rehearsalperson", "settlement.rehearsalsale"), LOOK),
            **dict.fromkeys(("cardholders.cardholder", "cardholders.group", "cardholders.priceclass"), LOOK),
            "cardholders.personlist": LOOK,
            "imports.importbatch": LOOK,
            "history.rulechange": LOOK,
        },
        named=("terminals.invite_terminal", "imports.import_records", "imports.export_records"),
    ),
    Role(
        "财务 · Finance",
        {
            **dict.fromkeys(("ledger.*", "settlement.*", "payments.*", "office.auditrun"), LOOK),
            "settlement.saleexception": ("view", "change"),
            "settlement.quarantinedbatch": ("view", "change"),
            **dict.fromkeys(("benefits.*", "cardholders.cardholder", "cardholders.group", "merchants.*"), LOOK),
            **dict.fromkeys(("benefits.run", "benefits.sponsor"), EDIT),
            "approvals.approval": LOOK,
            "history.rulechange": LOOK,
        },
        named=(
            "approvals.approve_run",
            "benefits.post_run",
            "benefits.reverse_run",
            "office.begin_audit",
            "imports.export_records",
        ),
    ),
    Role(
        "卡务中心 · Card office",
        {
            **dict.fromkeys(("cardholders.cardholder", "cardholders.personlist", "cardholders.listmember"), EDIT),
            "cardholders.stop": EDIT,
            **dict.fromkeys(("cardholders.group", "cardholders.priceclass"), LOOK),
            **dict.fromkeys(("payments.topup", "settlement.sale", "benefits.grant", "codes.credentialissue"), LOOK),
            **dict.fromkeys(("media.card", "imports.importbatch"), LOOK),
        },
        named=(
            "media.bind_card",
            "media.stop_card",
            "payments.take_cash",
            "imports.import_records",
            "imports.export_records",
        ),
    ),
    Role(
        "门卫 · Gatekeeper",
        {
            **dict.fromkeys(("settlement.passage", "terminals.terminal", "cardholders.cardholder"), LOOK),
            "merchants.outlet": LOOK,
        },
    ),
    Role(
        "审计 · Auditor",
        {f"{app}.*": LOOK for app in OWN_APPS},
        named=("office.begin_audit",),
    ),
    Role("管理员 · Administrator", {f"{app}.*": ("*",) for app in OWN_APPS}),
)


def make_roles(sender: Any, **_signal: Any) -> None:
    """Make those groups that are not there, after rights have been made; one that is there is left as it is."""
    known = set(Group.objects.values_list("name", flat=True))
    for role in ROLES:
        if role.name not in known:
            Group.objects.create(name=role.name).permissions.set(rights_of(role))


def rights_of(role: Role) -> list[Permission]:
    """The rights a role begins with."""
    wanted = Q(pk__in=())
    for model, verbs in role.models.items():
        app, _dot, name = model.partition(".")
        for verb in verbs:
            of_app = Q(content_type__app_label=app)
            if verb == "*":
                wanted |= of_app
            elif name == "*":
                wanted |= of_app & Q(codename__startswith=f"{verb}_") & ~Q(codename__in=PRIVATE)
            else:
                wanted |= of_app & Q(codename=f"{verb}_{name}")
    for right in role.named:
        app, _dot, codename = right.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.filter(wanted))
