"""Where the store has the images of a batch, and why some of them are refused.

A row names an image by the URL in the table. The store has it under the same URL or, for a remote
image, under that of our copy. Everything that is attached or refused is known by its stored URL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bulkupload.codes import ImageCode
from bulkupload.models import BulkUploadJob, BulkUploadMedia, RemoteImage
from bulkupload.services.images import remote_cache
from media.rules.failures import sentence_for
from media.services.ingest import resolve
from sartiq.core.errors import InvalidValuesError, Issue

NOT_FOUND: Final[ImageCode] = "image_not_found"
NOT_FOUND_MESSAGE: Final = (
    "The image does not exist or was deleted. Upload it again and enter its new URL."
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Why an image is not attached."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class StoredUrls:
    """The URLs of a batch's images in our store, by the URLs in its rows.

    They are the same, except for remote images, of which the store has a copy. `refused` has the
    stored URLs whose images are not attached.
    """

    by_row_url: Mapping[str, str]
    refused: Mapping[str, Refusal]

    def usable(self, rows: Iterable[BulkUploadMedia]) -> list[str]:
        """Return the stored URLs of these rows that are not refused, without duplicates."""
        stored = dict.fromkeys(self.by_row_url[url] for row in rows for url in row.urls)
        return [url for url in stored if url not in self.refused]

    def usable_url(self, row_url: str) -> str:
        """Return the stored URL of an image, empty if it is refused."""
        stored = self.by_row_url[row_url]
        return "" if stored in self.refused else stored

    def refusal_of(self, row_url: str) -> Refusal | None:
        """Return why an image is refused, None if it is not."""
        return self.refused.get(self.by_row_url[row_url])

    def with_refused(self, refused: Mapping[str, Refusal]) -> "StoredUrls":
        """Return the same URLs with more of them refused."""
        return replace(self, refused={**self.refused, **refused})


def stored_urls_of(
    rows: Iterable[BulkUploadMedia], remotes: Mapping[str, RemoteImage]
) -> StoredUrls:
    """Return the stored URLs of the images of rows; a remote image without a copy is refused."""
    by_row_url: dict[str, str] = {}
    refused: dict[str, Refusal] = {}
    for url in {url for row in rows for url in row.urls}:
        remote = remotes.get(url)
        stored = remote_cache.copy_url(remote) if remote else url
        if remote and not stored:
            refused[url] = _refusal_of_remote(remote)
        by_row_url[url] = stored or url
    return StoredUrls(by_row_url=by_row_url, refused=refused)


def _refusal_of_remote(remote: RemoteImage) -> Refusal:
    # Another batch may have refused the file since it was fetched.
    code = remote.upload.refusal if remote.upload else ""
    return Refusal(
        code=remote.failure_code or code or NOT_FOUND,
        message=remote.failure_message or (sentence_for(code) if code else NOT_FOUND_MESSAGE),
    )


def refusals_in(error: InvalidValuesError, job: BulkUploadJob) -> dict[str, Refusal]:
    """Return why the ingest refused files, by stored URL, now or earlier for another batch."""
    issues_by_url: dict[str, Issue] = {issue.input: issue for issue in error.issues}
    missing = [url for url, issue in issues_by_url.items() if issue.code == "file_not_found"]
    earlier_codes = resolve.refusals(user=job.user, scope=job.scope, urls=missing)
    refusals: dict[str, Refusal] = {}
    for url, issue in issues_by_url.items():
        if url in earlier_codes:
            code = earlier_codes[url]
            refusals[url] = Refusal(code=code, message=sentence_for(code))
        elif issue.code == "file_not_found":
            refusals[url] = Refusal(code=NOT_FOUND, message=NOT_FOUND_MESSAGE)
        else:
            refusals[url] = Refusal(code=issue.code, message=issue.message)
    return refusals
