"""Errors of the catalogue."""

from sartiq.core.errors import ConflictError, InvalidError, NotFoundError


class EntityNotFoundError(NotFoundError):
    """Raised when an entity does not exist for the caller."""


class SkuTakenError(ConflictError):
    """Raised when the owner already has a product with this SKU."""

    message = "A product with this SKU already exists. Change that product or choose another SKU."


class SlugTakenError(ConflictError):
    """Raised when the owner already has a subject with this slug."""

    message = "A subject with this slug already exists. Choose another slug."


class RestoredSkuTakenError(ConflictError):
    """Raised when a deleted product cannot be restored because its SKU was taken meanwhile."""

    message = (
        "Another product has this SKU now. Change its SKU or delete it, then restore this product."
    )


class RestoredSlugTakenError(ConflictError):
    """Raised when a deleted subject cannot be restored because its slug was taken meanwhile."""

    message = (
        "Another subject has this slug now. Change its slug or delete it, then restore this"
        " subject."
    )


class ReferenceGoneError(ConflictError):
    """Raised when an object the entity refers to was deleted concurrently."""

    message = "An object that this request refers to was just deleted. Reload it and try again."


class ReferenceNotFoundError(InvalidError):
    """Raised when no object of the same owner has the id."""

    code = "not_found"
    message = "No object of the same owner has this id."


class TooManyImagesError(InvalidError):
    """Raised when one request has too many images."""

    code = "too_many"
    message = "A request can have at most 50 images. Send fewer at a time."


class ModelFileError(InvalidError):
    """Raised when a LoRA model file is rejected."""

    message = "The model file cannot be used."
