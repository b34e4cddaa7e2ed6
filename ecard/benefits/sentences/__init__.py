"""Rules in plain sentences, in the reader's language: for whoever edits, checks and publishes them."""

from ecard.benefits.sentences.checks import finding_sentence, overlap_sentence, problem_sentence
from ecard.benefits.sentences.difference import Change, Difference, difference, policy_sentences
from ecard.benefits.sentences.names import Names
from ecard.benefits.sentences.programmes import programme_sentence, subsidy_terms, voucher_terms
from ecard.benefits.sentences.rules import (
    block_sentence,
    entitlement_sentence,
    guard_sentence,
    limit_sentence,
    price_sentence,
    settings_sentence,
)
from ecard.benefits.sentences.steps import age_text, step_sentence
from ecard.benefits.sentences.terms import Terms, preview_sentence

__all__ = [
    "Change",
    "Difference",
    "Names",
    "Terms",
    "age_text",
    "block_sentence",
    "difference",
    "entitlement_sentence",
    "finding_sentence",
    "guard_sentence",
    "limit_sentence",
    "overlap_sentence",
    "policy_sentences",
    "preview_sentence",
    "price_sentence",
    "problem_sentence",
    "programme_sentence",
    "settings_sentence",
    "step_sentence",
    "subsidy_terms",
    "voucher_terms",
]
