"""Pure checks of a compiled policy: what forbids publishing it, and what its administrator should know first."""

from ecard.benefits.rules.findings import Facts, GroupFacts, ProgrammeFacts, findings
from ecard.benefits.rules.overlap import Because, Overlap, overlaps
from ecard.benefits.rules.problems import Known, Problem, ProblemCode, impossible, problems, whole_second
from ecard.benefits.rules.values import Finding, FindingCode, Ref, ref_of

__all__ = [
    "Because",
    "Facts",
    "Finding",
    "FindingCode",
    "GroupFacts",
    "Known",
    "Overlap",
    "Problem",
    "ProblemCode",
    "ProgrammeFacts",
    "Ref",
    "findings",
    "impossible",
    "overlaps",
    "problems",
    "ref_of",
    "whole_second",
]
