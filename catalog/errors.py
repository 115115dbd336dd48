"""The errors of the catalogue, by meaning."""

from sartiq.core.errors import ConflictError, InvalidError, NotFoundError


class EntityNotFoundError(NotFoundError):
    """Raised when an entity does not exist for the caller."""


class SkuTakenError(ConflictError):
    """Raised when the owner already has a product with this SKU."""

    message = "A product with this SKU already exists; change that one, or choose another SKU."


class SlugTakenError(ConflictError):
    """Raised when the owner already has a subject with this slug."""

    message = "A subject with this slug already exists; choose another slug."


class ReferenceGoneError(ConflictError):
    """Raised when something the entity refers to was deleted meanwhile."""

    message = "Something this refers to was deleted meanwhile; read it again."


class ReferenceNotFoundError(InvalidError):
    """Raised when an id names nothing of the same owner."""

    code = "not_found"
    message = "No such object of the same owner."


class TooManyImagesError(InvalidError):
    """Raised when one request names more images than it may."""

    code = "too_many"
    message = "One request may name 50 images; send fewer at once."


class ModelFileError(InvalidError):
    """Raised when a LoRA model file is refused."""

    message = "The model file is not acceptable."
