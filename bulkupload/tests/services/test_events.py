"""An import records its own events, and none for its products."""

from accounts.models import OwnerScope, User
from accounts.tests.factories import MembershipFactory
from bulkupload.services import jobs
from bulkupload.tests.importing import TABLE, import_table, start_job
from catalog.models import Product
from media.storage.testing.memory import MemoryStore
from sartiq.core.models import Event


def test_an_import_starts_and_finishes(
    private: MemoryStore, user: User, small_chunks: None
) -> None:
    organization = MembershipFactory.create(user=user).organization
    scope = OwnerScope(user_id=user.pk, organization_id=organization.pk)

    job = import_table(user, TABLE, scope=scope)

    assert Product.objects.count() == 20
    events = list(Event.objects.order_by("created_at"))
    assert [event.action for event in events] == ["import.started", "import.finished"]
    assert {event.object_id for event in events} == {job.pk}
    assert {event.organization_id for event in events} == {organization.pk}
    assert events[1].details == {
        "dry_run": False,
        "rows": 21,
        "created": 20,
        "updated": 0,
        "unchanged": 0,
        "failed": 1,
    }


def test_a_retry_names_both_jobs(private: MemoryStore, user: User) -> None:
    old_job = import_table(user, TABLE)

    new_job = jobs.retry(user=user, job_id=old_job.pk)

    retry_event = Event.objects.get(object_id=old_job.pk, action="import.retried")
    assert retry_event.details == {"by": str(new_job.pk)}
    assert Event.objects.get(object_id=new_job.pk).action == "import.started"


def test_cancelling_and_failing_are_recorded_once(private: MemoryStore, user: User) -> None:
    job = start_job(user, TABLE)
    jobs.cancel(user=user, job_id=job.pk)
    failed_job = import_table(user, "name\nShoe\n")

    assert failed_job.failure_code
    end_events = Event.objects.exclude(action="import.started").order_by("created_at")
    assert [(event.object_id, event.action) for event in end_events] == [
        (job.pk, "import.cancelled"),
        (failed_job.pk, "import.failed"),
    ]
    assert end_events[1].details["code"] == failed_job.failure_code
