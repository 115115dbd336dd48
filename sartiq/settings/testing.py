"""Settings of the tests; they can be imported with nothing set (type checks, migrations).

All time limits are scaled down together, so that a test of recovery takes seconds. The variables
still win, for a test that needs another limit.
"""

import os

os.environ.setdefault("ENVIRONMENT_NAME", "test")
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 32)
os.environ.setdefault("S3_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing listens there
os.environ.setdefault("S3_ACCESS_KEY_ID", "test")
os.environ.setdefault("S3_SECRET_ACCESS_KEY", "test")

from devstack.crash import install_from_environment

from .base import *

ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOW_DEV_USERS = True
AXES_ENABLED = env.bool("AXES_ENABLED", default=False)

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True  # look a file up when asked; listing all costs every test client

TASK_TIME_LIMIT = env.int("TASK_TIME_LIMIT", default=4)
ASSEMBLY_TIME_LIMIT = env.int("ASSEMBLY_TIME_LIMIT", default=5)
DECODE_WALL_SECONDS = env.int("DECODE_WALL_SECONDS", default=3)
VISIBILITY_TIMEOUT = env.int("VISIBILITY_TIMEOUT", default=6)
UNACKED_RESTORE_INTERVAL = env.int("UNACKED_RESTORE_INTERVAL", default=2)
LEASE_SECONDS = env.int("LEASE_SECONDS", default=3)
RECOVERY_INTERVAL_SECONDS = env.int("RECOVERY_INTERVAL_SECONDS", default=1)
RESEND_AFTER_SECONDS = env.int("RESEND_AFTER_SECONDS", default=1)

install_from_environment()  # crash points, for tests that kill processes
