"""One plain sentence of a rule, in either language."""

from __future__ import annotations

from django.utils.translation import get_language, override

from ecard.benefits.compiler import (
    block_of,
    entitlement_of,
    limit_of,
    names_around,
    price_rule,
    programme_of,
    terms_of,
)
from ecard.benefits.models import Block, Entitlement, PriceRule, Programme, SpendLimit
from ecard.benefits.sentences import (
    block_sentence,
    entitlement_sentence,
    limit_sentence,
    preview_sentence,
    price_sentence,
)


def sentence_in(rule: Programme | Entitlement | PriceRule | SpendLimit | Block, *, language: str | None = None) -> str:
    """What the rule does; without a language in the reader's."""
    with override(language or get_language()):
        around = names_around(rule)
        if isinstance(rule, Programme):
            return preview_sentence(programme_of(rule), terms_of(rule), around)
        if isinstance(rule, Entitlement):
            return entitlement_sentence(entitlement_of(rule), around)
        if isinstance(rule, PriceRule):
            return price_sentence(price_rule(rule), around)
        if isinstance(rule, SpendLimit):
            return limit_sentence(limit_of(rule), around)
        return block_sentence(block_of(rule), around)
