"""Settings every environment shares; each value that differs between places is read here.

`deploy/env.example` lists every variable. A value that would break a promise stops the boot
through a system check (`sartiq.core.checks`, `media.checks`).
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from corsheaders.defaults import default_headers

from sartiq.core.temporary_files import UploadFolder

from .staff import UNFOLD  # noqa: F401  a setting

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent.parent

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=[])
ENVIRONMENT_NAME = env.str("ENVIRONMENT_NAME", default="production")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "axes",
    "django_celery_beat",
    "sartiq.core",
    "accounts",
    "media",
    "exports",
    "catalog",
    "bulkupload",
]

MIDDLEWARE = [
    "sartiq.core.middleware.AccessLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "sartiq.core.middleware.HonestOutageMiddleware",
    # REST requests go past these in one step, because they stand in a row.
    "sartiq.core.pages.PageReferrerMiddleware",
    "sartiq.core.pages.PageStaticMiddleware",
    "sartiq.core.pages.PagePolicyMiddleware",
    "sartiq.core.pages.PageSessionMiddleware",
    "sartiq.core.pages.PageAuthenticationMiddleware",
    "sartiq.core.pages.PageMessageMiddleware",
    "sartiq.core.middleware.EitherSlashMiddleware",
]

ROOT_URLCONF = "sartiq.urls"
WSGI_APPLICATION = "sartiq.wsgi.application"
APPEND_SLASH = False  # `EitherSlashMiddleware` answers both spellings without a redirect

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "sartiq" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- Database -------------------------------------------------------------------------------
# Imports give a statement of theirs up to five times as long when it was cut off.
DATABASE_STATEMENT_SECONDS = env.int("DATABASE_STATEMENT_SECONDS", default=10)
DATABASES: dict[str, Any] = {"default": env.db_url("DATABASE_URL", default="postgres:///sartiq")}
DATABASES["default"] |= {
    "ENGINE": "sartiq.core.postgresql",
    "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {
        "connect_timeout": 2,
        # The server binds statements and keeps the plan of those run this often; 0 keeps none, as
        # a transaction pooler in front needs it.
        "server_side_binding": True,
        "prepare_threshold": env.int("DATABASE_PREPARE_THRESHOLD", default=5) or None,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # ms
        # No request or task may hold the database for long; none runs long enough for the planner
        # to compile it, which would take longer than the statement.
        "options": f"-c statement_timeout={DATABASE_STATEMENT_SECONDS}s -c lock_timeout=3s"
        " -c idle_in_transaction_session_timeout=15s -c timezone=UTC -c jit=off",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Who is calling -------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", default=10)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "accounts.lockout.username_of"  # one count for all spellings
AXES_LOCKOUT_CALLABLE = "accounts.lockout.answer"
AXES_RESET_ON_SUCCESS = True
AXES_IPWARE_PROXY_COUNT = env.int("PROXY_COUNT", default=0)
AXES_DISABLE_ACCESS_LOG = True
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=3600),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "ALGORITHM": "HS256",
    "AUDIENCE": "sartiq-files",  # a token made for another service is refused
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "sub",
}

# --- REST -----------------------------------------------------------------------------------
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["sartiq.core.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "sartiq.core.pagination.SkipLimitPagination",
    "DEFAULT_SCHEMA_CLASS": "sartiq.core.schema.SartiqAutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "sartiq.core.negotiation.JSONAlways",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is 405: the schema describes the routes
    "EXCEPTION_HANDLER": "sartiq.core.exception_handler.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "DATETIME_FORMAT": "iso-8601",
    "COMPACT_JSON": True,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Sartiq Backend Server - Files",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["sartiq.core.schema.keep_canonical_paths"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sartiq.core.schema.finish",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "MetadataAdapter": "exports.api.serializers.adapter_choices",
        "ImageFormat": "exports.api.serializers.format_choices",
        "StatusEnum": "media.api.serializers._LOWER",
        "BulkUploadStatusEnum": "bulkupload.api.serializers.STATUSES",
        "ExportStatusEnum": "exports.api.run_serializers.STATUSES",
        "ProductFieldEnum": "bulkupload.rules.columns.FIELDS",
    },
    "SORT_OPERATION_PARAMETERS": True,
}
# Each process has a folder of its own in it (docs/design/temporary-files.md).
TEMPORARY_DIR = env.str("TEMPORARY_DIR", default="") or tempfile.gettempdir()
FILE_UPLOAD_TEMP_DIR = UploadFolder()
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", default=[])
# What a browser sends with a PUT to the local store, and with a request it may repeat.
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-amz-checksum-sha256",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "Retry-After",
    "X-Request-ID",
]

# --- Object storage (design: media) -----------------------------------------------------------
STORAGE = env.str("STORAGE", default="s3")
S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", default="")
S3_PUBLIC_ENDPOINT_URL = env.str("S3_PUBLIC_ENDPOINT_URL", default=S3_ENDPOINT_URL)
S3_ACCESS_KEY_ID = env.str("S3_ACCESS_KEY_ID", default="")
S3_SECRET_ACCESS_KEY = env.str("S3_SECRET_ACCESS_KEY", default="")
S3_REGION = env.str("S3_REGION", default="auto")
S3_POOL_SIZE = env.int("S3_POOL_SIZE", default=32)  # connections one process keeps
R2_BUCKET_NAME = env.str("R2_BUCKET_NAME", default="sartiq-media")
R2_PRIVATE_BUCKET_NAME = env.str("R2_PRIVATE_BUCKET_NAME", default="sartiq-private")
LOCAL_STORE_DIR = Path(env.str("LOCAL_STORE_DIR", default=str(BASE_DIR / ".devstack" / "store")))
PUBLIC_BASE_URL = env.str("PUBLIC_BASE_URL", default="http://127.0.0.1:8000")  # of this service
_public_default = (
    f"{PUBLIC_BASE_URL}/local-store"
    if STORAGE == "local"
    else f"{S3_PUBLIC_ENDPOINT_URL}/{R2_BUCKET_NAME}"
)
R2_PUBLIC_URL = env.str("R2_PUBLIC_URL", default=_public_default).rstrip("/")
CDN_URL = env.str("CDN_URL", default=R2_PUBLIC_URL).rstrip("/")
CLOUDFLARE_IMAGE_TRANSFORMATIONS = env.bool("CLOUDFLARE_IMAGE_TRANSFORMATIONS", default=False)
UPLOADS_WRITE_ONCE = env.bool("UPLOADS_WRITE_ONCE", default=False)
STORAGES = {
    "default": {"BACKEND": "media.storage.django_backend.PrivateStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"

# --- Background work ----------------------------------------------------------------------------
BROKER_URL = env.str("BROKER_URL", default="redis://127.0.0.1:6379/0")
BROKER_SOCKET_TIMEOUT = env.float("BROKER_SOCKET_TIMEOUT", default=5.0)  # seconds
# A request waits no longer than this for the broker: the waiting row is the work anyway.
PUBLISH_TIMEOUT = env.float("PUBLISH_TIMEOUT", default=1.0)  # seconds
TASK_TIME_LIMIT = env.int("TASK_TIME_LIMIT", default=300)
# Packing reads every file of an export again; it may take longer than any other task.
ASSEMBLY_TIME_LIMIT = env.int("ASSEMBLY_TIME_LIMIT", default=840)
VISIBILITY_TIMEOUT = env.int("VISIBILITY_TIMEOUT", default=900)
UNACKED_RESTORE_INTERVAL = env.int("UNACKED_RESTORE_INTERVAL", default=5)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=30)
RECOVERY_INTERVAL_SECONDS = env.int("RECOVERY_INTERVAL_SECONDS", default=10)
RESEND_AFTER_SECONDS = env.int("RESEND_AFTER_SECONDS", default=15)
BULK_CHUNK_ROWS = env.int("BULK_CHUNK_ROWS", default=5000)  # rows of one transaction
BULK_REMOTE_IMAGES = env.bool("BULK_REMOTE_IMAGES", default=False)  # fetch pictures from anywhere
BULK_REMOTE_AT_ONCE = env.int("BULK_REMOTE_AT_ONCE", default=1)  # by all workers together
DECODE_WALL_SECONDS = env.int("DECODE_WALL_SECONDS", default=20)
DECODE_CPU_SECONDS = env.int("DECODE_CPU_SECONDS", default=10)

# --- Time, language, logs ---------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "sartiq.core.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # The access log says it already, by route and without the path's secrets.
    "loggers": {"django.request": {"level": "ERROR"}, "django": {"handlers": [], "level": "INFO"}},
}

# --- Browser-facing security ------------------------------------------------------------------
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
_CSP_SELF = ["'self'"]
CONTENT_SECURITY_POLICY = {
    # Unfold's Alpine needs 'unsafe-eval'; the admin path has none.
    "EXCLUDE_URL_PREFIXES": ["/admin"],
    "DIRECTIVES": {
        "default-src": _CSP_SELF,
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "worker-src": ["'self'", "blob:"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    },
}
