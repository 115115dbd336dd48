"""The references to resources and uploads: which of them keep a row, and so its object."""

from typing import Final

# The row is kept while one of these refers to it. The foreign key prevents its removal.
KEEPING: Final = frozenset({"media.Attachment.resource"})

# Cleared when the row is removed. A PENDING resource keeps the one it is `copied_from`.
CLEARED: Final = frozenset(
    {
        "media.Upload.resource",
        "media.MediaResource.copied_from",
        "bulkupload.RemoteImage.upload",
    }
)

# The slots of the entities. Each is stored in an attachment, which keeps the resource.
SLOTS: Final = frozenset(
    {
        "PRODUCT.cover_image",
        "PRODUCT.back_image",
        "PRODUCT.images",
        "SUBJECT.cover_image",
        "LOOK.reference_images",
        "GUIDELINE.images",
    }
)

# The columns that name an object in the public bucket.
KEYS: Final = frozenset(
    {
        "media.MediaResource.storage_key",
        "media.Upload.key",
        "media.ObjectDeletion.key",
        "media.UnknownObject.key",
    }
)
