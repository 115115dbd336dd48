"""The ASGI application of a process that refuses every request."""

import django

django.setup()  # granian imports this module first

from sartiq.core.asgi.application import AsgiApplication  # noqa: E402  # isort: skip
from sartiq.core.asgi.django_threads import DjangoThreads, OverloadedError  # noqa: E402  # isort: skip


class BusyThreads(DjangoThreads):
    """Threads that never have time."""

    def require_capacity(self) -> None:
        """Refuse the request."""
        raise OverloadedError


application = AsgiApplication(BusyThreads(lambda *_: [], threads=1), direct={})
