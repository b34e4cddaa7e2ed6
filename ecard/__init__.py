"""The e-card's server: one Django app per business capability."""

from ecard.celery import app as celery_app

__all__ = ["celery_app"]
