"""Rows of the protocol's table of fields, told from the structures themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType

import msgspec
from msgspec import NODEFAULT, Struct

from devices.core import accept, catalogue, declines, funds, keys, messages, policy, quote, status

MODULES: tuple[ModuleType, ...] = (messages, keys, accept, status, catalogue, funds, quote, declines, policy)
IN_MEMORY = frozenset({accept.Trust, accept.Genuine, funds.Pending})
"""Never written or sent."""


def structures() -> Iterator[type[Struct]]:
    """Whatever is written or sent beside the journal's records, module by module, in the order of the code."""
    for module in MODULES:
        for each in vars(module).values():
            own = inspect.isclass(each) and issubclass(each, Struct) and each.__module__ == module.__name__
            if own and each not in IN_MEMORY:
                yield each


def row(structure: type[Struct]) -> str:
    """Its line of the table: name, whether an array or an object, and each field with what it is when left out."""
    form = "array" if structure.__struct_config__.array_like else "object"
    told = ", ".join(_field(each) for each in msgspec.structs.fields(structure))
    return f"| `{structure.__name__}` | {form} | {told} |"


def _field(field: msgspec.structs.FieldInfo) -> str:
    default = field.default if field.default_factory is NODEFAULT else field.default_factory()
    return f"`{field.name}`" if default is NODEFAULT else f"`{field.name}` {msgspec.json.encode(default).decode()}"
