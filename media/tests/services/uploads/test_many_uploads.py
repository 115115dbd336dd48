from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.tests.factories import MembershipFactory
from media.models import Upload
from media.services import uploads
from media.services.uploads import DeclaredFile
from media.tests.factories import key_of
from sartiq.core.errors import InvalidValuesError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory")]

NOW = datetime(2026, 3, 1, 12, 0, 30, 999_999, tzinfo=UTC)
MAX_SIZE = 52_428_800


def test_many_tickets_are_issued_with_one_query_in_the_order_of_the_files(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    organization_id = MembershipFactory.create(user=user).organization_id
    names = ["b.png", "a.png", "Ü'\\.png", "x" * 300]
    files = [
        DeclaredFile(filename=name, content_type="image/png", size=size, sha256=digest)
        for name, size, digest in zip(
            names, [1, None, MAX_SIZE, 2], ["AB" * 32, *[None] * 3], strict=True
        )
    ]

    with django_assert_num_queries(2):  # the membership and the rows
        tickets = uploads.issue_tickets(
            user=user, files=files, now=NOW, organization_id=organization_id
        )

    rows = [Upload.objects.get(pk=entry.upload_id) for entry in tickets]
    assert [row.filename for row in rows] == [*names[:3], "x" * 255]
    assert [row.declared_size for row in rows] == [1, None, MAX_SIZE, 2]
    assert [row.sha256 for row in rows] == ["ab" * 32, "", "", ""]
    assert [key_of(entry.file_url) for entry in tickets] == [row.key for row in rows]
    assert {row.expires_at for row in rows} == {
        NOW + timedelta(seconds=seconds) for seconds in (900, 1600)
    }
    assert {(row.user_id, row.organization_id) for row in rows} == {(user.pk, organization_id)}


@pytest.mark.covers("I14")
def test_tickets_are_issued_for_all_files_or_for_none(user: User) -> None:
    files = [
        DeclaredFile(filename="a.png", content_type="image/png"),
        DeclaredFile(filename="b\n.png", content_type="image/png"),
        DeclaredFile(filename="c.svg", content_type="image/svg+xml"),
    ]

    with pytest.raises(InvalidValuesError) as excinfo:
        uploads.issue_tickets(user=user, files=files, now=NOW)

    assert [(issue.loc, issue.code) for issue in excinfo.value.issues] == [
        (("body", "files", 1, "filename"), "file_name"),
        (("body", "files", 2, "content_type"), "content_type_not_allowed"),
    ]
    assert not Upload.objects.exists()
    assert uploads.issue_tickets(user=user, files=[], now=NOW) == []
