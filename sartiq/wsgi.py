"""The WSGI entry: redirects of `/files/…` are answered before Django starts to work."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sartiq.settings.production")

sys.setswitchinterval(0.0005)  # seconds; see docs/design/web-server.md

_django = get_wsgi_application()

from media.api.files import FilesRedirect  # noqa: E402  needs the settings loaded above
from sartiq.core import temporary_files  # noqa: E402
from sartiq.core.bodies import CloseAfterUnread  # noqa: E402

temporary_files.remove_abandoned()

application = FilesRedirect(CloseAfterUnread(_django))
