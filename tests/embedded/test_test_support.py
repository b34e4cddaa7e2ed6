"""What tests stand on: the site and browser fixtures, and tables filled from what migrations once made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from ecard.embedded import DatabaseAddresses, EmbeddedPostgres
from tests.support import schema
from tests.support.database import read_first_state

SWEEP = "from tests.support import leftovers; leftovers.sweep('ecard-swept-')"

MADE = (
    "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public'",
    "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants",
    "SELECT grantee, object_name, privilege_type FROM information_schema.role_usage_grants",
    "SELECT defaclrole::regrole::text, defaclobjtype::text, defaclacl::text FROM pg_default_acl",
    "SELECT nspacl::text FROM pg_namespace WHERE nspname = 'public'",
    "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "SELECT conrelid::regclass::text, conname, contype::text, convalidated FROM pg_constraint",
    "SELECT tablename, indexname FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT relname, relkind::text, reloptions::text FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    "SELECT app, name FROM django_migrations",
)
"""What a database is made of, beside its rows."""


def _made(superuser_url: str) -> list[list[str]]:
    with psycopg.connect(superuser_url) as session:
        return [sorted(map(str, session.execute(question).fetchall())) for question in MADE]


def test_a_database_filled_from_what_was_kept_has_the_same_rows_rights_and_guards(
    postgres: EmbeddedPostgres, database_addresses: DatabaseAddresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "KEPT", tmp_path)
    schema._keep(database_addresses)
    again = postgres.create_database("test_again")
    assert schema.load(again)
    assert _made(again.superuser_url) == _made(database_addresses.superuser_url)
    assert read_first_state(again.superuser_url) == read_first_state(database_addresses.superuser_url)


def test_a_page_of_the_site_opens_in_the_browser(site: str, browser: Browser) -> None:
    page = browser.new_page()
    answer = page.goto(f"{site}/admin/login/")
    assert answer is not None
    assert answer.status == 200
    assert page.locator("input[name=username]").is_visible()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    page.close()


def test_workers_that_sweep_at_once_do_not_trip_over_each_other(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for number in range(20):
        for part in range(20):
            folder = tmp_path / f"ecard-swept-{ended.pid}-{number}" / f"terminal-{part}"
            folder.mkdir(parents=True)
            for name in range(20):
                (folder / f"{name}").touch()
    mine = tmp_path / f"ecard-swept-{os.getpid()}-mine"
    mine.mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    workers = [
        subprocess.Popen([sys.executable, "-c", SWEEP], env=environment, stderr=subprocess.PIPE) for _ in range(3)
    ]
    for worker in workers:
        told = worker.communicate(timeout=60)[1]
        assert worker.returncode == 0, told.decode()
    assert [each.name for each in tmp_path.glob("ecard-swept-*-*") if each.is_dir()] == [mine.name]
