"""The server as ASGI: `granian --interface asginl ecard.asgi:application`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecard.settings.production")

application = get_asgi_application()
