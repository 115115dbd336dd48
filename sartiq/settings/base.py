"""Settings shared by all environments; values that differ come from `environment`.

An unsafe value prevents the start: there, or in a system check (`sartiq.core.checks`,
`media.checks`).
"""

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from sartiq.core.temporary_files import UploadFolder

from . import rest
from .admin_menu import UNFOLD  # noqa: F401  a setting
from .environment import loaded
from .variable_types import database_settings

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
    "sartiq.core.http.middleware.UncompressedBodyMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "sartiq.core.http.middleware.PageErrorMiddleware",
    # REST requests skip these in one step, because they are adjacent.
    "sartiq.core.http.page_middleware.PageReferrerMiddleware",
    "sartiq.core.http.page_middleware.PageStaticMiddleware",
    "sartiq.core.http.page_middleware.PagePolicyMiddleware",
    "sartiq.core.http.page_middleware.PageSessionMiddleware",
    "sartiq.core.http.page_middleware.PageAuthenticationMiddleware",
    "sartiq.core.http.page_middleware.PageMessageMiddleware",
    "sartiq.core.http.middleware.OptionalSlashMiddleware",
]

ROOT_URLCONF = "sartiq.urls"
WSGI_APPLICATION = "sartiq.wsgi.application"
APPEND_SLASH = False  # `OptionalSlashMiddleware` serves both forms without a redirect

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
# An import retries a statement that timed out with up to five times this limit.
DATABASE_STATEMENT_SECONDS = env.DATABASE_STATEMENT_SECONDS
DATABASES: dict[str, Any] = {"default": database_settings(env.DATABASE_URL)}
DATABASES["default"] |= {
    "ENGINE": "sartiq.core.postgresql",
    "CONN_MAX_AGE": env.CONN_MAX_AGE,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": DATABASES["default"]["OPTIONS"]
    | {
        "connect_timeout": 2,
        # PostgreSQL binds parameters and caches the plan of statements run this often; 0 caches
        # none, which a transaction pooler needs.
        "server_side_binding": True,
        "prepare_threshold": env.DATABASE_PREPARE_THRESHOLD or None,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,  # ms
        # No request or task may hold the database for long. JIT is off: compiling would take
        # longer than these short statements.
        "options": f"-c statement_timeout={DATABASE_STATEMENT_SECONDS}s -c lock_timeout=3s"
        " -c idle_in_transaction_session_timeout=15s -c timezone=UTC -c jit=off",
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Authentication -------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_REDIRECT_URL = "admin:index"  # after a sign-in page that was opened directly
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_FAILURE_LIMIT = env.LOGIN_FAILURE_LIMIT
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_CALLABLE = (
    "accounts.lockout.username_of"  # counts all spellings of an address together
)
AXES_LOCKOUT_CALLABLE = "accounts.lockout.locked_out_response"
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "sartiq.core.http.client_address.client_address"
PROXY_COUNT = env.PROXY_COUNT  # whose X-Forwarded-For and X-Forwarded-Proto are trusted
AXES_DISABLE_ACCESS_LOG = True
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=3600),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "ALGORITHM": "HS256",
    "AUDIENCE": "sartiq-files",  # tokens for other services are rejected
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "sub",
}

# --- Requests ------------------------------------------------------------------------------
REQUEST_SECONDS = env.REQUEST_SECONDS  # deadline of an ordinary request
REST_FRAMEWORK: dict[str, Any] = rest.REST_FRAMEWORK
SPECTACULAR_SETTINGS: dict[str, Any] = rest.SPECTACULAR_SETTINGS
CORS_ALLOW_HEADERS = rest.CORS_ALLOW_HEADERS
CORS_EXPOSE_HEADERS = rest.CORS_EXPOSE_HEADERS
# Each process has its own folder in it (docs/design/temporary-files.md).
TEMPORARY_DIR = env.TEMPORARY_DIR or tempfile.gettempdir()
FILE_UPLOAD_TEMP_DIR = UploadFolder()
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
CORS_ALLOWED_ORIGINS = env.CORS_ALLOWED_ORIGINS

# --- Object storage --------------------------------------------------------------------------
STORAGE = env.STORAGE
S3_ENDPOINT_URL = env.S3_ENDPOINT_URL
S3_PUBLIC_ENDPOINT_URL = env.S3_PUBLIC_ENDPOINT_URL
S3_ACCESS_KEY_ID = env.S3_ACCESS_KEY_ID
S3_SECRET_ACCESS_KEY = env.S3_SECRET_ACCESS_KEY
S3_REGION = env.S3_REGION
S3_POOL_SIZE = env.S3_POOL_SIZE  # connections of one process
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
# The sending of a message waits at most this long: the row is enqueued again later.
PUBLISH_TIMEOUT = 1.0  # seconds
WORKER_PROCESSES = env.WORKER_PROCESSES
TASK_TIME_LIMIT = env.TASK_TIME_LIMIT
# Building an archive reads every exported file again, so it may take longer than other tasks.
ASSEMBLY_TIME_LIMIT = env.ASSEMBLY_TIME_LIMIT
VISIBILITY_TIMEOUT = env.VISIBILITY_TIMEOUT
UNACKED_RESTORE_INTERVAL = 5  # seconds between checks for tasks of dead workers
LEASE_SECONDS = env.LEASE_SECONDS
RECOVERY_INTERVAL_SECONDS = env.RECOVERY_INTERVAL_SECONDS
RESEND_AFTER_SECONDS = env.RESEND_AFTER_SECONDS
WATCHDOG_SECONDS = 60  # after which an idle worker with waiting rows exits
BULK_CHUNK_ROWS = env.BULK_CHUNK_ROWS  # rows of one transaction
BULK_REMOTE_IMAGES = env.BULK_REMOTE_IMAGES  # fetch images from any host
BULK_REMOTE_AT_ONCE = env.BULK_REMOTE_AT_ONCE  # downloads of all workers together
DECODE_WALL_SECONDS = env.DECODE_WALL_SECONDS
DECODE_CPU_SECONDS = env.DECODE_CPU_SECONDS
DECODE_MEMORY_BYTES = env.DECODE_MEMORY_BYTES

# --- Retention of tables that only grow --------------------------------------------------------
EVENT_RETENTION_DAYS = env.EVENT_RETENTION_DAYS
TRASH_DAYS = env.TRASH_DAYS  # deleted rows can be restored this long
UPLOAD_RETENTION_DAYS = env.UPLOAD_RETENTION_DAYS
IMPORT_RETENTION_DAYS = env.IMPORT_RETENTION_DAYS
REMOTE_IMAGE_RETENTION_DAYS = env.REMOTE_IMAGE_RETENTION_DAYS
EXPORT_ARCHIVE_DAYS = env.EXPORT_ARCHIVE_DAYS
EXPORT_RETENTION_DAYS = env.EXPORT_RETENTION_DAYS
SIGN_IN_FAILURE_RETENTION_DAYS = env.SIGN_IN_FAILURE_RETENTION_DAYS

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
    # The access log already has the request, with its route instead of a path with secrets.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django": {"handlers": [], "level": "INFO"},
        # Logged in one line by `error_pages.bad_request`.
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
    # Unfold's Alpine.js needs 'unsafe-eval', so admin pages have no policy.
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
