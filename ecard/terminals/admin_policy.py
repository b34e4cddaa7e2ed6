"""Published policies, and the page that publishes the next one: what changes is read before it is signed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSplitDateTimeWidget

from devices.core.policy import decode_policy
from ecard.adminkit import (
    ReadOnlyAdmin,
    page_action,
    signed_in,
)
from ecard.benefits.compiler import compile_policy, known, names
from ecard.benefits.errors import PolicyRefused
from ecard.benefits.models import PublishedPolicy
from ecard.benefits.rules import problems
from ecard.benefits.sentences import policy_sentences, problem_sentence
from ecard.codes.errors import NoActiveKey
from ecard.terminals import operations


class PublishForm(forms.Form):
    """When the policy starts; left open, at once."""

    starts_at = forms.SplitDateTimeField(
        label=_("Starts at"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_("Left open: at once."),
    )

    def clean_starts_at(self) -> datetime | None:
        given: datetime | None = self.cleaned_data["starts_at"]
        if given is not None and given < timezone.now():
            raise forms.ValidationError(_("A policy starts now or later, never in the past."))
        return given


@admin.register(PublishedPolicy)
class PublishedPolicyAdmin(ReadOnlyAdmin[PublishedPolicy]):
    list_display = ("number", "starts_at", "published_at", "published_by")
    list_select_related = ("published_by",)
    ordering = ("-number",)
    fields = ("number", "starts_at", "published_at", "published_by", "key_id", "in_words", "content")
    actions_list = ("publish",)

    def has_publish_permission(self, request: HttpRequest) -> bool:
        """Sending rules to every terminal is a right of its own."""
        return request.user.has_perm("benefits.publish_policy")

    @admin.display(description=_("in words"))
    def in_words(self, published: PublishedPolicy) -> SafeString:
        said = policy_sentences(decode_policy(bytes(published.body)), names())
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", ((each,) for each in said)))

    @admin.display(description=_("content as signed"))
    def content(self, published: PublishedPolicy) -> SafeString:
        return format_html(
            '<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', bytes(published.body).decode()
        )

    @page_action(
        description=_("Publish the rules as they stand"), url_path="publish", icon="send", permissions=("publish",)
    )
    def publish(self, request: HttpRequest) -> HttpResponse:
        """Shows what the next policy would change, and publishes it."""
        form = PublishForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            now = timezone.now()
            try:
                made = operations.publish(
                    at=now, starts_at=form.cleaned_data["starts_at"] or now, by=signed_in(request)
                )
            except PolicyRefused as refused:
                for problem in refused.problems:
                    messages.error(request, problem_sentence(problem))
            except NoActiveKey:
                messages.error(request, _("There is no key to sign with yet: finish the installation first."))
            else:
                messages.success(
                    request, _("Policy %(number)s is published; terminals are being told.") % {"number": made.number}
                )
                return HttpResponseRedirect(reverse("admin:benefits_publishedpolicy_changelist"))
        return TemplateResponse(request, "terminals/publish.html", self._context(request, form))

    def _context(self, request: HttpRequest, form: PublishForm) -> dict[str, Any]:
        last = PublishedPolicy.objects.order_by("-number").first()
        called = names()
        following = compile_policy(number=last.number + 1 if last else 1, starts_at=timezone.now())
        before = policy_sentences(decode_policy(bytes(last.body)), called) if last else []
        after = policy_sentences(following, called)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": gettext("Publish policy %(number)s") % {"number": following.number},
            "form": form,
            "last": last,
            "added": [each for each in after if each not in before],
            "removed": [each for each in before if each not in after],
            "kept": [each for each in after if each in before],
            "problems": [problem_sentence(each) for each in problems(following, known=known())],
        }
