"""Whether anything names a record: what is named somewhere is not taken back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import ManyToManyField, ManyToManyRel, Model

HISTORY = "Historical"


def referred(model: type[Model], keys: Collection[Any]) -> dict[Any, str]:
    """Those of the keys that another record names, each with the kind of record (its plural name, as a label)."""
    found: dict[Any, str] = {}
    for relation in model._meta.get_fields(include_hidden=True):
        if not relation.auto_created or relation.concrete or not relation.is_relation:
            continue
        related: Any = relation.related_model
        if related is None or related.__name__.startswith(HISTORY):
            continue
        # A many-to-many relation is seen through its own table, which has a foreign key too.
        if isinstance(relation, ManyToManyRel) or isinstance(relation.remote_field, ManyToManyField):
            continue
        own: Any = relation.remote_field
        column = own.attname
        rows = related._base_manager.filter(**{f"{column}__in": list(keys)})
        owner = related._meta.auto_created or related
        for key in rows.values_list(column, flat=True).distinct():
            found.setdefault(key, owner._meta.label)
    return found
