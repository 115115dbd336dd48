"""The work for one export leaves others as they are, and starts it once."""

from accounts.models import User
from exports.models import RunStatus
from exports.services import build_archive, convert_item
from exports.tests.exporting import entry, item_ids, start
from media.models import MediaResource


def test_only_the_given_export_is_packed(user: User, photos: list[MediaResource]) -> None:
    other, run = (start(user, entry(photos[0])) for _ in range(2))
    for item_id in (*item_ids(other), *item_ids(run)):
        convert_item.produce(item_id)

    build_archive.assemble(run.pk)

    other.refresh_from_db()
    run.refresh_from_db()
    assert (other.status, run.status) == (RunStatus.RUNNING, RunStatus.COMPLETED)


def test_an_export_starts_with_its_first_file(user: User, photos: list[MediaResource]) -> None:
    run = start(user, entry(photos[0]), entry(photos[1]))
    first, second = item_ids(run)
    convert_item.produce(first)
    run.refresh_from_db()
    started_at = run.started_at

    convert_item.produce(second)

    run.refresh_from_db()
    assert started_at is not None
    assert run.started_at == started_at
