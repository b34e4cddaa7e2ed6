"""The environment, read in one place.

Every variable the server understands is a field of `Environment`; nothing else in
the project reads `os.environ`. A missing or malformed variable ends the start with a
sentence that says what to set.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

KEY_ENCRYPTION_KEY_BYTES = 32
RUNTIME_ROLE_DEFAULT = "ecard_app"
PROXIES_MAX = 9
PASSAGES_KEEP_DAYS_DEFAULT, PASSAGES_KEEP_DAYS_MAX = 30, 3_650
MAIL_TIMEOUT_S = 10
MAIL_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Environment:
    """What the deployment decides.

    `database_url` is the runtime role's; `database_owner_url` the owner's, used only while
    `as_owner` is set (migrations). `key_encryption_key` is 32 raw bytes. `proxies` of our own stand between a client
    and us, each adding to X-Forwarded-For.
    """

    database_url: str = field(repr=False)
    database_owner_url: str = field(repr=False)
    as_owner: bool
    secret_key: str = field(repr=False)
    key_encryption_key: bytes = field(repr=False)
    redis_url: str = field(repr=False)
    mail_url: str = field(repr=False)
    mail_from: str
    allowed_hosts: tuple[str, ...]
    public_url: str
    institution: str
    runtime_role: str
    debug: bool
    proxies: int
    passages_keep_days: int
    static_root: Path | None


def read_environment(variables: Mapping[str, str], *, defaults: Mapping[str, str] | None = None) -> Environment:
    """Read and check every variable; `defaults` is what a settings module supplies itself.

    Raises ImproperlyConfigured naming the variable and what it should hold.
    """
    source = {**(defaults or {}), **variables}
    public_url = source.get("ECARD_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
    public_host = _address(public_url, name="ECARD_PUBLIC_URL").hostname
    database_url = _required(source, "DATABASE_URL", "postgresql://role:password@host:5432/database")
    return Environment(
        database_url=database_url,
        database_owner_url=source.get("DATABASE_OWNER_URL", ""),
        as_owner=_boolean(source, "ECARD_AS_OWNER"),
        secret_key=_required(source, "ECARD_SECRET_KEY", "a long random text, kept secret"),
        key_encryption_key=_key_encryption_key(source),
        redis_url=_required(source, "ECARD_REDIS_URL", "redis://:password@host:6379/0"),
        mail_url=_mail_url(source),
        mail_from=source.get("ECARD_MAIL_FROM") or f"e-card@{public_host or 'localhost'}",
        allowed_hosts=_allowed_hosts(source, public_host),
        public_url=public_url,
        institution=_institution(source),
        runtime_role=source.get("ECARD_RUNTIME_ROLE") or RUNTIME_ROLE_DEFAULT,
        debug=_boolean(source, "DEBUG"),
        proxies=_proxies(source),
        passages_keep_days=_passages_keep_days(source),
        static_root=Path(source["ECARD_STATIC_ROOT"]) if source.get("ECARD_STATIC_ROOT") else None,
    )


def database_settings(url: str, *, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Django's DATABASES entry for a postgresql:// address.

    A private socket is written `postgresql://role:password@/database?host=/folder`.
    """
    parts = _address(url, name=name)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ImproperlyConfigured(f"{name} must start with postgresql:// (PostgreSQL is the only engine).")
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise ImproperlyConfigured(f"{name} names no database: postgresql://role:password@host:5432/database")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or unquote(parts.hostname or "")
    port = options.pop("port", None) or (str(parts.port) if parts.port else "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": port,
        "OPTIONS": options,
    }


def mail_settings(url: str) -> dict[str, Any]:
    """Django's EMAIL_ settings for smtp://, smtp+starttls:// or smtps:// with user:password@host:port."""
    parts = _address(url, name="ECARD_MAIL_URL")
    return {
        "EMAIL_HOST": parts.hostname or "",
        "EMAIL_PORT": parts.port or MAIL_SCHEMES[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+starttls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_TIMEOUT": MAIL_TIMEOUT_S,
    }


def _address(url: str, *, name: str) -> SplitResult:
    """The parts of an address. What is wrong with it is not quoted: that would be a piece of the password."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        raise ImproperlyConfigured(
            f"{name} is no address: scheme://role:password@host:port, where / : @ # ? [ ] % and spaces in a password "
            "are written as %2F and the like."
        ) from None
    return parts


def _required(source: Mapping[str, str], name: str, shape: str) -> str:
    value = source.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"Set {name} in the environment: {shape}.")
    return value


def _boolean(source: Mapping[str, str], name: str) -> bool:
    word = source.get(name, "").strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {word!r}.")


def _key_encryption_key(source: Mapping[str, str]) -> bytes:
    name = "ECARD_KEY_ENCRYPTION_KEY"
    shape = f"{KEY_ENCRYPTION_KEY_BYTES} random bytes in base64; it encrypts the signing keys at rest"
    text = _required(source, name, shape)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured(f"{name} is not base64: {shape}.") from None
    if len(key) != KEY_ENCRYPTION_KEY_BYTES:
        raise ImproperlyConfigured(f"{name} holds {len(key)} bytes: {shape}.")
    return key


def _allowed_hosts(source: Mapping[str, str], public_host: str | None) -> tuple[str, ...]:
    named = tuple(host.strip() for host in source.get("ECARD_ALLOWED_HOSTS", "").split(",") if host.strip())
    return named or ((public_host,) if public_host else ())


def _mail_url(source: Mapping[str, str]) -> str:
    url = source.get("ECARD_MAIL_URL") or "smtp://127.0.0.1:25"
    parts = _address(url, name="ECARD_MAIL_URL")
    if parts.scheme not in MAIL_SCHEMES or not parts.hostname:
        raise ImproperlyConfigured(f"ECARD_MAIL_URL starts with one of {', '.join(MAIL_SCHEMES)}, then ://host:port.")
    return url


def _passages_keep_days(source: Mapping[str, str]) -> int:
    text = source.get("ECARD_PASSAGES_KEEP_DAYS") or str(PASSAGES_KEEP_DAYS_DEFAULT)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= PASSAGES_KEEP_DAYS_MAX):
        raise ImproperlyConfigured(
            "ECARD_PASSAGES_KEEP_DAYS must be for how many days it is known who passed a gate, "
            f"1 to {PASSAGES_KEEP_DAYS_MAX}."
        )
    return int(text)


def _proxies(source: Mapping[str, str]) -> int:
    text = source.get("ECARD_PROXIES") or "0"
    if not text.isascii() or not text.isdigit() or int(text) > PROXIES_MAX:
        raise ImproperlyConfigured(
            f"ECARD_PROXIES must be how many proxies stand before the server, 0 to {PROXIES_MAX}."
        )
    return int(text)


def _institution(source: Mapping[str, str]) -> str:
    code = source.get("ECARD_INSTITUTION") or "EC"
    if len(code) != 2 or not code.isascii() or not code.isalnum() or code != code.upper():
        raise ImproperlyConfigured("ECARD_INSTITUTION must be two characters of A-Z and 0-9.")
    return code


def read_environment_file(path: Path) -> dict[str, str]:
    """NAME=value lines of a file, or nothing where there is no file."""
    if not path.is_file():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name.strip(): value for name, value in pairs}


def write_environment_file(path: Path, variables: Mapping[str, str]) -> None:
    """Write NAME=value lines that only this user may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if any("\n" in value for value in variables.values()):
        raise ValueError("an environment value may not hold a line break")
    text = "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    fresh.replace(path)
