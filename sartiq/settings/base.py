"""Settings every environment shares; what differs between places comes from `environment`.

A value that would break a promise stops the boot: there, or through a system check
(`sartiq.core.checks`, `media.checks`).
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from corsheaders.defaults import default_headers

from sartiq.core.api.schema import texts
from sartiq.core.temporary_files import UploadFolder

from .environment import loaded
from .staff import UNFOLD  # noqa: F401  a setting
from .values import database_settings

env = loaded()
BASE_DIR: Path = Path(__file__).resolve().parent.parent.parent

DEBUG = False
SECRET_KEY = env.SECRET_KEY
ALLOWED_HOSTS = env.ALLOWED_HOSTS
ENVIRONMENT_NAME = env.ENVIRONMENT_NAME

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # without its own site: ours is below
    "unfold.contrib.filters",
    "sartiq.core.apps.StaffAdminConfig",  # django.contrib.admin with our site
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
    "sartiq.core",
    "accounts",
    "media",
    "exports",
    "catalog",
    "bulkupload",
]

MIDDLEWARE = [
    "sartiq.core.http.middleware.AccessLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "sartiq.core.http.middleware.PlainBodyMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "sartiq.core.http.middleware.HonestOutageMiddleware",
    # REST requests go past these in one step, because they stand in a row.
    "sartiq.core.http.page_middleware.PageReferrerMiddleware",
    "sartiq.core.http.page_middleware.PageStaticMiddleware",
    "sartiq.core.http.page_middleware.PagePolicyMiddleware",
    "sartiq.core.http.page_middleware.PageSessionMiddleware",
    "sartiq.core.http.page_middleware.PageAuthenticationMiddleware",
    "sartiq.core.http.page_middleware.PageMessageMiddleware",
    "sartiq.core.http.middleware.EitherSlashMiddleware",
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
DATABASE_STATEMENT_SECONDS = env.DATABASE_STATEMENT_SECONDS
DATABASES: dict[str, Any] = {"default": database_settings(env.DATABASE_URL)}
DATABASES["default"] |= {
    "ENGINE": "sartiq.core.postgresql",
    "CONN_MAX_AGE": env.CONN_MAX_AGE,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": DATABASES["default"]["OPTIONS"]
    | {
        "connect_timeout": 2,
        # The server binds statements and keeps the plan of those run this often; 0 keeps none, as
        # a transaction pooler in front needs it.
        "server_side_binding": True,
        "prepare_threshold": env.DATABASE_PREPARE_THRESHOLD or None,
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
LOGIN_REDIRECT_URL = "admin:index"  # of a sign-in page that was opened by its own address
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = env.LOGIN_FAILURE_LIMIT
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = "accounts.lockout.username_of"  # one count for all spellings
AXES_LOCKOUT_CALLABLE = "accounts.lockout.answer"
AXES_RESET_ON_SUCCESS = True
AXES_IPWARE_PROXY_COUNT = env.PROXY_COUNT
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
    "DEFAULT_PARSER_CLASSES": ["sartiq.core.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "sartiq.core.api.pagination.SkipLimitPagination",
    "DEFAULT_SCHEMA_CLASS": "sartiq.core.api.schema.document.SartiqAutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "sartiq.core.api.negotiation.JSONAlways",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is 405: the schema describes the routes
    "EXCEPTION_HANDLER": "sartiq.core.http.exception_handler.handle",
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
    "PREPROCESSING_HOOKS": ["sartiq.core.api.schema.document.keep_canonical_paths"],
    "DESCRIPTION": texts.DESCRIPTION,
    "LICENSE": {"name": "Proprietary"},
    "SERVERS": [{"url": "/", "description": "The host that serves this document"}],
    "TAGS": texts.tags(),
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "sartiq.core.api.schema.document.finish",
        "sartiq.core.api.schema.texts.describe",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_SUFFIX": "",
    "ENUM_NAME_OVERRIDES": {
        "MetadataAdapter": "exports.api.serializers.adapter_choices",
        "ImageFormat": "exports.api.serializers.format_choices",
        "MediaFailureCode": "media.rules.failures.CODES",
        "ExportFailureCode": "exports.codes.RUN_FAILURE_CODES",
        "ExportFileFailureCode": "exports.codes.FILE_FAILURE_CODES",
        "BulkUploadFailureCode": "bulkupload.codes.FAILURE_CODES",
        "RowErrorCode": "bulkupload.codes.ROW_ERROR_CODES",
        "MediaStatus": "media.api.serializers._LOWER",
        "BulkUploadStatus": "bulkupload.api.serializers.STATUSES",
        "ExportStatus": "exports.api.run_serializers.STATUSES",
        "ProductField": "bulkupload.rules.rows.columns.FIELDS",
        "ConfigurationLevel": "exports.api.serializers.LEVELS",
        "SubjectType": "catalog.models.SubjectType.choices",
        "MemberRole": "accounts.api.fields.role_choices",
        "TableFormat": "bulkupload.api.serializers.FORMATS",
    },
    "SORT_OPERATION_PARAMETERS": True,
}
# Each process has a folder of its own in it (docs/design/temporary-files.md).
TEMPORARY_DIR = env.TEMPORARY_DIR or tempfile.gettempdir()
FILE_UPLOAD_TEMP_DIR = UploadFolder()
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
CORS_ALLOWED_ORIGINS = env.CORS_ALLOWED_ORIGINS
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
STORAGE = env.STORAGE
S3_ENDPOINT_URL = env.S3_ENDPOINT_URL
S3_PUBLIC_ENDPOINT_URL = env.S3_PUBLIC_ENDPOINT_URL
S3_ACCESS_KEY_ID = env.S3_ACCESS_KEY_ID
S3_SECRET_ACCESS_KEY = env.S3_SECRET_ACCESS_KEY
S3_REGION = env.S3_REGION
S3_POOL_SIZE = env.S3_POOL_SIZE  # connections one process keeps
R2_BUCKET_NAME = env.R2_BUCKET_NAME
R2_PRIVATE_BUCKET_NAME = env.R2_PRIVATE_BUCKET_NAME
LOCAL_STORE_DIR = Path(env.LOCAL_STORE_DIR)
PUBLIC_BASE_URL = env.PUBLIC_BASE_URL  # of this service
R2_PUBLIC_URL = env.R2_PUBLIC_URL
CDN_URL = env.CDN_URL
CLOUDFLARE_IMAGE_TRANSFORMATIONS = env.CLOUDFLARE_IMAGE_TRANSFORMATIONS
UPLOADS_WRITE_ONCE = env.UPLOADS_WRITE_ONCE
STORAGES = {
    "default": {"BACKEND": "media.storage.django_backend.PrivateStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"

# --- Background work ----------------------------------------------------------------------------
BROKER_URL = env.BROKER_URL
BROKER_SOCKET_TIMEOUT = 5.0  # seconds
# A request waits no longer than this for the broker: the waiting row is the work anyway.
PUBLISH_TIMEOUT = 1.0  # seconds
TASK_TIME_LIMIT = env.TASK_TIME_LIMIT
# Packing reads every file of an export again; it may take longer than any other task.
ASSEMBLY_TIME_LIMIT = env.ASSEMBLY_TIME_LIMIT
VISIBILITY_TIMEOUT = env.VISIBILITY_TIMEOUT
UNACKED_RESTORE_INTERVAL = 5  # seconds between looks for tasks of dead workers
LEASE_SECONDS = env.LEASE_SECONDS
RECOVERY_INTERVAL_SECONDS = env.RECOVERY_INTERVAL_SECONDS
RESEND_AFTER_SECONDS = env.RESEND_AFTER_SECONDS
WATCHDOG_SECONDS = 60  # of silence after which an idle worker with waiting rows ends itself
BULK_CHUNK_ROWS = env.BULK_CHUNK_ROWS  # rows of one transaction
BULK_REMOTE_IMAGES = env.BULK_REMOTE_IMAGES  # fetch pictures from anywhere
BULK_REMOTE_AT_ONCE = env.BULK_REMOTE_AT_ONCE  # by all workers together
DECODE_WALL_SECONDS = env.DECODE_WALL_SECONDS
DECODE_CPU_SECONDS = env.DECODE_CPU_SECONDS
DECODE_MEMORY_BYTES = env.DECODE_MEMORY_BYTES

# --- Time, language, logs ---------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

LOG_LEVEL = env.LOG_LEVEL
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "sartiq.core.logs.formatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
        "none": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # The access log says it already, by route and without the path's secrets.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django": {"handlers": [], "level": "INFO"},
        # Said in one line where it is answered (`error_pages.bad_request`).
        "django.security.DisallowedHost": {"handlers": ["none"], "propagate": False},
    },
}

# --- Browser-facing security ------------------------------------------------------------------
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "sartiq.core.http.error_pages.csrf_failure"
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
