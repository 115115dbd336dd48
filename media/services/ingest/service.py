"""Ingest: check the bytes of uploaded files outside any transaction, then write in one.

A caller repeats both steps while other requests change the same rows:

    ingest = MediaResourceService(public_store())
    for attempt in retry_on_contention():
        with attempt:
            checked = ingest.check(user=user, scope=scope, files=files)
            with transaction.atomic():
                ...  # lock the entity
                resources = claim_all(checked, releasing=...)
                ...  # attach the resources to the entity

The specification names `MediaResourceService.ingest_all`; the steps and the reasons for their order
are in `docs/design/ingest.md`.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import transaction

from accounts.models import OwnerScope, User
from media.errors import ContentError, FileNotFoundForCallerError
from media.services import deletions
from media.services.ingest import check, duplicates, resolve
from media.services.ingest.check import ResultsByKey
from media.services.ingest.claim import CheckedFiles, ResourcesByUrl, claim_all
from media.services.ingest.examine import ExaminedObject
from media.services.ingest.resolve import FileReference, SourcesByUrl
from media.storage import ObjectStore
from sartiq.core.contention import retry_on_contention
from sartiq.core.errors import ContentionError, InvalidError, InvalidValuesError, Issue
from sartiq.core.work.crash_points import crash_point

Result = TypeVar("Result")


class MediaResourceService:
    """Turns the files a request names into resources of one owner scope."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def ingest_all(
        self,
        *,
        user: User,
        scope: OwnerScope,
        files: Sequence[FileReference],
        attach: Callable[[ResourcesByUrl], Result],
    ) -> Result:
        """Check and claim every file, or none, for an entity that is new.

        `attach` is given the resource of each URL; what it writes commits together with the
        resources. Raises what `check` and `claim_all` raise, and ContentionError.
        """
        for attempt in retry_on_contention():
            with attempt:
                checked = self.check(user=user, scope=scope, files=files)
                with transaction.atomic():
                    result = attach(claim_all(checked))
        return result

    def check(
        self, *, user: User, scope: OwnerScope, files: Sequence[FileReference]
    ) -> CheckedFiles:
        """Check every file, outside any transaction.

        Raises InvalidValuesError naming each rejected URL, RequestFilesTooLargeError,
        StoreUnavailableError when the store fails, and ContentionError when another request claimed
        a file that would have been rejected.
        """
        crash_point("ingest-started")
        sources_by_url = resolve.resolve(user=user, scope=scope, urls=[file.url for file in files])
        fresh = [source.upload for source in sources_by_url.values() if source and source.is_fresh]
        results_by_key = check.inspect_all(self.store, [upload for upload in fresh if upload])
        issues = [
            issue for file in files for issue in _issues(file, sources_by_url, results_by_key)
        ]
        if issues:
            _require_still_fresh(user, scope, sources_by_url, results_by_key)
            deletions.refuse_uploads(
                {
                    key: result.code
                    for key, result in results_by_key.items()
                    if isinstance(result, ContentError)
                }
            )
            raise InvalidValuesError(issues)
        examined = [
            result for result in results_by_key.values() if isinstance(result, ExaminedObject)
        ]
        hashes = {properties.content_hash for properties in examined}
        return CheckedFiles(
            scope=scope,
            files=files,
            sources_by_url=sources_by_url,
            results_by_key=results_by_key,
            without_object=duplicates.find_without_object(self.store, scope=scope, hashes=hashes),
        )


def _issues(
    file: FileReference, sources_by_url: SourcesByUrl, results_by_key: ResultsByKey
) -> list[Issue]:
    source = sources_by_url[file.url]
    result = results_by_key.get(source.key) if source else FileNotFoundForCallerError()
    if isinstance(result, InvalidError):
        return [result.at(*file.loc, value=file.url)]
    return []


def _require_still_fresh(
    user: User, scope: OwnerScope, sources_by_url: SourcesByUrl, results_by_key: ResultsByKey
) -> None:
    """Raise ContentionError when a rejected upload became a resource while it was checked.

    Another request claimed it, and its temporary object may already be deleted.
    """
    rejected_urls = [
        url
        for url, source in sources_by_url.items()
        if source and isinstance(results_by_key.get(source.key), InvalidError)
    ]
    current = resolve.resolve(user=user, scope=scope, urls=rejected_urls)
    if any(source is not None and not source.is_fresh for source in current.values()):
        raise ContentionError
