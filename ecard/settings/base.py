"""What every installation shares. demo, test and production hold only the differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django_stubs_ext
from celery.schedules import crontab
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ecard.settings.admin_site import UNFOLD as UNFOLD
from ecard.settings.env import Environment, database_settings, mail_settings

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parents[2]

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "ecard.changes",
    "ecard.approvals",
    "ecard.ledger",
    "ecard.cardholders",
    "ecard.merchants",
    "ecard.benefits",
    "ecard.codes",
    "ecard.media",
    "ecard.terminals",
    "ecard.payments",
    "ecard.settlement",
    "ecard.portal",
    "ecard.imports",
    "ecard.history",
    "ecard.office",
    "ecard.demo",
]

MIDDLEWARE = [
    "ecard.headers.ClientAddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "ecard.headers.BrowserPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ecard.history.middleware.WhoMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ecard.urls"
WSGI_APPLICATION = "ecard.wsgi.application"
ASGI_APPLICATION = "ecard.asgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Sign-in. axes counts failures per login name and address together, so that one person
# guessing cannot lock a whole dormitory out behind one address.
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS: list[str | list[str]] = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "ecard.office.lockout.locked_out"
AXES_ENABLE_ADMIN = False  # ecard.office registers its own
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "portal:sign-in"
LOGIN_REDIRECT_URL = "/"

# Language and time: UTC in storage, the site's zone for meal periods and the business date.
LANGUAGE_CODE = "en"
LANGUAGES: list[tuple[str, str | Promise]] = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "ecard" / "locale"]
FORMAT_MODULE_PATH = "ecard.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

# Static files: the npm build writes build/static; the design tokens are shared with terminals.
STATIC_URL = "static/"
BUILT_STATIC = BASE_DIR / "build" / "static"
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [
    *([BUILT_STATIC] if BUILT_STATIC.is_dir() else []),
    *([("design", BASE_DIR / "devices" / "design")] if (BASE_DIR / "devices" / "design").is_dir() else []),
]
STATIC_ROOT: Path | None = BASE_DIR / "build" / "collected"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Browser-side protection; production adds what needs https.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ecard.parsers.BoundedJSONParser"],
    # ClientAddressMiddleware has found the address; nothing else reads what a client says of itself.
    "NUM_PROXIES": 0,
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.LimitOffsetPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "e-card",
    "DESCRIPTION": "What cardholders' pages, other hosts of the code, and terminals call.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ecard.office.schema.add_summaries",
    ],
    "TAGS": [
        {"name": "cardholder", "description": "What a cardholder's page, or another host of the code, calls."},
        {"name": "terminal", "description": "What an enrolled terminal calls, each request signed by its device key."},
    ],
}


# Celery is a nudge only: what is due stands in PostgreSQL, so a lost message loses nothing.
def _every(seconds: float, task: str) -> dict[str, Any]:
    """A nudge that nobody took in time is dropped: a worker that comes back finds no heap of them."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(2 * seconds, 10.0)}}


CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "settle": _every(5.0, "ecard.settlement.tasks.settle"),
    "lapse-authorised": _every(15.0, "ecard.settlement.tasks.lapse_authorised"),
    "forget-authorised": _every(3_600.0, "ecard.settlement.tasks.forget_authorised"),
    "forget-who-passed": _every(3_600.0, "ecard.settlement.tasks.forget_who_passed"),
    "rehearse": _every(15.0, "ecard.settlement.tasks.rehearse"),
    "audit-sample": _every(300.0, "ecard.settlement.tasks.audit_sample"),
    "note-over-limits": _every(3_600.0, "ecard.settlement.tasks.note_over_limits"),
    "number-committed": _every(1.0, "ecard.changes.tasks.number_committed"),
    "prune-changes": _every(3_600.0, "ecard.changes.tasks.prune"),
    "fold-deltas": _every(60.0, "ecard.ledger.tasks.fold_deltas"),
    "lapse-holds": _every(60.0, "ecard.ledger.tasks.lapse_holds"),
    "continue-runs": _every(20.0, "ecard.benefits.tasks.continue_runs"),
    "run-due": _every(600.0, "ecard.benefits.tasks.run_due"),
    "expire-grants": _every(3_600.0, "ecard.benefits.tasks.expire_grants"),
    "count-sponsor-days": _every(3_600.0, "ecard.benefits.tasks.count_sponsor_days"),
    "forget-issues": _every(3_600.0, "ecard.codes.tasks.forget_issues"),
    "forget-imports": _every(3_600.0, "ecard.imports.tasks.forget_imports"),
    "begin-audit": {"task": "ecard.office.tasks.begin_audit", "schedule": crontab(hour="3", minute="17")},
    "continue-audit": _every(60.0, "ecard.office.tasks.continue_audit"),
}
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_ALWAYS_EAGER = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that is away must not hold up an upload: it has one second to take a nudge.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_connect_timeout": 1.0}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"ecard": {"level": "INFO"}},
}


def from_environment(environment: Environment) -> dict[str, Any]:
    """The settings that follow from the environment, for `globals().update(...)`.

    The connection is the runtime role's, which may not change the schema nor edit the ledger;
    only with `ECARD_AS_OWNER=1` (manage.py sets it for `migrate`) is it the owner's.
    """
    url, name = environment.database_url, "DATABASE_URL"
    if environment.as_owner and environment.database_owner_url:
        url, name = environment.database_owner_url, "DATABASE_OWNER_URL"
    return {
        "SECRET_KEY": environment.secret_key,
        "DEBUG": environment.debug,
        "ALLOWED_HOSTS": list(environment.allowed_hosts),
        "CSRF_TRUSTED_ORIGINS": [environment.public_url],
        "DATABASES": {"default": {**database_settings(url, name=name), "CONN_MAX_AGE": 60}},
        "CELERY_BROKER_URL": environment.redis_url,
        **mail_settings(environment.mail_url),
        "DEFAULT_FROM_EMAIL": environment.mail_from,
        "ECARD_KEY_ENCRYPTION_KEY": environment.key_encryption_key,
        "ECARD_PUBLIC_URL": environment.public_url,
        "ECARD_INSTITUTION": environment.institution,
        "ECARD_PROXIES": environment.proxies,
        "ECARD_PASSAGES_KEEP_DAYS": environment.passages_keep_days,
        "ECARD_RUNTIME_ROLE": environment.runtime_role,
        **({"STATIC_ROOT": environment.static_root} if environment.static_root else {}),
    }
