"""The regular work is scheduled, all of it."""

from __future__ import annotations

from django.conf import settings

from ecard.celery import app

# Only ever called by another task or by a request.
ON_REQUEST: frozenset[str] = frozenset()


def test_every_task_is_scheduled_and_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if name.startswith("ecard.")}
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled == ours - ON_REQUEST


def test_committed_changes_are_numbered_about_once_a_second() -> None:
    entry = settings.CELERY_BEAT_SCHEDULE["number-committed"]
    assert entry["schedule"] <= 1.0
    assert entry["options"]["expires"] >= entry["schedule"]


def test_the_audit_begins_at_night_by_the_sites_clock() -> None:
    assert settings.CELERY_TIMEZONE == settings.TIME_ZONE
    assert settings.CELERY_BEAT_SCHEDULE["begin-audit"]["schedule"].hour == {3}
