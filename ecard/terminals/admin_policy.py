"""Published policies to be read, and the one click that brings the policy before the newest back.

What comes next is drafted, rehearsed, approved and published on the pages of drafts.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import DateTimeField, QuerySet, Subquery, Value
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from devices.core.policy import decode_policy
from ecard.adminkit import ReadOnlyAdmin, ReasonForm, back_to, chip_column, dialog_action, link, once_a_page, signed_in
from ecard.benefits import drafts
from ecard.benefits.compiler import names
from ecard.benefits.errors import BenefitError, DraftError, PolicyRefused
from ecard.benefits.models import PolicyDraft, PublishedPolicy
from ecard.benefits.operations import draft_from
from ecard.benefits.sentences import policy_sentences, problem_sentence
from ecard.codes.errors import NoActiveKey
from ecard.terminals import operations


@admin.register(PublishedPolicy)
class PublishedPolicyAdmin(ReadOnlyAdmin[PublishedPolicy]):
    nothing_yet = _("Nothing was published yet. Make a draft of the rules first.")
    list_display = ("number", "state_chip", "starts_at", "published_at", "published_by", "origin")
    list_select_related = ("published_by", "draft", "draft__returns_to")
    ordering = ("-number",)
    fields = (
        ("number", "state_text"),
        ("starts_at", "published_at"),
        ("published_by", "origin"),
        "edited_since",
        "in_words",
        "key_id",
        "content",
    )
    readonly_fields = ("state_text", "origin", "edited_since", "in_words", "content")
    actions_detail = ("go_back", "draft_again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PublishedPolicy]:
        now = timezone.now()
        started = PublishedPolicy.objects.filter(starts_at__lte=now).order_by("-number")
        governing = Subquery(started.values("number")[:1])
        return super().get_queryset(request).annotate(governing=governing, looked_at=Value(now, DateTimeField()))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only the newest can be undone by one click; only what is not in force needs a draft to come back."""
        published = PublishedPolicy.objects.filter(pk=object_id).first()
        undone = published is not None and drafts.may_go_back(published, at=timezone.now()) is not None
        own: Any = super()
        shown = list(own.get_actions_detail(request, object_id))
        return [each for each in shown if each.method.original_function_name != "go_back" or undone]

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Sending rules to every terminal is a right of its own."""
        return request.user.has_perm("benefits.publish_policy")

    def has_draft_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("benefits.add_policydraft")

    @chip_column(description=_("state"), colours={"in_force": "success", "coming": "info", "before": "default"})
    def state_chip(self, published: PublishedPolicy) -> tuple[str, str]:
        return _state(published)

    @admin.display(description=_("state"))
    def state_text(self, published: PublishedPolicy) -> str:
        return _state(published)[1]

    @admin.display(description=_("came from"))
    def origin(self, published: PublishedPolicy) -> SafeString | str:
        draft: PolicyDraft | None = getattr(published, "draft", None)
        if draft is None:
            return gettext("set-up")
        if draft.returns_to_id is None:
            return link(PolicyDraft, draft.pk, draft)
        said = {"number": draft.returns_to_id, "reason": draft.reason}
        return gettext("back to policy %(number)s: %(reason)s") % said

    @admin.display(description=_("rules being edited"))
    def edited_since(self, published: PublishedPolicy) -> str:
        try:
            same = drafts.rules_as_they_stand() == drafts.content_of(decode_policy(bytes(published.body)))
        except BenefitError:
            same = False
        if same:
            return gettext("They say the same as this policy.")
        return gettext("They differ from this policy: the next draft would change something.")

    @admin.display(description=_("in words"))
    @once_a_page
    def in_words(self, published: PublishedPolicy) -> SafeString:
        said = policy_sentences(decode_policy(bytes(published.body)), names())
        return format_html(
            '<ul class="office-lines">{}</ul>', format_html_join("", "<li>{}</li>", ((each,) for each in said))
        )

    @admin.display(description=_("content as signed"))
    def content(self, published: PublishedPolicy) -> SafeString:
        return format_html(
            '<details><summary class="draft-summary">{}</summary>'
            '<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre></details>',
            gettext("Show it"),
            bytes(published.body).decode(),
        )

    @dialog_action(
        description=_("Roll back"),
        explanation=_(
            "The policy that governed before this one is published again under a new number, and starts at once, or at"
            " its own start where that is still to come. The rules being edited stay as they are. Your reason stays in"
            " the history."
        ),
        submit=_("Roll back"),
        form=ReasonForm,
        icon="undo",
        permissions=("publish",),
    )
    def go_back(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        published = PublishedPolicy.objects.get(pk=object_id)
        reason = form.cleaned_data["reason"]
        try:
            made = operations.roll_back(
                number=published.number, reason=reason, by=signed_in(request), at=timezone.now()
            )
        except DraftError as refused:
            messages.error(request, refused.sentence)
            return back_to(published)
        except PolicyRefused as refused:
            for problem in refused.problems:
                messages.error(request, problem_sentence(problem))
            return back_to(published)
        except NoActiveKey:
            messages.error(request, _("There is no key to sign with yet: finish the installation first."))
            return back_to(published)
        self.log_change(request, published, gettext("rolled back: %(reason)s") % {"reason": reason})
        messages.success(
            request,
            _("Policy %(number)s brings back what was before; terminals are being told.") % {"number": made.number},
        )
        return back_to(made)

    @dialog_action(
        description=_("Draft from this policy"),
        explanation=_("A draft that says what this policy says. It is approved and published like any other."),
        submit=_("Make the draft"),
        icon="content_copy",
        permissions=("draft",),
    )
    def draft_again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        name = gettext("as policy %(number)s") % {"number": object_id}
        draft = draft_from(number=int(object_id), name=name, by=signed_in(request), at=timezone.now())
        self.log_change(request, PublishedPolicy.objects.get(pk=object_id), gettext("a draft was made from it"))
        return back_to(draft)


def _state(published: PublishedPolicy) -> tuple[str, str]:
    # One moment for both: a policy that starts while its page is made is not over.
    if published.starts_at > getattr(published, "looked_at", timezone.now()):
        return "coming", gettext("starts later")
    governing: int | None = getattr(published, "governing", None)
    return ("in_force", gettext("in force")) if published.number == governing else ("before", gettext("over"))
