"""Asking the server about a sale: when to, and what its answer makes of it. Pure; who carries the question is an
`Authority`.

A sale above the floor limit, or one that the snapshot cannot fund, is asked about under the key of the record that it
would become. Without an answer in time the offline rules decide under the same key, so the server can tell by the
record what became of what it holds. `OVER_SALE_LIMIT` is not asked about: that limit holds at the server, too.
"""

from typing import Protocol

import msgspec

from devices.core.accept import Genuine
from devices.core.declines import Why
from devices.core.evaluate import evaluate
from devices.core.funds import Pending
from devices.core.messages import Authorise, Authorised, Parameters
from devices.core.policy import Policy
from devices.core.quote import Tap
from devices.master.decide import Declined, Sale, Tapped, sold
from devices.master.till import Till
from devices.store.held import Held

JOURNAL_LEAST = 2
"""An older server neither answers nor reads what a record says of it."""
UNFUNDED = frozenset({Why.INSUFFICIENT, Why.OVER_AGED_LIMIT, Why.SNAPSHOT_TOO_OLD, Why.TOO_MANY_SALES})


class Authority(Protocol):
    """Who carries a question to the server."""

    def ready(self) -> bool:
        """Whether a question has a chance now: the line works as far as is known, and no question is under way."""
        ...

    def ask(self, question: Authorise) -> Authorised | None:
        """The answer, if it came in time and can be believed. A later one is never heard of again."""
        ...


class Nobody:
    """No server to ask."""

    def ready(self) -> bool:
        """Never."""
        return False

    def ask(self, _question: Authorise) -> Authorised | None:
        """No answer."""
        return None


class Asking(msgspec.Struct, frozen=True):
    """A presentation that waits for the server's word: the question, what the offline rules say, and all that the
    answer is evaluated with.
    """

    question: Authorise
    offline: Sale | Declined
    code: Genuine | Tapped
    till: Till
    tap: Tap
    policy: Policy
    held: Held
    name: str
    tap_ms: int


def wants(decided: Sale | Declined, *, parameters: Parameters, pending: Pending) -> bool:
    """Whether to ask before this is done.

    Not while the server lacks a sale of this person that is known here: it would offer the same money again.
    """
    if parameters.floor_minor is None or parameters.journal < JOURNAL_LEAST or pending.sales:
        return False
    if isinstance(decided, Declined):
        return decided.decline.why in UNFUNDED
    return decided.record.shown_minor > parameters.floor_minor


def settle(answer: Authorised | None, *, asking: Asking) -> Sale | Declined:
    """The sale or the decline that follows from the answer; without one, or with another than these rules give for the
    same person, what the offline rules said.
    """
    question, policy = asking.question, asking.policy
    if answer is None or answer.quote.policy != policy.number:
        return asking.offline
    if answer.quote.decline is not None:
        return Declined(answer.quote.decline, asking.name, answer.quote, policy, asking.held.catalogue)
    if answer.person.account_ref != asking.code.account_ref:
        return asking.offline
    quote = evaluate(policy=policy, person=answer.person, tap=asking.tap, basket=question.basket)
    if quote != answer.quote:
        return asking.offline
    return sold(
        question.evidence,
        code=asking.code,
        held=asking.held,
        name=asking.name,
        policy=policy,
        person=answer.person,
        tap=asking.tap,
        basket=question.basket,
        quote=quote,
        at_ms=question.at_ms,
        seq=question.seq,
        facts=question.facts,
        authorised=True,
    )
