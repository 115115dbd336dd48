"""Settings of a developer's machine: what `make serve` and `make demo` run with."""

from .environment import Development, load

load(Development)

from .base import *  # noqa: E402  takes what was loaded

CORS_ALLOWED_ORIGIN_REGEXES = [r"^http://(localhost|127\.0\.0\.1)(:\d+)?$"]

# Static files are served from where they are, without collectstatic.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
ALLOW_DEV_USERS = True  # users with a public password: only on a developer's machine
