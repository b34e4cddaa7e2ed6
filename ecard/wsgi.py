"""The server as WSGI: `granian --interface wsgi ecard.wsgi:application`."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecard.settings.production")

application = get_wsgi_application()
