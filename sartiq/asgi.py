"""The ASGI entry point: an asynchronous application that runs Django in threads."""

import sys

from sartiq.wsgi import application as django

from media.api.files import respond  # isort: skip  # needs the settings loaded above
from sartiq.core.asgi.application import AsgiApplication  # isort: skip
from sartiq.core.asgi.django_threads import DjangoThreads  # isort: skip
from sartiq.core.http.health import respond_live  # isort: skip

sys.setswitchinterval(0.0005)  # seconds; see docs/design/web-server.md

THREADS = 8  # of each process

application = AsgiApplication(
    DjangoThreads(django, threads=THREADS),
    direct={"/files/": respond, "/health/live": respond_live},
)
