"""The reasons for which a file is refused or fails, as sentences for the person who sent it."""

from enum import StrEnum
from typing import Final

from media.errors import SourceChangedError, TooManyScansError


class RelocationFailure(StrEnum):
    """The codes of a failed resource whose bytes are not at fault."""

    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    SOURCE_MISSING = "source_missing"
    STORE_UNAVAILABLE = "store_unavailable"


_UNKNOWN: Final = "The file could not be used. Upload it again."
_ACCEPTED: Final = "Accepted are JPEG, PNG, WebP, GIF, AVIF, MP4, MP3, PDF and ZIP files."
_SENTENCES: Final = {
    RelocationFailure.ATTEMPTS_EXHAUSTED: (
        "Checking the file was interrupted several times. Upload it again; if that fails too, save"
        " it with another program first."
    ),
    RelocationFailure.SOURCE_MISSING: (
        "The uploaded file was gone before it could be stored. Upload it again."
    ),
    RelocationFailure.STORE_UNAVAILABLE: (
        "The file could not be stored because the file store did not answer. Upload it again later."
    ),
    SourceChangedError.code: "The file was replaced while it was being stored. Upload it again.",
    "archive_rejected": (
        "The archive lists files that are unsafe to unpack. Pack your files into a new ZIP archive"
        " and upload it."
    ),
    "content_type_mismatch": (
        f"The file is not of the type it was uploaded as. {_ACCEPTED} Export it as one of them and"
        " upload it again."
    ),
    "content_type_not_allowed": (
        f"Files of this type are not accepted. {_ACCEPTED} Export it as one of them and upload it."
    ),
    "decode_limit": (
        "Opening the image takes more time or memory than allowed. Save it in a smaller size or as"
        " an ordinary JPEG and upload it again."
    ),
    "file_corrupt": "The file is damaged. Export it again from the original and upload it.",
    "file_empty": "The file is empty. Check the original and upload it again.",
    "file_too_large": "The file is larger than 50 MiB. Make it smaller and upload it again.",
    "file_too_small": "The file is empty. Check the original and upload it again.",
    "file_truncated": (
        "Part of the file is missing; it was probably cut off while it was copied or saved. Copy or"
        " export it again and upload it."
    ),
    "image_required": "Only images can be shown here. Upload a JPEG, PNG, WebP, GIF or AVIF.",
    "image_too_large": (
        "The image has too many pixels or frames, or a side is too long. Make it smaller and upload"
        " it again."
    ),
    TooManyScansError.code: TooManyScansError.message,
    "image_undecodable": (
        "The image is damaged and cannot be shown in full. Export it again from the original and"
        " upload it."
    ),
}


def sentence_for(code: str) -> str:
    """Return what happened and what to do; one sentence for all codes of other releases."""
    return _SENTENCES.get(code, _UNKNOWN)


def as_answer(code: str) -> dict[str, str] | None:
    """Return the failure as answers show it, None where nothing failed."""
    return {"code": code, "message": sentence_for(code)} if code else None
