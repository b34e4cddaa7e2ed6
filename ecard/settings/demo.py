"""The demo: its addresses and secrets are written by `python -m ecard.demo` into one file.

While that file exists, `python manage.py ...` reaches the demo's database without more ado.
"""

from __future__ import annotations

import os

from ecard.settings.base import *  # noqa: F403  (a settings module is its base plus differences)
from ecard.settings.base import BASE_DIR, from_environment
from ecard.settings.env import read_environment, read_environment_file

ENVIRONMENT_FILE = BASE_DIR / "var" / "demo" / "environment"

globals().update(from_environment(read_environment(os.environ, defaults=read_environment_file(ENVIRONMENT_FILE))))

# Notices lie as files beside the demo's other data: there is no mail server.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = BASE_DIR / "var" / "demo" / "mail"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Serve straight from the apps and the build: the demo needs no collectstatic.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
