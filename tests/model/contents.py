"""The files that the users of the model upload."""

import hashlib
from dataclasses import dataclass
from typing import Final

from media.tests.factories import PNG, photo
from media.tests.rules.file_types.specimens import pdf

PDF: Final = "application/pdf"
TWIN_ETAG: Final = "c" * 32  # of both twins, like two files with the same MD5


@dataclass(frozen=True, kw_only=True)
class Content:
    """The bytes of a file, and whether the product must accept them as their type."""

    name: str
    body: bytes
    content_type: str
    is_valid: bool = True

    @property
    def sha256(self) -> str:
        """Return the identity of the bytes."""
        return hashlib.sha256(self.body).hexdigest()


def _twin(letter: bytes) -> bytes:
    """Return a document that differs from its twin in one byte of a comment."""
    return pdf() + b"%" + letter + b"\n%%EOF\n"


SHOE: Final = Content(name="shoe", body=photo(1), content_type=PNG)
BOOT: Final = Content(name="boot", body=photo(2), content_type=PNG)
TWINS: Final = tuple(
    Content(name=f"twin-{letter.decode()}", body=_twin(letter), content_type=PDF)
    for letter in (b"a", b"b")
)
PAGE: Final = Content(
    name="page", body=b"<!DOCTYPE html><html></html>", content_type=PNG, is_valid=False
)
EMPTY: Final = Content(name="empty", body=b"", content_type=PDF, is_valid=False)

CONTENTS: Final = (SHOE, BOOT, *TWINS, PAGE, EMPTY)
VALID: Final = tuple(content for content in CONTENTS if content.is_valid)
