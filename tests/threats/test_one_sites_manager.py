"""Somebody limited to one site, with every right there is, who types addresses instead of following links."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.admin import site as admin_site
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from ecard.office.models import SiteRight
from ecard.office.scoping import OWN_PAGES, SCOPES, SHARED
from tests.support.settling import World

EVERYBODYS = {"index", "login", "logout", "password_change", "password_change_done", "jsi18n", "autocomplete", "search"}
"""Django's own pages, about the login itself; or of what the lists offer, which are limited."""
OPENED = {200, 301, 302}


def pages() -> Iterator[tuple[str, str]]:
    """(name, path) of every page of administration that names no record."""
    for name, path in _walk(get_resolver().url_patterns, "/"):
        if path.startswith("/admin/") and not any(each in path for each in "<("):
            yield name, path


def _walk(patterns: list[URLPattern | URLResolver], path: str) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield pattern.name or "", here


def may_open(name: str) -> bool:
    """Lists of what belongs to a site with their own pages, forms to add to them, lists of what all sites share."""
    labels = {
        f"{model._meta.app_label}_{model._meta.model_name}": model._meta.label_lower for model in admin_site._registry
    }
    model, _line, page = name.rpartition("_")
    label = labels.get(model)
    return (
        name in EVERYBODYS
        or name in OWN_PAGES
        or (page == "changelist" and label in {*SCOPES, *SHARED})
        or (page == "add" and label in SCOPES)
    )


@pytest.fixture
def manager(world: World) -> Client:
    user = User.objects.create_user("manager", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    SiteRight.objects.create(user=user, site=world.campus.site)
    client = Client()
    client.force_login(user)
    return client


def test_a_manager_of_one_site_opens_no_page_about_all_sites_whatever_address_is_typed(manager: Client) -> None:
    shut = [(name, path) for name, path in pages() if not may_open(name)]
    assert len(shut) > 40
    opened = [
        (name, path) for name, path in shut for ask in (manager.get, manager.post) if ask(path).status_code in OPENED
    ]
    assert opened == []
