"""The ASGI entry point: an asynchronous application that runs Django in threads."""

import sys

from sartiq.wsgi import application as django

from media.api.files import respond  # isort: skip  # needs the settings loaded above
from django.conf import settings  # isort: skip
from sartiq.core import temporary_files  # isort: skip
from sartiq.core.asgi.application import AsgiApplication  # isort: skip
from sartiq.core.asgi.django_threads import DjangoThreads  # isort: skip
from sartiq.core.http.health import respond_live  # isort: skip

temporary_files.remove_abandoned()  # those of the process that this one replaces, too
sys.setswitchinterval(0.0005)  # seconds; see docs/design/web-server.md

# Of each process; see docs/design/deadlines.md.
THREADS = 3  # that run requests at a time
MAX_BLOCKED = 12  # more requests that wait for the object store or a slow statement

application = AsgiApplication(
    DjangoThreads(
        django,
        threads=THREADS,
        max_blocked=MAX_BLOCKED,
        request_seconds=settings.REQUEST_SECONDS,
    ),
    direct={"/files/": respond, "/health/live": respond_live},
)
