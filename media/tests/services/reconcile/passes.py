"""Passes, rows and objects for the tests of reconcile."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from media.models import MediaResource, ReconcileReport, UnknownObject
from media.rules import keys
from media.services.cleanup.grace import SECOND_PASS_DELAY
from media.services.reconcile.service import reconcile
from media.storage import ObjectHeaders, ObjectStore
from media.tests.services.deletion.aged_rows import DATA, PNG, resource
from sartiq.core.models import new_id

LONG_AGO = timedelta(hours=2)


def ready_resource(store: ObjectStore, user: User, **values: object) -> MediaResource:
    """Return a READY resource whose object matches its row."""
    pk = new_id()
    key = keys.canonical_key(pk, "png")
    head = store.put(key, DATA, headers=ObjectHeaders(content_type=PNG))
    ready_at = timezone.now() - LONG_AGO
    defaults = {"id": pk, "storage_key": key, "etag": head.etag, "ready_at": ready_at}
    return resource(user, **(defaults | values))


def run(store: ObjectStore, **how: object) -> ReconcileReport:
    """Run reconcile with `execute`."""
    return reconcile(store=store, **({"execute": True} | how))  # type: ignore[arg-type]  # shorthand


def an_hour_later() -> None:
    """Make all recorded unknown objects older than the delay between the two passes."""
    earlier = timezone.now() - SECOND_PASS_DELAY - timedelta(minutes=1)
    UnknownObject.objects.update(recorded_at=earlier)


def codes() -> dict[str, str]:
    """Return the failure code of each resource by its key."""
    return dict(MediaResource.objects.values_list("storage_key", "failure_code"))
