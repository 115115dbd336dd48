"""The purge of the trash: entities first, then resources; recent and restored rows stay."""

from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.tests.factories import UserFactory
from catalog import tasks
from catalog.models import Guideline, Look, Product, ProductionRequest, Subject
from catalog.services import entities, purge_trash
from media.errors import ForeignEnvironmentError
from media.models import Attachment, MediaResource
from media.services.cleanup.grace import GraceTooShortError
from media.services.cleanup.report import CleanupReport
from media.tests.admin import rows
from sartiq.core.models import Event
from sartiq.core.work.exclusive import exclusive

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("memory")]
MODELS = (Product, Subject, Look, Guideline, ProductionRequest)
DAY = timedelta(days=1)


def entity(model: Any, user: User, *, days: int | None = None, **values: Any) -> Any:
    """Return an entity, deleted some days ago if given."""
    row = model.objects.create(user=user, name="One", **values)
    if days is not None:
        delete(row, days)
    return row


def delete(row: Any, days: int) -> None:
    entities.set_deleted(type(row), [row], deleted_at=Now())
    type(row).with_deleted.filter(pk=row.pk).update(deleted_at=Now() - timedelta(days=days))


@pytest.mark.parametrize("model", MODELS)
def test_entities_are_purged_after_thirty_days(model: Any, user: User) -> None:
    live_entity, recent_entity = (
        entity(model, user, **unique(model, 1)),
        entity(model, user, days=29, **unique(model, 2)),
    )
    other_owners_entity = entity(model, UserFactory.create(), days=29, **unique(model, 3))
    old_entity = entity(model, user, days=31, **unique(model, 4))

    report = purge_trash.purge(execute=True)

    assert (report.candidates, report.discarded) == (1, 1)
    assert set(model.with_deleted.all()) == {live_entity, recent_entity, other_owners_entity}
    assert list(model.objects.all()) == [live_entity]
    event = Event.objects.get(object_id=old_entity.pk)
    assert event.action == f"{model.entity_type.lower()}.purged"


def unique(model: Any, number: int) -> dict[str, Any]:
    return {"slug": f"one-{number}"} if model is Subject else {}


def test_files_of_a_purged_entity_get_their_grace_period(user: User) -> None:
    purged_product, kept_product = entity(Product, user), entity(Product, user)
    own_resource, shared_resource = (rows.resource(user, unattached_at=None) for _ in range(2))
    rows.attachment(own_resource, purged_product)
    rows.attachment(shared_resource, purged_product, slot="back_image")
    rows.attachment(shared_resource, kept_product)
    delete(purged_product, 31)

    purge_trash.purge(execute=True)

    own_resource.refresh_from_db()
    shared_resource.refresh_from_db()
    assert (own_resource.unattached_at is None, shared_resource.unattached_at is None) == (
        False,
        True,
    )
    assert Attachment.objects.get().entity_id == kept_product.pk
    assert MediaResource.objects.count() == 2


def test_links_to_a_purged_entity_are_deleted(user: User) -> None:
    product, subject = entity(Product, user), entity(Subject, user, slug="one")
    look = entity(Look, user, subject=subject)
    look.products.set([product])
    delete(product, 31)
    delete(subject, 31)

    purge_trash.purge(execute=True)

    look.refresh_from_db()
    assert look.subject_id is None
    assert not Look.products.through.objects.exists()


def test_a_dry_run_changes_nothing(user: User) -> None:
    deleted_product = entity(Product, user, days=31)
    resource = rows.resource(user, deleted_at=Now() - 31 * DAY)

    report = purge_trash.purge()

    assert report == CleanupReport(
        executed=False,
        candidates=2,
        bytes=resource.file_size,
        samples=[f"product {deleted_product.pk}", resource.storage_key],
    )
    assert (Product.with_deleted.count(), MediaResource.with_deleted.count()) == (1, 1)


def test_the_limit_counts_entities_and_resources(user: User) -> None:
    for _ in range(2):
        entity(Product, user, days=31)
        rows.resource(user, deleted_at=Now() - 31 * DAY)

    assert purge_trash.purge(limit=3, execute=True).discarded == 3

    assert (Product.with_deleted.count(), MediaResource.with_deleted.count()) == (0, 1)


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(user: User) -> None:
    def statements(count: int) -> int:
        Product.objects.bulk_create(
            [Product(user=user, name="One", deleted_at=Now() - 31 * DAY) for _ in range(count)]
        )
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert purge_trash.purge(execute=True).discarded == count
        return len(queries)

    statements(1)  # the environment is checked once a minute

    assert statements(40) == statements(1)


def test_the_period_is_a_setting_and_not_too_short(user: User, settings: Any) -> None:
    entity(Product, user, days=2)
    settings.TRASH_DAYS = 1

    tasks.purge_trash()

    assert not Product.with_deleted.exists()
    with pytest.raises(GraceTooShortError):
        purge_trash.purge(older_than=timedelta(minutes=5))


def test_another_environment_is_refused(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ForeignEnvironmentError

    entity(Product, user, days=31)
    monkeypatch.setattr(purge_trash, "require_own_environment", refuse)

    with pytest.raises(ForeignEnvironmentError):
        purge_trash.purge(execute=True)

    assert Product.with_deleted.exists()


def test_the_task_leaves_the_work_to_a_run_in_progress(user: User) -> None:
    entity(Product, user, days=31)

    with exclusive("catalog.purge_trash"):
        tasks.purge_trash()

    assert Product.with_deleted.exists()


def test_the_command_only_reports_without_execute(user: User) -> None:
    deleted_product, output = entity(Product, user, days=31), StringIO()

    call_command("purge_trash", stdout=output)
    call_command("purge_trash", "--execute", stdout=output)

    report = output.getvalue()
    assert "Would discard 1 deleted rows older than 720 h, 0 bytes." in report
    assert f"  product {deleted_product.pk}" in report
    assert "Discarded 1 deleted rows" in report
    assert not Product.with_deleted.exists()


@pytest.mark.django_db(transaction=True)
def test_a_locked_row_is_left_for_the_next_run(user: User) -> None:
    locked_product, other_product = entity(Product, user, days=31), entity(Product, user, days=31)

    with psycopg.connect(**connection.get_connection_params()) as other_connection:
        other_connection.execute(
            "SELECT FROM catalog_product WHERE id = %s FOR UPDATE", [locked_product.pk]
        )
        report = purge_trash.purge(execute=True)

    assert (report.candidates, report.discarded) == (2, 1)
    assert list(Product.with_deleted.all()) == [locked_product]
    assert other_product not in Product.with_deleted.all()
