"""Persistent database connections of workers, kept between tasks.

Celery's Django fix-up closes them before and after every task. A new connection, with cold caches
on the server, costs more than the queries of most tasks.
"""

import sys
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun
from django.db import close_old_connections


def keep_between_tasks(app: Celery) -> None:
    """Keep a worker's connections open; close only broken ones and those past CONN_MAX_AGE."""
    app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize  # tasks until the fix-up would close them
    for signal in (task_prerun, task_postrun):
        signal.connect(_drop_old, weak=False, dispatch_uid=__name__)


def _drop_old(sender: Any, **_: Any) -> None:
    if not sender.request.is_eager:
        close_old_connections()
