"""The gallery and the page of one template: fill in, read what it will do, set it up."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext

from ecard.office.gallery.makers import Given
from ecard.office.gallery.saying import sentence_in
from ecard.office.gallery.setups import AUDIENCES, BY_KEY, SETUPS, Audience, Setup

LANGUAGES = (("zh-hans", "中文"), ("en", "English"))


def gallery_page(request: HttpRequest) -> HttpResponse:
    """All templates that this person may use, or those that one kind of institution mostly uses."""
    usable = [setup for setup in SETUPS if _may_use(request, setup)]
    if not usable:
        raise PermissionDenied
    chosen = request.GET.get("for", "")
    shown = [setup for setup in usable if chosen not in set(Audience) or Audience(chosen) in setup.audiences]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": gettext("Templates"),
        "setups": shown,
        "audiences": [("", gettext("All"), not chosen), *_audiences(chosen)],
    }
    return TemplateResponse(request, "office/gallery.html", context)


def setup_page(request: HttpRequest, key: str) -> HttpResponse:
    """One template. First the sentences of what it would make are shown, in both languages; then it is made."""
    setup = BY_KEY.get(key)
    if setup is None:
        raise Http404
    if not _may_use(request, setup):
        raise PermissionDenied
    form = setup.form(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": setup.title, "setup": setup, "form": form}
    if request.method == "POST" and form.is_valid():
        if "set-up" in request.POST:
            return _set_up(request, setup, form)
        context |= {"said": _previewed(setup, form.cleaned_data)}
    return TemplateResponse(request, "office/setup.html", context)


def _set_up(request: HttpRequest, setup: Setup, form: forms.Form) -> HttpResponse:
    with transaction.atomic():
        made = setup.make(form.cleaned_data)
        said = " ".join(sentence_in(rule) for rule in made)
    first = made[0]
    text = gettext("Set up: %(said)s Terminals follow when a draft with it is published.") % {"said": said}
    messages.success(request, text)
    meta = first._meta
    name = f"admin:{meta.app_label}_{meta.model_name}"
    target = reverse(f"{name}_change", args=[first.pk]) if len(made) == 1 else reverse(f"{name}_changelist")
    return HttpResponseRedirect(target)


def _previewed(setup: Setup, given: Given) -> list[tuple[str, list[str]]]:
    """Made, read aloud in each language, and taken back: so the sentences are those of the rules themselves."""
    with transaction.atomic():
        made = setup.make(given)
        said = [(name, [sentence_in(rule, language=code) for rule in made]) for code, name in LANGUAGES]
        transaction.set_rollback(True)
    return said


def _may_use(request: HttpRequest, setup: Setup) -> bool:
    user = request.user
    return not isinstance(user, AnonymousUser) and user.has_perm(f"benefits.add_{setup.model}")


def _audiences(chosen: str) -> list[tuple[str, str | Promise, bool]]:
    return [(str(audience), title, chosen == audience) for audience, title in AUDIENCES.items()]
