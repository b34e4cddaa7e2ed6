"""What a draft's pages say: how far it has come, what it changes, what stands in its way."""

from __future__ import annotations

from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ecard.adminkit import link
from ecard.approvals.models import SUMMARY_LENGTH_MAX, Approval, Kind
from ecard.approvals.queries import newest
from ecard.benefits import drafts
from ecard.benefits.checking import check_policy
from ecard.benefits.compiler import names
from ecard.benefits.drafts import Stage
from ecard.benefits.errors import BenefitError
from ecard.benefits.models import DraftState, PolicyDraft
from ecard.benefits.rules import Ref
from ecard.benefits.sentences import Difference, difference, finding_sentence, problem_sentence
from ecard.settlement.models import Rehearsal, RehearsalState

REHEARSALS_SHOWN = 10
STAGES = {
    Stage.DRAFT: _("draft"),
    Stage.ASKED: _("waits for approval"),
    Stage.APPROVED: _("approved"),
    Stage.REFUSED: _("refused"),
    Stage.PUBLISHED: _("published"),
    Stage.WITHDRAWN: _("withdrawn"),
}


def changes(draft: PolicyDraft) -> Difference:
    """What it would change of the policy after which it was made."""
    return difference(drafts.basis_of(draft), drafts.policy_of(draft), names())


def summary(draft: PolicyDraft) -> str:
    """What the approver reads: the first line names it, the others say what changes."""
    found = changes(draft)
    basis = gettext("after policy %(number)s") % {"number": draft.basis_id} if draft.basis_id else gettext("the first")
    lines = [gettext("Policy “%(name)s”, %(basis)s") % {"name": draft.name, "basis": basis}]
    lines += [f"+ {each.after}" for each in found.added]
    lines += [f"− {each.before}" for each in found.removed]
    lines += [f"~ {each.before} → {each.after}" for each in found.changed]
    if found.none:
        lines.append(gettext("No rule changes."))
    whole = "\n".join(lines)
    if len(whole) <= SUMMARY_LENGTH_MAX:
        return whole
    rest = gettext("… and more: read the draft's own page.")
    return f"{whole[: SUMMARY_LENGTH_MAX - len(rest) - 1]}\n{rest}"


def warnings(draft: PolicyDraft) -> list[str]:
    """What whoever reads it should know of what happened since."""
    if draft.state != DraftState.DRAFT:
        return []
    said = []
    if drafts.overtaken(draft):
        said.append(gettext("Another policy was published since. Make a new draft: this one can only be withdrawn."))
    try:
        changed = drafts.rules_changed(draft)
    except BenefitError:
        changed = True
    if changed:
        said.append(
            gettext("The rules were changed after this draft was made. It does not say so: for that make a new draft.")
        )
    coming = drafts.brought_forward(draft, at=timezone.now())
    if coming is not None:
        starts = date_format(timezone.localtime(coming.starts_at), "SHORT_DATETIME_FORMAT")
        said.append(
            gettext(
                "It was made after policy %(number)s, which starts only on %(moment)s: started sooner, this one brings"
                " the changes of that one forward too."
            )
            % {"number": coming.number, "moment": starts}
        )
    return said


def steps(draft: PolicyDraft) -> list[dict[str, Any]]:
    """Draft, check, rehearse, approve, publish: what is done, what comes next, and what stands in the way."""
    stage = drafts.stage_of(draft)
    over = stage in (Stage.PUBLISHED, Stage.WITHDRAWN)
    problems = 0 if over else len(check_policy(drafts.policy_of(draft), at=timezone.now()).problems)
    rehearsed = {state for (state,) in Rehearsal.objects.filter(draft=draft).values_list("state")[:REHEARSALS_SHOWN]}
    approved = stage in (Stage.APPROVED, Stage.PUBLISHED)
    way = [
        _step(gettext("Draft"), "done", ""),
        _step(
            gettext("Check"),
            "bad" if problems else "done",
            gettext("%(count)s to put right") % {"count": problems} if problems else "",
        ),
        _step(
            gettext("Rehearse"),
            "done" if RehearsalState.DONE in rehearsed else "now" if RehearsalState.RUNNING in rehearsed else "open",
            gettext("at work") if rehearsed == {RehearsalState.RUNNING} else "",
        ),
        _step(
            gettext("Approve"),
            "done" if approved else "bad" if stage is Stage.REFUSED else "now" if stage is Stage.ASKED else "open",
            str(STAGES[stage]) if stage in (Stage.ASKED, Stage.REFUSED) else _approved_by(draft),
        ),
        _step(
            gettext("Publish"),
            "done" if stage is Stage.PUBLISHED else "bad" if stage is Stage.WITHDRAWN else "open",
            _published_as(draft) if stage is Stage.PUBLISHED else str(STAGES[stage]) if over else "",
        ),
    ]
    ahead = way[-1:] if approved else way
    waiting = next((step for step in ahead if step["state"] == "open"), None)
    if waiting is not None and not over and not any(step["state"] == "now" for step in way):
        waiting["state"] = "next"
    return way


def _step(title: str, state: str, said: str) -> dict[str, Any]:
    marks = {"done": "✓", "bad": "✕", "now": "…", "open": "○"}
    words = {"done": gettext("done"), "bad": gettext("in the way"), "now": gettext("at work"), "open": gettext("open")}
    return {"title": title, "state": state, "mark": marks[state], "word": words[state], "said": said}


def _approved_by(draft: PolicyDraft) -> str:
    approval: Approval | None = newest(kind=Kind.POLICY, subject_id=draft.pk)
    if approval is None or approval.effective_at is None or approval.decided_by is None:
        return ""
    told = {"name": approval.decided_by.get_username()}
    if approval.effective_at > timezone.now():
        moment = date_format(timezone.localtime(approval.effective_at), "SHORT_DATETIME_FORMAT")
        return gettext("by %(name)s, from %(moment)s on") % {**told, "moment": moment}
    return gettext("by %(name)s") % told


def _published_as(draft: PolicyDraft) -> str:
    published = draft.published
    if published is None:
        return ""
    starts = date_format(timezone.localtime(published.starts_at), "SHORT_DATETIME_FORMAT")
    return gettext("policy %(number)s, from %(moment)s") % {"number": published.number, "moment": starts}


def rehearsals(draft: PolicyDraft) -> list[dict[str, Any]]:
    """The newest, each with a link."""
    found = Rehearsal.objects.filter(draft=draft).order_by("-id")[:REHEARSALS_SHOWN]
    return [
        {
            "link": link(Rehearsal, each.pk, f"{date_format(each.from_date)} – {date_format(each.to_date)}"),
            "state": str(RehearsalState(each.state).label),
            "sales": each.sales,
        }
        for each in found
    ]


def check(draft: PolicyDraft) -> dict[str, list[tuple[str, str]]]:
    """What is wrong and what is odd, each with where to put it right."""
    found, called = check_policy(drafts.policy_of(draft), at=timezone.now()), names()
    return {
        "problems": [(problem_sentence(each), _page(each.ref)) for each in found.problems],
        "findings": [(finding_sentence(each, called), _page(each.ref)) for each in found.findings],
    }


def _page(ref: Ref | None) -> str:
    """Where to put it right; "" where that has no page."""
    if ref is None:
        return ""
    app, _dot, model = ref.model.partition(".")
    try:
        return reverse(f"admin:{app}_{model}_change", args=[ref.pk])
    except NoReverseMatch:
        return ""
