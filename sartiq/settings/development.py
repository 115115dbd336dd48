"""Settings for development, used by `make serve` and `make demo`."""

from .environment import Development, load

load(Development)

from .base import *  # noqa: E402  reads the environment loaded above

CORS_ALLOWED_ORIGIN_REGEXES = [r"^http://(localhost|127\.0\.0\.1)(:\d+)?$"]

# Static files are served from their source folders, without collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
ALLOW_DEV_USERS = True  # users with a public password: only on a developer's machine
