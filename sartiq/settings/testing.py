"""Settings of the tests; they need no environment variables (for type checks and migrations)."""

from devstack.crash import install_from_environment

from .environment import Testing, load

_testing = load(Testing)

from .base import *  # noqa: E402  reads the environment loaded above

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOW_DEV_USERS = True
AXES_ENABLED = _testing.AXES_ENABLED

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # look files up on request; listing all would slow every test client
UNACKED_RESTORE_INTERVAL = 2
WATCHDOG_SECONDS = _testing.WATCHDOG_SECONDS

install_from_environment()  # crash points, for tests that kill processes
