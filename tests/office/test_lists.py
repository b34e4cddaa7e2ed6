"""Every page of the admin, walked: it opens, asks a bounded number of questions, and counts no whole table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin, ShowFacets, site
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ecard.adminkit import BoundedPaginator, GrowingAdmin
from ecard.approvals.models import Approval
from ecard.benefits.models import Grant
from ecard.changes.models import Change
from ecard.codes.models import CredentialIssue
from ecard.ledger.models import Account, Hold, Transfer
from ecard.payments.models import TopUp
from ecard.settlement.models import Batch, Sale, SaleException, SaleReversal

# One row by nature: an installation has one of each.
ONE_ROW = frozenset(
    {
        "approvals.approvalrule",
        "benefits.policysettings",
        "changes.generation",
        "codes.institutionroot",
        "codes.keylistversion",
        "codes.issuerkey",
    }
)


def page_of(model: type[Model], kind: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def asked(client: Client, address: str) -> list[str]:
    """The statements one page asks, after a first visit that fills what is kept between requests."""
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address)
    assert response.status_code == 200, address
    return [query["sql"] for query in captured.captured_queries]


def test_no_list_asks_more_when_it_grows(admin: Client, fill: Callable[[int], None]) -> None:
    fill(1)
    few = {
        model: (model._default_manager.count(), len(asked(admin, page_of(model, "changelist"))))
        for model in site._registry
    }
    fill(3)
    grew, more = set(), {}
    for model, (rows, statements) in few.items():
        if model._default_manager.count() > rows:
            grew.add(model._meta.label_lower)
        now = asked(admin, page_of(model, "changelist"))
        if len(now) > statements:
            more[model._meta.label_lower] = (statements, len(now), now)
    assert not more
    assert {model._meta.label_lower for model in site._registry} - ONE_ROW == grew - ONE_ROW


def test_no_list_counts_a_whole_table(admin: Client, fill: Callable[[int], None]) -> None:
    fill(1)
    for model, model_admin in site._registry.items():
        assert issubclass(model_admin.paginator, BoundedPaginator), model
        assert not model_admin.show_full_result_count, model
        assert model_admin.show_facets is ShowFacets.NEVER, model
        for statement in asked(admin, page_of(model, "changelist")):
            assert "COUNT(" not in statement or "LIMIT" in statement, (model, statement)


def test_no_record_asks_more_when_its_company_grows(admin: Client, fill: Callable[[int], None]) -> None:
    fill(1)
    few: dict[str, int] = {}
    for model in site._registry:
        oldest = model._default_manager.order_by("pk").first()
        assert oldest is not None, model
        address = page_of(model, "change", oldest.pk)
        few[address] = len(asked(admin, address))
    fill(3)
    now = {address: asked(admin, address) for address in few}
    assert {address: statements for address, statements in now.items() if len(statements) > few[address]} == {}


GROWING = (
    Account,
    Approval,
    Batch,
    Change,
    CredentialIssue,
    Grant,
    Hold,
    Sale,
    SaleException,
    SaleReversal,
    TopUp,
    Transfer,
)


@pytest.mark.django_db
@pytest.mark.parametrize("model", GROWING)
def test_a_list_of_what_grows_every_day_is_sorted_by_an_index_whatever_is_asked(model: type[Model]) -> None:
    """One click on a column of ten million sales would keep the database busy for a minute."""
    model_admin = site._registry[model]
    assert isinstance(model_admin, GrowingAdmin)
    root = User.objects.create_superuser("root")
    leading = {index.fields[0] for index in model._meta.indexes if not index.condition}
    indexed = {field.name for field in model._meta.fields if field.unique or getattr(field, "db_index", False)}
    usual = ordering(model_admin, root, "")
    for place, name in enumerate(model_admin.list_display):
        by = ordering(model_admin, root, f"?o={place}")
        assert by[0] == usual[0] or by[0] in leading | indexed, name


def ordering(model_admin: ModelAdmin[Any], user: User, query: str) -> tuple[str, ...]:
    """What the list is sorted by when that is asked for, the sign aside."""
    request = RequestFactory().get(f"/{query}")
    request.user = user
    rows = model_admin.get_changelist_instance(request).queryset
    names = (str(name).removeprefix("-") for name in rows.query.order_by)
    return tuple("id" if name == "pk" else name for name in names)


def test_what_can_be_added_has_a_form_that_opens(admin: Client, fill: Callable[[int], None]) -> None:
    fill(1)
    for model, model_admin in site._registry.items():
        assert isinstance(model_admin, ModelAdmin)
        status = admin.get(page_of(model, "add")).status_code
        assert status in (200, 403), model


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_list_finds_by_what_it_offers_to_search(
    admin: Client, fill: Callable[[int], None], language: str
) -> None:
    fill(1)
    for model, model_admin in site._registry.items():
        if model_admin.search_fields:
            for text in ("1", "张", "M0001", "'; --"):
                found = admin.get(page_of(model, "changelist"), {"q": text}, headers={"accept-language": language})
                assert found.status_code == 200, (model, text)


@pytest.mark.parametrize("typed", ["abc", "999999999", "9" * 30])
def test_a_buttons_address_with_the_number_of_nothing_is_not_found(admin: Client, typed: str) -> None:
    pressed = 0
    for model_admin in site._registry.values():
        buttons: Any = model_admin
        for action in buttons._get_base_actions_detail():
            address = reverse(f"admin:{action.action_name}", args=[typed])
            assert admin.get(address).status_code == 404, address
            assert admin.post(address, {"_form_submitted": "on"}).status_code == 404, address
            pressed += 1
    assert pressed > 30
