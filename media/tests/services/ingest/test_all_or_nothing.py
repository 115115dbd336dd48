"""A request with one invalid file ingests nothing."""

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import OwnerScope, User
from accounts.tests.factories import UserFactory
from media.models import (
    Attachment,
    DeletionReason,
    MediaResource,
    ObjectDeletion,
    ResourceStatus,
    UploadState,
)
from media.services.ingest.claim import ResourcesByUrl
from media.services.ingest.resolve import FileReference
from media.services.ingest.service import MediaResourceService
from media.storage import ObjectHeaders, public_store
from media.storage.testing.memory import MemoryStore
from media.tests.factories import (
    client_put,
    deliver,
    drain,
    ingest,
    key_of,
    photo,
    ticket,
    upload_file,
    upload_of,
)
from sartiq.core.errors import InvalidValuesError
from sartiq.core.models import new_id

pytestmark = pytest.mark.django_db


def refusals(error: pytest.ExceptionInfo[InvalidValuesError]) -> list[tuple[object, str]]:
    return [(issue.loc[-1], issue.code) for issue in error.value.issues]


@pytest.mark.covers("I14")
def test_each_bad_file_is_reported_and_none_is_ingested(memory: MemoryStore, user: User) -> None:
    good_url = upload_file(memory, user, photo(1))
    wrong_url = upload_file(memory, user, b"<html></html>")
    unsent_url = f"{good_url.rsplit('/', 1)[0]}/{new_id()}_1700000000_shoe.png"
    empty_url = upload_file(memory, user, b"")
    foreign_url = upload_file(memory, UserFactory.create(), photo(2))
    other_site_url = "https://example.com/shoe.png"
    before = memory.keys()

    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(
            user,
            [good_url, wrong_url, unsent_url, empty_url, foreign_url, other_site_url, wrong_url],
        )

    assert refusals(excinfo) == [
        (1, "content_type_mismatch"),
        (2, "file_not_found"),
        (3, "file_empty"),
        (4, "file_not_found"),
        (5, "file_not_found"),
        (6, "content_type_mismatch"),
    ]
    assert excinfo.value.issues[0].loc == ("body", "images", 1)
    assert excinfo.value.issues[0].input == wrong_url
    assert not MediaResource.objects.exists()
    assert not Attachment.objects.exists()
    assert memory.keys() == before
    queued_deletions = ObjectDeletion.objects.filter(reason=DeletionReason.REFUSED)
    assert set(queued_deletions.values_list("key", flat=True)) == {
        key_of(wrong_url),
        key_of(empty_url),
    }
    assert [upload_of(url).state for url in (good_url, wrong_url, empty_url, foreign_url)] == [
        UploadState.ISSUED,
        UploadState.EXPIRED,
        UploadState.EXPIRED,
        UploadState.ISSUED,
    ]
    assert upload_of(wrong_url).refusal == "content_type_mismatch"


def test_after_a_refusal_the_good_files_can_be_sent_again(memory: MemoryStore, user: User) -> None:
    good_url = upload_file(memory, user, photo(1))
    wrong_url = upload_file(memory, user, b"no picture")
    with pytest.raises(InvalidValuesError):
        ingest(user, [good_url, wrong_url])
    drain()

    (resource,) = ingest(user, [good_url])

    assert deliver(resource).status == ResourceStatus.READY
    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [wrong_url])
    assert refusals(excinfo) == [(0, "file_not_found")]


def test_an_upload_that_was_not_put_yet_is_not_found(memory: MemoryStore, user: User) -> None:
    new_ticket = ticket(user)
    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [new_ticket.file_url])
    assert refusals(excinfo) == [(0, "file_not_found")]

    assert client_put(memory, new_ticket.put, photo()) == 200

    assert ingest(user, [new_ticket.file_url])[0].status == ResourceStatus.PENDING


def test_bytes_of_another_hash_than_declared_are_refused(memory: MemoryStore, user: User) -> None:
    new_ticket = ticket(user, sha256="ab" * 32)
    memory.put(
        key_of(new_ticket.file_url), photo(), headers=ObjectHeaders(content_type="image/png")
    )

    with pytest.raises(InvalidValuesError) as excinfo:
        ingest(user, [new_ticket.file_url])

    assert refusals(excinfo) == [(0, "file_corrupt")]


@pytest.mark.covers("I10")
def test_an_error_while_attaching_writes_nothing(memory: MemoryStore, user: User) -> None:
    url = upload_file(memory, user)

    def attach(resources: ResourcesByUrl) -> None:
        raise RuntimeError(str(resources[url].pk))

    with pytest.raises(RuntimeError):
        MediaResourceService(public_store()).ingest_all(
            user=user,
            scope=user_scope(user),
            files=[FileReference(loc=("body", "cover_image"), url=url)],
            attach=attach,
        )

    assert not MediaResource.objects.exists()
    assert upload_of(url).state == UploadState.ISSUED


def user_scope(user: User) -> OwnerScope:
    return OwnerScope(user_id=user.pk)


def test_checking_takes_a_constant_number_of_queries(
    memory: MemoryStore, user: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    urls = [upload_file(memory, user, photo(number)) for number in range(30)]

    with django_assert_max_num_queries(60):
        ingest(user, urls)

    assert MediaResource.objects.count() == 30
