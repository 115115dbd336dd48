"""The Celery application: the broker is a hint, rows in PostgreSQL are the work."""

import os
from datetime import timedelta

from celery import Celery
from django.conf import settings

from sartiq.core import broker, kept_connections, temporary_files

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sartiq.settings.production")

broker.use()
app = Celery("sartiq")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": settings.VISIBILITY_TIMEOUT,
        # kombu's default sweep takes up to 100 s to give a dead worker's messages back.
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
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    worker_hijack_root_logger=False,
    worker_max_tasks_per_child=500,
    enable_utc=True,
    timezone="UTC",
    beat_schedule={
        "recover-waiting-resources": {
            "task": "media.recover",
            "schedule": timedelta(seconds=settings.RECOVERY_INTERVAL_SECONDS),
        },
        "delete-due-objects": {
            "task": "media.recover_deletions",
            "schedule": timedelta(seconds=settings.RECOVERY_INTERVAL_SECONDS),
        },
        "discard-stale-uploads": {
            "task": "media.cleanup_temp_uploads",
            "schedule": timedelta(hours=1),
        },
        "discard-orphaned-media": {
            "task": "media.cleanup_orphaned_media",
            "schedule": timedelta(hours=1),
        },
        "recover-bulk-uploads": {
            "task": "bulkupload.recover",
            "schedule": timedelta(seconds=settings.RECOVERY_INTERVAL_SECONDS),
        },
        "discard-old-bulk-uploads": {
            "task": "bulkupload.discard_old_jobs",
            "schedule": timedelta(hours=1),
        },
        "recover-exports": {
            "task": "exports.recover",
            "schedule": timedelta(seconds=settings.RECOVERY_INTERVAL_SECONDS),
        },
        "discard-expired-exports": {
            "task": "exports.discard_expired",
            "schedule": timedelta(hours=1),
        },
        "forget-old-idempotency-keys": {
            "task": "core.forget_idempotency_keys",
            "schedule": timedelta(hours=1),
        },
    },
)
kept_connections.use(app)
temporary_files.use()
app.autodiscover_tasks(lambda: ["sartiq.core", *(name for name in settings.INSTALLED_APPS)])
