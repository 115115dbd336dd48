"""System checks: no process starts with an unsafe setting.

The environment variables are checked earlier, in sartiq/settings/environment.py.
"""

import django
from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks

from sartiq.core import temporary_files
from sartiq.settings.variable_types import MIN_SECRET_BYTES


def require_valid_settings(**kwargs: object) -> None:
    """Run the system checks and exit if one fails; web, worker and beat call this when they start.

    `manage.py` runs them by itself. Also a signal receiver, hence the arguments.
    """
    if not apps.ready:
        django.setup()
    # Django's own check of the folder for uploads fails on a bad one without naming the variable.
    messages = check_temporary_folder(None) or run_checks()
    errors = [message for message in messages if message.is_serious() and not message.is_silenced()]
    if errors:
        raise SystemExit("\n".join(["System checks refuse to start:", *map(str, errors)]))


@register
def check_secret_key(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Reject a short SECRET_KEY: it signs every token."""
    if len(settings.SECRET_KEY.encode()) >= MIN_SECRET_BYTES:
        return []
    return [
        Error(
            f"SECRET_KEY is shorter than {MIN_SECRET_BYTES} bytes.",
            hint="See deploy/env.example.",
            id="core.E001",
        )
    ]


@register
def check_task_limits(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Reject a task limit above the visibility timeout: a running task would be delivered again."""
    return [
        Error(
            f"{name} must be below VISIBILITY_TIMEOUT.",
            hint=f"Set VISIBILITY_TIMEOUT above {name}.",
            id="core.E002",
        )
        for name in ("TASK_TIME_LIMIT", "ASSEMBLY_TIME_LIMIT")
        if getattr(settings, name) >= settings.VISIBILITY_TIMEOUT
    ]


@register
def check_time_zone(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Reject any time zone but UTC: timestamps in responses end in Z."""
    if settings.USE_TZ and settings.TIME_ZONE == "UTC":
        return []
    return [Error("TIME_ZONE must be UTC with USE_TZ on.", id="core.E003")]


@register
def check_remote_images(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Reject remote images with a concurrency of zero: their jobs would never end."""
    if settings.BULK_REMOTE_AT_ONCE >= 1 or not settings.BULK_REMOTE_IMAGES:
        return []
    return [
        Error(
            "BULK_REMOTE_AT_ONCE must be at least 1 with BULK_REMOTE_IMAGES on.",
            hint="See deploy/env.example.",
            id="core.E004",
        )
    ]


@register
def check_temporary_folder(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Reject a folder for temporary files that cannot be written to."""
    try:
        temporary_files.process_folder()
    except temporary_files.TemporaryFolderError as error:
        reason = str(error)
    except OSError as error:
        reason = f"TEMPORARY_DIR ({settings.TEMPORARY_DIR}) cannot be written to: {error.strerror}."
    else:
        return []
    return [
        Error(
            reason,
            hint="Name a folder of this user, or leave it empty for the system's own.",
            id="core.E005",
        )
    ]
