"""The environment variables: types, limits, defaults, and rules that concern two of them.

The settings modules read them from the object that `load` returns. Development, tests and
production have different defaults. `deploy/env.example` documents every variable.
"""

from pathlib import Path
from typing import Final, Literal, Self, TypeVar

from django.core.exceptions import ImproperlyConfigured
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from . import messages
from .endpoints import R2_FORM, endpoint_problems, is_r2, public_url_problems
from .variable_types import (
    AbsolutePath,
    BrokerUrl,
    Bucket,
    DatabaseUrl,
    Hosts,
    HttpUrl,
    Name,
    OptionalHttpUrl,
    Origins,
    Secret,
    SecretKey,
    WholeNumber,
    invalid,
)

CHECKOUT: Final = Path(__file__).resolve().parent.parent.parent
_WEEK: Final = 7 * 24 * 3600  # seconds
_MIN_DECODE_BYTES: Final = 3_129_478_485  # 4/3 of what the largest image needs: `media.checks`
_MAX_DAYS: Final = 3650
_TEN_YEARS: Final = 10 * 365 * 24 * 3600  # seconds
_REQUIRED_WITH_S3: Final = (
    "R2_BUCKET_NAME",
    "R2_PRIVATE_BUCKET_NAME",
    "R2_PUBLIC_URL",
    "S3_ACCESS_KEY_ID",
    "S3_ENDPOINT_URL",
    "S3_SECRET_ACCESS_KEY",
)


