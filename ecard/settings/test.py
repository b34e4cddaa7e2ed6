"""Tests: a PostgreSQL of the session's own, whose address tests/conftest.py fills in."""

from __future__ import annotations

import os

from ecard.settings.base import *  # noqa: F403  (a settings module is its base plus differences)
from ecard.settings.base import from_environment
from ecard.settings.env import read_environment

DEFAULTS = {
    # Reaches nothing: type checks and makemigrations load these settings without an engine.
    "DATABASE_URL": "postgresql://ecard_app@/ecard?host=/nonexistent",
    "ECARD_SECRET_KEY": "only for tests, where nothing is secret",
    "ECARD_KEY_ENCRYPTION_KEY": "dGVzdHMgb25seTogdGhpcnR5LXR3byBieXRlcyBsb24=",
    # A broker inside the process, which nobody reads: a nudge never leaves the test.
    "ECARD_REDIS_URL": "memory://",
    "ECARD_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
}

globals().update(from_environment(read_environment(os.environ, defaults=DEFAULTS)))

# A real hash takes 0.2 s for each login, and tests make hundreds.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
