"""A worker keeps its database connection between tasks, as a web process does between requests.

Celery's Django fix-up closes it before and after every task. Connecting, and a server process that
knows no table and no plan yet, cost more than most tasks' own queries.
"""

import sys
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections


def use(app: Celery) -> None:
    """Leave a worker's connections to Django: it drops the broken ones and those too old."""
    app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize  # tasks until the fix-up would close them
    for signal in (task_prerun, task_postrun):
        signal.connect(_drop_old, weak=False, dispatch_uid=__name__)


def _drop_old(sender: Any, **_: Any) -> None:
    if not sender.request.is_eager:
        close_old_connections()
