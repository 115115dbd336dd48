"""Failure codes of files and the messages shown for them."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from media.errors import ContentError


class ObjectLoss(StrEnum):
    """The codes of files whose stored object was lost after they were READY."""

    MISSING = "object_missing"
    CHANGED = "object_changed"


class RelocationFailure(StrEnum):
    """The codes of relocations that failed for other reasons than the content."""

    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    SOURCE_MISSING = "source_missing"
    STORE_UNAVAILABLE = "store_unavailable"


def _error_classes(base: type[ContentError]) -> Iterator[type[ContentError]]:
    for error in base.__subclasses__():
        yield error
        yield from _error_classes(error)


_SENTENCES: Final[dict[str, str]] = {
    **{error.code: error.message for error in _error_classes(ContentError)},
    RelocationFailure.ATTEMPTS_EXHAUSTED: (
        "Checking the file was interrupted several times. Upload it again; if that fails too, save"
        " it with another program first."
    ),
    RelocationFailure.SOURCE_MISSING: (
        "The uploaded file was deleted before it could be stored. Upload it again."
    ),
    RelocationFailure.STORE_UNAVAILABLE: (
        "The file could not be stored because the file store did not answer. Upload it again later."
    ),
    ObjectLoss.MISSING: (
        "The stored file is missing. Upload the same file again: it then appears everywhere it was"
        " used."
    ),
    ObjectLoss.CHANGED: (
        "The stored file is no longer the one that was uploaded. Upload the same file again: it"
        " then appears everywhere it was used."
    ),
}
CODES: Final = tuple(sorted(_SENTENCES))


def sentence_for(code: str) -> str:
    """Return the message for a code; a general one for codes of other releases."""
    return _SENTENCES.get(code, ContentError.message)


def as_json(code: str) -> dict[str, str] | None:
    """Return the failure as the API returns it, None without one."""
    return {"code": code, "message": sentence_for(code)} if code else None
