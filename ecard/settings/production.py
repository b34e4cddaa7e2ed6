"""Production: everything from the environment, https only."""

from __future__ import annotations

import os

from ecard.settings.base import *  # noqa: F403  (a settings module is its base plus differences)
from ecard.settings.base import from_environment
from ecard.settings.env import read_environment

globals().update(from_environment(read_environment(os.environ)))

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# Asking browsers to preload is the domain owner's decision and hard to take back.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
