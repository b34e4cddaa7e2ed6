"""What the environment may say, and what is said where it is wrong."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from ecard.settings.env import (
    database_settings,
    mail_settings,
    read_environment,
    read_environment_file,
    write_environment_file,
)

GOOD = {
    "DATABASE_URL": "postgresql://ecard_app:p%40ss@db.internal:5433/ecard?sslmode=require",
    "ECARD_SECRET_KEY": "long and random",
    "ECARD_KEY_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode(),
    "ECARD_REDIS_URL": "redis://127.0.0.1/0",
    "ECARD_PUBLIC_URL": "https://card.example.org/",
}


def test_a_whole_environment_is_read() -> None:
    environment = read_environment(GOOD)
    assert environment.institution == "EC"
    assert environment.public_url == "https://card.example.org"
    assert environment.allowed_hosts == ("card.example.org",)
    assert environment.key_encryption_key == bytes(32)
    assert not environment.debug


def test_secrets_are_not_shown_when_the_environment_is_printed() -> None:
    assert "long and random" not in repr(read_environment(GOOD))
    assert "p%40ss" not in repr(read_environment(GOOD))


@pytest.mark.parametrize("name", ["DATABASE_URL", "ECARD_SECRET_KEY", "ECARD_KEY_ENCRYPTION_KEY", "ECARD_REDIS_URL"])
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"Set {name} in the environment"):
        read_environment({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ECARD_KEY_ENCRYPTION_KEY", "not base64!"),
        ("ECARD_KEY_ENCRYPTION_KEY", base64.b64encode(bytes(31)).decode()),
        ("ECARD_INSTITUTION", "TOO"),
        ("ECARD_INSTITUTION", "e1"),
        ("DEBUG", "perhaps"),
        ("ECARD_AS_OWNER", "2"),
        ("ECARD_MAIL_URL", "mail.example.org"),
        ("ECARD_MAIL_URL", "http://mail.example.org"),
        ("ECARD_MAIL_URL", "smtp://mail.example.org:none"),
        ("ECARD_PUBLIC_URL", "https://[card.example.org"),
        ("ECARD_PROXIES", "-1"),
        ("ECARD_PROXIES", "one"),
        ("ECARD_PASSAGES_KEEP_DAYS", "0"),
        ("ECARD_PASSAGES_KEEP_DAYS", "a month"),
    ],
)
def test_a_malformed_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        read_environment({**GOOD, name: value})


def test_a_database_address_becomes_django_settings() -> None:
    read = database_settings(GOOD["DATABASE_URL"])
    assert (read["NAME"], read["USER"], read["PASSWORD"]) == ("ecard", "ecard_app", "p@ss")
    assert (read["HOST"], read["PORT"], read["OPTIONS"]) == ("db.internal", "5433", {"sslmode": "require"})


@pytest.mark.parametrize("url", ["sqlite:///db", "mysql://h/db", "postgresql://host", "postgresql://host/"])
def test_an_address_that_is_no_postgresql_database_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database_settings(url)


def test_a_mail_servers_address_becomes_django_settings() -> None:
    read = mail_settings("smtp+starttls://us%40er:p%40ss@mail.example.org")
    assert (read["EMAIL_HOST"], read["EMAIL_PORT"], read["EMAIL_USE_TLS"]) == ("mail.example.org", 587, True)
    assert (read["EMAIL_HOST_USER"], read["EMAIL_HOST_PASSWORD"]) == ("us@er", "p@ss")
    assert read_environment(GOOD).mail_from == "e-card@card.example.org"


def test_an_environment_file_is_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "demo" / "environment"
    write_environment_file(path, GOOD)
    assert read_environment_file(path) == GOOD
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_environment_file(tmp_path / "none") == {}


@pytest.mark.parametrize("password", ["secret/7", "se[cret7", "secret7?:x"])
def test_a_password_that_breaks_its_address_is_told_without_being_quoted(password: str) -> None:
    with pytest.raises(ImproperlyConfigured) as told:
        database_settings(f"postgresql://ecard_app:{password}@db.internal:5432/ecard")
    assert "DATABASE_URL" in str(told.value)
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None
