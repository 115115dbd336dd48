"""Why a photo was not attached: the codes, and the messages that say what to do.

`docs/errors.md` lists the codes for API clients; a test keeps the two equal.
"""

from dataclasses import dataclass
from typing import Final

from bulkupload.rules.limits import MAX_IDLE_TIME, MAX_SLOT_IMAGES
from media.rules import failures

_HOURS: Final = int(MAX_IDLE_TIME.total_seconds()) // 3600
_MESSAGES: Final = {
    "slot_occupied": (
        "The product already has a picture in this slot. Choose another slot, or skip this photo."
    ),
    "slot_taken": (
        "Another photo of this batch comes first in this slot. Choose another slot, or skip this"
        " photo."
    ),
    "slot_full": (
        f"The product has {MAX_SLOT_IMAGES} pictures in this slot, and cannot have more. Remove"
        " some of them and choose the slot again, or skip this photo."
    ),
    "slot_incomplete": (
        "Another photo for this slot failed, so the slot keeps its pictures. Retry the batch, or"
        " skip the failed photo first."
    ),
    "file_not_found": (
        "The photo is not in the store. Retry it, upload it with a new URL and report the upload."
    ),
    "never_sent": f"The photo was not uploaded within {_HOURS} hours. Retry it and upload it.",
    "not_attached": (
        f"The batch was not started within {_HOURS} hours. Retry it to attach its photos."
    ),
    "no_product": "No product has a SKU that this name begins with. Choose a product.",
    "ambiguous_product": "Several products fit this name. Choose one of the candidates.",
    "product_deleted": "The product was deleted. Choose another product.",
    "owner_gone": "The user who started the batch may no longer write here. Start a new batch.",
    "cancelled": "The batch was cancelled. Retry it to attach this photo.",
    "attempts_exhausted": "The photo could not be attached in five attempts. Retry it later.",
    "store_unavailable": "The file store did not answer. Retry the photo later.",
}
CODES: Final = tuple(sorted({*_MESSAGES, *failures.CODES}))
# After these a new upload is needed.
WITHOUT_BYTES: Final = frozenset({"file_not_found", "never_sent", *failures.CODES}) - {
    "attempts_exhausted",
    "store_unavailable",
}
# After these the next upload has other bytes than those that were declared.
REFUSED_BYTES: Final = WITHOUT_BYTES - {
    "file_not_found",
    "never_sent",
    *failures.ObjectLoss,
    *failures.RelocationFailure,
}


@dataclass(frozen=True, kw_only=True)
class PhotoFailure:
    """Why a photo was not attached."""

    code: str
    message: str

    @property
    def needs_upload(self) -> bool:
        """Whether the bytes are missing or unusable."""
        return self.code in WITHOUT_BYTES

    @property
    def needs_other_bytes(self) -> bool:
        """Whether the declared bytes were refused, so that others must be uploaded."""
        return self.code in REFUSED_BYTES


def failure(code: str) -> PhotoFailure:
    """Return the failure with a code."""
    return PhotoFailure(code=code, message=_MESSAGES.get(code) or failures.sentence_for(code))
