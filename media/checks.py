"""System checks of the storage and decoding settings."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from media.rules.decode_costs import max_memory
from media.rules.limits import MAX_PIXELS

_HINT = "See deploy/env.example."


@register
def check_storage_kind(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Report a store that does not exist."""
    if settings.STORAGE in {"s3", "local"}:
        return []
    return [
        Error(f"STORAGE is {settings.STORAGE!r}, not s3 or local.", hint=_HINT, id="media.E001")
    ]


@register
def check_local_folder(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Report a local store whose path is not a folder: every write would fail."""
    folder = settings.LOCAL_STORE_DIR
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if settings.STORAGE != "local" or nearest.is_dir():
        return []
    message = f"LOCAL_STORE_DIR ({folder}) is not a folder: {nearest} is a file."
    return [Error(message, hint=_HINT, id="media.E009")]


@register
def check_buckets(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Report one bucket for both: private objects would be public."""
    errors: list[CheckMessage] = []
    names = {"R2_BUCKET_NAME", "R2_PRIVATE_BUCKET_NAME"}
    errors += [
        Error(f"{name} is empty.", hint=_HINT, id="media.E002")
        for name in sorted(names)
        if not getattr(settings, name)
    ]
    if not errors and settings.R2_BUCKET_NAME == settings.R2_PRIVATE_BUCKET_NAME:
        message = "R2_BUCKET_NAME and R2_PRIVATE_BUCKET_NAME are the same bucket."
        errors.append(Error(message, hint=_HINT, id="media.E003"))
    return errors


@register
def check_urls(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Report URLs that are not absolute; clients could not use them."""
    names = ["R2_PUBLIC_URL", "CDN_URL"]
    if settings.STORAGE == "local":
        names.append("PUBLIC_BASE_URL")
    else:
        names += ["S3_ENDPOINT_URL", "S3_PUBLIC_ENDPOINT_URL"]
    return [
        Error(f"{name} is not an absolute http(s) URL.", hint=_HINT, id="media.E004")
        for name in names
        if not _is_absolute(getattr(settings, name))
    ]


@register
def check_credentials(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Report an S3 store without keys; boto3 would search for other credentials."""
    if settings.STORAGE != "s3":
        return []
    return [
        Error(f"{name} is empty.", hint=_HINT, id="media.E005")
        for name in ("S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
        if not getattr(settings, name)
    ]


@register
def check_pool(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Report a pool without connections."""
    if settings.S3_POOL_SIZE >= 1:
        return []
    return [Error("S3_POOL_SIZE is below 1.", hint=_HINT, id="media.E006")]


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = not (parts.username or parts.query or parts.fragment)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_plain


@register
def check_decode_memory(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Report a budget that the largest image would use up."""
    minimum = max_memory(MAX_PIXELS) * 4 // 3
    if minimum <= settings.DECODE_MEMORY_BYTES:
        return []
    message = f"DECODE_MEMORY_BYTES is below {minimum}: the largest image would use all of it."
    return [Error(message, hint=_HINT, id="media.E008")]
