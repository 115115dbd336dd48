"""The user of a retried job, and so the images it may attach."""

from accounts.models import Membership, OwnerScope, User
from accounts.tests.factories import MembershipFactory, UserFactory
from bulkupload.models import BulkUploadJob, JobStatus
from bulkupload.services import jobs
from bulkupload.tests.images import hashes_of, image_hashes_of
from bulkupload.tests.importing import ImageCounts, image_counts, run_job, start_job
from media.storage.testing.memory import MemoryStore
from media.tests.factories import upload_file


def cancelled_job(member: Membership, *, cover: str = "") -> BulkUploadJob:
    """Return a job of the member's organization that was cancelled before its first row."""
    scope = OwnerScope(user_id=member.user_id, organization_id=member.organization_id)
    job = start_job(member.user, f"sku,name,cover_image\nA,Shoe,{cover}\n", scope=scope)
    return jobs.cancel(user=member.user, job_id=job.pk)


def test_a_job_retried_by_staff_can_attach_uploads_of_its_user(
    public: MemoryStore, user: User
) -> None:
    member, staff = MembershipFactory.create(user=user), UserFactory.create(superuser=True)
    url = upload_file(public, user)
    job = cancelled_job(member, cover=url)

    retry_job = run_job(jobs.retry(user=staff, job_id=job.pk))

    assert (retry_job.user_id, retry_job.organization_id) == (user.pk, member.organization_id)
    assert (retry_job.status, image_counts(retry_job)) == (
        JobStatus.COMPLETED,
        ImageCounts(ready=1),
    )
    assert image_hashes_of("A") == {"cover_image": hashes_of(url)}


def test_a_job_retried_by_a_member_belongs_to_that_member(public: MemoryStore, user: User) -> None:
    member = MembershipFactory.create(user=user)
    colleague = MembershipFactory.create(organization=member.organization).user
    job = cancelled_job(member)

    retry_job = jobs.retry(user=colleague, job_id=job.pk)

    assert (retry_job.user_id, retry_job.organization_id) == (colleague.pk, member.organization_id)


def test_a_job_retried_by_staff_belongs_to_them_if_its_user_has_left(
    public: MemoryStore, user: User
) -> None:
    member, staff = MembershipFactory.create(user=user), UserFactory.create(superuser=True)
    job = cancelled_job(member)
    member.delete()

    retry_job = run_job(jobs.retry(user=staff, job_id=job.pk))

    assert (retry_job.user_id, retry_job.status) == (staff.pk, JobStatus.COMPLETED)