class Environment(BaseSettings):
    """The validated environment variables, with defaults.

    An empty variable counts as unset. Pydantic validates them in the order of this class, so a rule
    about two variables is in the validator of the later one.
    """

    model_config = SettingsConfigDict(
        case_sensitive=True,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_default=True,
    )
    SECRET_KEY: SecretKey = ""
    ALLOWED_HOSTS: Hosts = []
    ENVIRONMENT_NAME: Name = "development"
    DATABASE_URL: DatabaseUrl = "postgres:///sartiq"
    BROKER_URL: BrokerUrl = "redis://127.0.0.1:6379/0"
    PUBLIC_BASE_URL: HttpUrl = "http://127.0.0.1:8000"

    # --- Browser and network ---
    CORS_ALLOWED_ORIGINS: Origins = []
    PROXY_COUNT: WholeNumber = Field(default=0, ge=0, le=10)
    LOGIN_FAILURE_LIMIT: WholeNumber = Field(default=10, ge=1, le=1000)
    REQUEST_SECONDS: WholeNumber = Field(default=5, ge=1, le=600)

    # --- Object store ---
    STORAGE: Literal["s3", "local"] = "s3"
    LOCAL_STORE_DIR: AbsolutePath = Field(
        default_factory=lambda: str(CHECKOUT / ".devstack" / "store")
    )
    R2_BUCKET_NAME: Bucket = "sartiq-media"
    R2_PRIVATE_BUCKET_NAME: Bucket = "sartiq-private"
    S3_ENDPOINT_URL: OptionalHttpUrl = ""
    S3_PUBLIC_ENDPOINT_URL: OptionalHttpUrl = ""
    S3_ACCESS_KEY_ID: Secret = ""
    S3_SECRET_ACCESS_KEY: Secret = ""
    S3_REGION: Name = "auto"
    S3_POOL_SIZE: WholeNumber = Field(default=32, ge=1, le=1000)
    R2_PUBLIC_URL: OptionalHttpUrl = ""
    CDN_URL: OptionalHttpUrl = ""
    CLOUDFLARE_IMAGE_TRANSFORMATIONS: bool = False
    UPLOADS_WRITE_ONCE: bool = False

    # --- Database ---
    CONN_MAX_AGE: WholeNumber = Field(default=60, ge=0, le=24 * 3600)
    DATABASE_PREPARE_THRESHOLD: WholeNumber = Field(default=5, ge=0, le=1000)
    DATABASE_STATEMENT_SECONDS: WholeNumber = Field(default=10, ge=1, le=600)

    # --- Background work ---
    WORKER_PROCESSES: WholeNumber = Field(default=2, ge=1, le=64)
    TASK_TIME_LIMIT: WholeNumber = Field(default=300, ge=1, le=_WEEK)
    ASSEMBLY_TIME_LIMIT: WholeNumber = Field(default=840, ge=1, le=_WEEK)
    VISIBILITY_TIMEOUT: WholeNumber = Field(default=900, ge=2, le=_WEEK)
    LEASE_SECONDS: WholeNumber = Field(default=30, ge=1, le=3600)
    RECOVERY_INTERVAL_SECONDS: WholeNumber = Field(default=10, ge=1, le=3600)
    RESEND_AFTER_SECONDS: WholeNumber = Field(default=15, ge=1, le=3600)
    TEMPORARY_DIR: AbsolutePath = ""
    BULK_CHUNK_ROWS: WholeNumber = Field(default=5000, ge=1, le=50_000)
    BULK_REMOTE_IMAGES: bool = False
    BULK_REMOTE_AT_ONCE: WholeNumber = Field(default=1, ge=1, le=1000)
    DECODE_WALL_SECONDS: WholeNumber = Field(default=20, ge=1, le=600)
    DECODE_CPU_SECONDS: WholeNumber = Field(default=10, ge=1, le=600)
    DECODE_MEMORY_BYTES: WholeNumber = Field(
        default=3 * 1024**3, ge=_MIN_DECODE_BYTES, le=64 * 1024**3
    )

    # --- Retention ---
    EVENT_RETENTION_DAYS: WholeNumber = Field(default=365, ge=31, le=_MAX_DAYS)
    UPLOAD_RETENTION_DAYS: WholeNumber = Field(default=90, ge=7, le=_MAX_DAYS)
    IMPORT_RETENTION_DAYS: WholeNumber = Field(default=90, ge=1, le=_MAX_DAYS)
    REMOTE_IMAGE_RETENTION_DAYS: WholeNumber = Field(default=180, ge=1, le=_MAX_DAYS)
    EXPORT_ARCHIVE_DAYS: WholeNumber = Field(default=7, ge=1, le=365)
    EXPORT_RETENTION_DAYS: WholeNumber = Field(default=90, ge=1, le=_MAX_DAYS)
    SIGN_IN_FAILURE_RETENTION_DAYS: WholeNumber = Field(default=30, ge=1, le=_MAX_DAYS)
    TRASH_DAYS: WholeNumber = Field(default=30, ge=1, le=_MAX_DAYS)

    # --- Other ---
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    @field_validator("S3_PUBLIC_ENDPOINT_URL", mode="before")
    @classmethod
    def _defaults_to_endpoint_url(cls, value: str, info: ValidationInfo) -> str:
        return value or str(info.data.get("S3_ENDPOINT_URL", ""))

    @field_validator("R2_PUBLIC_URL", mode="before")
    @classmethod
    def _defaults_to_public_bucket(cls, value: str, info: ValidationInfo) -> str:
        if value:
            return value
        base, path = info.data.get("S3_PUBLIC_ENDPOINT_URL"), info.data.get("R2_BUCKET_NAME")
        if info.data.get("STORAGE") == "local":
            base, path = info.data.get("PUBLIC_BASE_URL"), "local-store"
        return f"{base}/{path}" if base and path else ""

    @field_validator("CDN_URL", mode="before")
    @classmethod
    def _defaults_to_public_url(cls, value: str, info: ValidationInfo) -> str:
        return value or str(info.data.get("R2_PUBLIC_URL", ""))

    @field_validator("R2_PRIVATE_BUCKET_NAME")
    @classmethod
    def _differs_from_public_bucket(cls, name: str, info: ValidationInfo) -> str:
        if name == info.data.get("R2_BUCKET_NAME"):
            raise invalid("is the same bucket as R2_BUCKET_NAME; private objects would be public")
        return name

    @field_validator("S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL")
    @classmethod
    def _is_s3_endpoint(cls, url: str, info: ValidationInfo) -> str:
        names = ("R2_BUCKET_NAME", "R2_PRIVATE_BUCKET_NAME")
        buckets = [str(info.data.get(name, "")) for name in names]
        for problem in endpoint_problems(url, buckets=buckets):
            raise invalid(problem)
        if is_r2(str(info.data.get("S3_ENDPOINT_URL", ""))) and not is_r2(url):
            raise invalid(f"is not the S3 API of R2, which accepts signed PUTs only at {R2_FORM}")
        return url

    @field_validator("R2_PUBLIC_URL", "CDN_URL")
    @classmethod
    def _is_public_url(cls, url: str, info: ValidationInfo) -> str:
        names = ("S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL")
        endpoints = [str(info.data.get(name, "")) for name in names]
        private = str(info.data.get("R2_PRIVATE_BUCKET_NAME", ""))
        for problem in public_url_problems(url, endpoints=endpoints, private_bucket=private):
            raise invalid(problem)
        return url

    @field_validator("VISIBILITY_TIMEOUT")
    @classmethod
    def _exceeds_task_limits(cls, seconds: int, info: ValidationInfo) -> int:
        limits = ("TASK_TIME_LIMIT", "ASSEMBLY_TIME_LIMIT")
        longer = [name for name in limits if info.data.get(name, 0) >= seconds]
        if longer:
            raise invalid(
                f"must be above {' and '.join(longer)}: "
                "otherwise the broker delivers a running task again"
            )
        return seconds

    @field_validator("DECODE_WALL_SECONDS")
    @classmethod
    def _is_below_task_limit(cls, seconds: int, info: ValidationInfo) -> int:
        if seconds >= info.data.get("TASK_TIME_LIMIT", _WEEK):
            raise invalid("must be below TASK_TIME_LIMIT: the task would be killed first")
        return seconds

    @field_validator("EXPORT_RETENTION_DAYS")
    @classmethod
    def _outlasts_archives(cls, days: int, info: ValidationInfo) -> int:
        if days < info.data.get("EXPORT_ARCHIVE_DAYS", 0):
            raise invalid("must not be below EXPORT_ARCHIVE_DAYS: an export outlasts its archive")
        return days

    @classmethod
    def read(cls) -> Self:
        """Return the environment, or raise one error that lists every problem."""
        try:
            return cls()
        except ValidationError as error:
            fields = cls.model_fields
            raise ImproperlyConfigured(messages.report(error, fields)) from None


