"""Why a change to benefits or a publication is refused. Nothing was written."""

from __future__ import annotations

from ecard.benefits.rules import Problem


class BenefitError(Exception):
    """The family."""


class BadGrant(BenefitError):
    """The administrator gave an amount, an expiry or a period that no grant can have; `args[0]` says which."""


class PolicyRefused(BenefitError):
    """The administrator's rules do not make a policy; `problems` says why, each for a person to read."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.code} {problem.rule} {problem.named}" for problem in problems))
        self.problems = problems


class UnknownPolicy(BenefitError):
    """A number under which no policy was published: the record naming it is at fault."""
