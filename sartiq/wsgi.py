"""The WSGI application, which `sartiq.asgi` runs in threads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sartiq.settings.production")

application = get_wsgi_application()

from sartiq.core import checks  # noqa: E402  needs the settings loaded above

checks.require_valid_settings()