class Development(Environment):
    """Defaults for development."""

    ALLOWED_HOSTS: Hosts = ["127.0.0.1", "localhost", "[::1]"]
    REQUEST_SECONDS: WholeNumber = Field(default=30, ge=1, le=600)  # a developer's machine is busy


class Testing(Environment):
    """Defaults for tests: short time limits, so that recovery from a crash takes seconds."""

    SECRET_KEY: SecretKey = "only-for-tests-" + "x" * 32
    ALLOWED_HOSTS: Hosts = ["testserver", "127.0.0.1", "localhost"]
    ENVIRONMENT_NAME: Name = "test"
    S3_ENDPOINT_URL: OptionalHttpUrl = "http://127.0.0.1:9"  # nothing listens there
    S3_ACCESS_KEY_ID: Secret = "test"
    S3_SECRET_ACCESS_KEY: Secret = "test"  # noqa: S105  nothing listens there
    REQUEST_SECONDS: WholeNumber = Field(default=30, ge=1, le=600)  # the machine is busy
    TASK_TIME_LIMIT: WholeNumber = Field(default=8, ge=1, le=_WEEK)
    ASSEMBLY_TIME_LIMIT: WholeNumber = Field(default=9, ge=1, le=_WEEK)
    VISIBILITY_TIMEOUT: WholeNumber = Field(default=10, ge=2, le=_WEEK)
    LEASE_SECONDS: WholeNumber = Field(default=3, ge=1, le=3600)
    RECOVERY_INTERVAL_SECONDS: WholeNumber = Field(default=2, ge=1, le=3600)
    RESEND_AFTER_SECONDS: WholeNumber = Field(default=1, ge=1, le=3600)
    WATCHDOG_SECONDS: WholeNumber = Field(default=60, ge=1, le=3600)
    DECODE_WALL_SECONDS: WholeNumber = Field(default=7, ge=1, le=600)
    AXES_ENABLED: bool = False


class Production(Environment):
    """A deployment; values that it must choose have no default."""

    SECRET_KEY: SecretKey
    ALLOWED_HOSTS: Hosts
    ENVIRONMENT_NAME: Name
    DATABASE_URL: DatabaseUrl
    BROKER_URL: BrokerUrl
    PUBLIC_BASE_URL: HttpUrl
    R2_BUCKET_NAME: Bucket = ""
    R2_PRIVATE_BUCKET_NAME: Bucket = ""
    SECURE_SSL_REDIRECT: bool = True
    SECURE_HSTS_SECONDS: WholeNumber = Field(default=31_536_000, ge=0, le=_TEN_YEARS)
    SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = True
    SECURE_HSTS_PRELOAD: bool = True

    @field_validator("SECRET_KEY", "ALLOWED_HOSTS")
    @classmethod
    def _is_set(cls, value: str | list[str]) -> str | list[str]:
        if not value:
            raise invalid(messages.NOT_SET)
        return value

    @field_validator(*_REQUIRED_WITH_S3, mode="before")
    @classmethod
    def _is_set_for_s3(cls, value: str, info: ValidationInfo) -> object:
        if value.strip():
            return value
        if info.data.get("STORAGE") == "s3":
            raise invalid(messages.NOT_SET)
        return Environment.model_fields[str(info.field_name)].default


EnvironmentType = TypeVar("EnvironmentType", bound=Environment)
_loaded: list[Environment] = []  # at most one


def load(environment_class: type[EnvironmentType]) -> EnvironmentType:
    """Read the environment of this process; call it before importing `sartiq.settings.base`."""
    environment = environment_class.read()
    _loaded[:] = [environment]
    return environment


def loaded() -> Environment:
    """Return what `load` read, or the plain `Environment` if it was not called."""
    return _loaded[0] if _loaded else load(Environment)
