"""The Celery application. A message only wakes a worker: the work is a row in PostgreSQL."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery, signals
from django.conf import settings

from sartiq.core import checks, temporary_files
from sartiq.core.work import queues
from sartiq.core.work.celery_worker import broker, persistent_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sartiq.settings.production")

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
RECOVERY = timedelta(seconds=settings.RECOVERY_INTERVAL_SECONDS)


def _every(period: timedelta, task: str) -> dict[str, Any]:
    """Return the beat entry of a task; its message expires when the next one is due."""
    return {"task": task, "schedule": period, "options": {"expires": period.total_seconds()}}


broker.register_transport()
app = Celery("sartiq", amqp="sartiq.core.work.celery_worker.broker:AMQP")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # workers reconnect after any outage of the broker
    broker_transport_options={
        "visibility_timeout": settings.VISIBILITY_TIMEOUT,
        # By default kombu takes up to 100 s to return the messages of a dead worker.
        "unacked_restore_interval": settings.UNACKED_RESTORE_INTERVAL,
        "unacked_restore_throttle": 1,
        "socket_timeout": settings.BROKER_SOCKET_TIMEOUT,
        "socket_connect_timeout": settings.BROKER_SOCKET_TIMEOUT,
    },
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=settings.TASK_TIME_LIMIT,
    task_publish_retry=False,
    worker_concurrency=settings.WORKER_PROCESSES,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=500,
    enable_utc=True,
    timezone="UTC",
    task_queues=queues.QUEUES,
    task_default_queue=queues.MAINTENANCE,
    task_routes=(queues.route,),
    beat_schedule={
        "recover-waiting-resources": _every(RECOVERY, "media.recover"),
        "delete-due-objects": _every(RECOVERY, "media.delete_objects"),
        "discard-stale-uploads": _every(HOUR, "media.cleanup_temp_uploads"),
        "discard-orphaned-media": _every(HOUR, "media.cleanup_orphaned_media"),
        "reconcile-bucket-and-rows": _every(HOUR, "media.reconcile"),
        "purge-trash": _every(HOUR, "catalog.purge_trash"),
        "recover-bulk-uploads": _every(RECOVERY, "bulkupload.recover"),
        "find-unreported-photos": _every(MINUTE, "bulkupload.find_unreported_photos"),
        "discard-old-bulk-uploads": _every(HOUR, "bulkupload.discard_old_jobs"),
        "recover-exports": _every(RECOVERY, "exports.recover"),
        "discard-expired-exports": _every(HOUR, "exports.discard_expired"),
        "discard-old-rows": _every(HOUR, "core.discard_old_rows"),
        "discard-old-uploads": _every(HOUR, "media.discard_old_uploads"),
        "maintain-event-partitions": _every(HOUR, "core.maintain_event_partitions"),
    },
)
for start_signal in (signals.worker_init, signals.beat_init):
    start_signal.connect(checks.require_valid_settings)  # before the first task
app.steps["worker"].add("sartiq.core.work.celery_worker.watchdog:Watchdog")
app.steps["worker"].add("sartiq.core.work.celery_worker.takeover_step:Takeover")
persistent_connections.keep_between_tasks(app)
temporary_files.connect_worker_signals()
app.autodiscover_tasks(lambda: ["sartiq.core", *(name for name in settings.INSTALLED_APPS)])
