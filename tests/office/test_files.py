"""Buttons that lead from a list to importing into it and exporting it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from ecard.office.models import SiteRight
from tests.office.test_first_page import clerk_with
from tests.support.settling import World

LISTS = {
    "cardholders_cardholder": "people",
    "cardholders_group": "groups",
    "cardholders_personlist": "members",
    "cardholders_listmember": "members",
    "merchants_product": "products",
    "benefits_programme": "programmes",
}


@pytest.mark.parametrize(("page", "kind"), LISTS.items())
def test_a_list_has_buttons_to_import_and_export_with_the_kind_chosen(admin: Client, page: str, kind: str) -> None:
    shown = admin.get(reverse(f"admin:{page}_changelist")).content.decode()
    for button, leads_to in (("import_file", "begin"), ("export_file", "export")):
        address = reverse(f"admin:{page}_{button}")
        assert address in shown
        led = admin.get(address, follow=True)
        assert led.redirect_chain == [(f"{reverse(f'admin:imports_importbatch_{leads_to}')}?kind={kind}", 302)]
        assert f'<option value="{kind}" selected>' in led.content.decode()


def test_buttons_are_for_whoever_may_import_or_export_that_kind(world: World) -> None:
    clerk = clerk_with("cardholders.view_cardholder", "imports.export_records", "imports.import_records")
    shown = clerk.get(reverse("admin:cardholders_cardholder_changelist")).content.decode()
    assert reverse("admin:cardholders_cardholder_export_file") in shown
    assert reverse("admin:cardholders_cardholder_import_file") not in shown
    assert clerk.get(reverse("admin:cardholders_cardholder_import_file")).status_code == 403


def test_a_login_limited_to_a_site_sees_no_button_that_is_shut_to_it(world: World) -> None:
    user = User.objects.create_user("manager", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    SiteRight.objects.create(user=user, site=world.campus.site)
    client = Client()
    client.force_login(user)
    assert "-file" not in client.get(reverse("admin:merchants_product_changelist")).content.decode()
    assert client.get(reverse("admin:merchants_product_export_file")).status_code == 403
