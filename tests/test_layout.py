"""Rules of the layout that import-linter cannot say."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEDGER_WORDS = frozenset({"AccountKind", "CauseKind", "HoldState", "TransferKind"})
# Models declare foreign keys to accounts and admin links to their pages; neither asks the tables
# anything: everything else goes through operations and queries.
NAMING_FILES = ("models.py", "admin.py")
LEDGER_TABLES = frozenset({"Account", "Hold", "Transfer"})
READS_THE_ENVIRONMENT = frozenset(
    {"settings/env.py", "settings/demo.py", "settings/production.py", "settings/test.py", "embedded/__main__.py"}
)
SETS_THE_SETTINGS_MODULE = frozenset({"asgi.py", "celery.py", "wsgi.py", "demo/__main__.py"})
# The offline root's passphrase is no setting: the server never has it.
OFFLINE_TOOLS = frozenset({"codes/offline.py"})
MAX_LINES = 400


def _sources(folder: str) -> Iterator[tuple[str, str, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield path.relative_to(ROOT / folder).as_posix(), text, ast.parse(text)


def test_only_the_ledger_touches_ledger_tables() -> None:
    broken = []
    for name, _text, tree in _sources("ecard"):
        if name.startswith("ledger/"):
            continue
        may_name = name.endswith(NAMING_FILES) or "/models/" in name or "/admin/" in name
        allowed = LEDGER_WORDS | (LEDGER_TABLES if may_name else frozenset())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "ecard.ledger.models":
                broken += [f"{name}: {alias.name}" for alias in node.names if alias.name not in allowed]
            if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager"}:
                owner = node.value.id if isinstance(node.value, ast.Name) else ""
                broken += [f"{name}: {owner}.{node.attr}"] if owner in LEDGER_TABLES else []
            if isinstance(node, ast.Import):
                broken += [f"{name}: {alias.name}" for alias in node.names if alias.name == "ecard.ledger.models"]
    assert not broken


def test_the_environment_is_read_in_one_place() -> None:
    readers = {name for name, text, _tree in _sources("ecard") if "os.environ" in text or "os.getenv" in text}
    assert readers - READS_THE_ENVIRONMENT - SETS_THE_SETTINGS_MODULE - OFFLINE_TOOLS == set()


def test_no_file_outgrows_a_sitting() -> None:
    long = {
        f"{folder}/{name}": text.count("\n")
        for folder in ("ecard", "devices", "firmware_sim", "tests")
        for name, text, _tree in _sources(folder)
        if text.count("\n") > MAX_LINES and "/migrations/" not in name
    }
    assert not long
