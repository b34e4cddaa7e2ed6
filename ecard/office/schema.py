"""Additions to the API's schema."""

from __future__ import annotations

from typing import Any

SUMMARY_LENGTH_MAX = 120


def add_summaries(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """Give each operation the first sentence of its description as a summary, which lists show beside the path."""
    for operations in result["paths"].values():
        for operation in operations.values():
            if isinstance(operation, dict) and operation.get("description") and not operation.get("summary"):
                first = " ".join(operation["description"].split()).split(". ")[0]
                operation["summary"] = first.rstrip(".")[:SUMMARY_LENGTH_MAX]
    return result
