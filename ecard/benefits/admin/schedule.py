"""On a programme's page: whether its calendar issues by itself, and the button that asks for it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import back_to, dialog_action, link, signed_in
from ecard.approvals.errors import ApprovalError
from ecard.approvals.models import Approval, Kind
from ecard.approvals.queries import newest
from ecard.benefits import runs
from ecard.benefits.admin_run_lines import approval_told
from ecard.benefits.models import Programme, Schedule
from ecard.benefits.runs.errors import RunError
from ecard.benefits.runs.scheduled import approval_subject, calendar_of, institution_zone, is_active
from ecard.benefits.schedules import next_issue


class Scheduled:
    """For the programme's admin: the state of its schedule."""

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing to ask where nothing is issued by a calendar, or it does so already."""
        own: Any = super()
        found: list[Any] = list(own.get_actions_detail(request, object_id))
        programme = Programme.objects.filter(pk=object_id).first()
        asks = programme is not None and programme.schedule != Schedule.BY_HAND and not is_active(programme)
        return [each for each in found if asks or each.method.original_function_name != "ask_schedule"]

    @admin.display(description=_("by the calendar"))
    def schedule_state(self, programme: Programme) -> SafeString | str:
        """Whether it issues by itself, and when next."""
        if programme.schedule == Schedule.BY_HAND:
            return gettext("by hand: make a run")
        if is_active(programme):
            today = timezone.now().astimezone(institution_zone()).date()
            following = next_issue(calendar_of(programme), today)
            if following is None:
                return gettext("approved; nothing more is due")
            return gettext("approved; next on %(date)s") % {"date": date_format(following, "SHORT_DATE_FORMAT")}
        asked = newest(kind=Kind.RUN, subject_id=approval_subject(programme.pk))
        told = gettext("As it stands it issues nothing by itself: a second person has to approve the calendar.")
        if asked is None:
            return told
        return format_html("{} {} {}", told, link(Approval, asked.pk, f"#{asked.pk}"), approval_told(asked))

    @dialog_action(
        description=_("Ask approval of the calendar"),
        explanation=_("Approved once, it issues by itself. Changed terms need a new approval."),
        submit=_("Ask"),
        icon="event_repeat",
    )
    def ask_schedule(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        programme = Programme.objects.get(pk=object_id)
        try:
            asked = runs.ask_schedule(programme_id=programme.pk, by=signed_in(request), at=timezone.now())
        except (RunError, ApprovalError) as refused:
            messages.error(request, refused.sentence)
            return back_to(programme)
        page: Any = self
        page.log_change(request, programme, gettext("approval #%(number)d asked") % {"number": asked.pk})
        return back_to(programme)
