"""The Celery application: `celery -A ecard worker`, `celery -A ecard beat`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecard.settings.production")

app = Celery("ecard")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
