"""The errors of the exports, by meaning."""

from sartiq.core.errors import InvalidError, NotFoundError


class ExportConfigurationNotFoundError(NotFoundError):
    """Raised when no such configuration exists for the caller."""

    message = "Export configuration not found"


class MetadataAdapterNotFoundError(NotFoundError):
    """Raised when no adapter has the code."""

    message = "Metadata adapter not found"


class TemplateError(InvalidError):
    """Raised when a naming template cannot be read; `ctx` names the token and its position."""

    code = "template_invalid"
    message = "The naming template is not valid."

    def __init__(self, fault: str, *, text: str, token: str, position: int) -> None:
        super().__init__(
            f"{fault} at position {position}.",
            value=text,
            ctx={"token": token, "position": position},
        )


class TemplateNotCustomizableError(InvalidError):
    """Raised when a template comes with an adapter that prescribes its own."""

    code = "template_not_customizable"
    message = "This metadata adapter prescribes its names; leave the template out."


class AdapterNotAvailableError(InvalidError):
    """Raised when a configuration names an adapter its owner may not use."""

    code = "adapter_not_available"
    message = "This metadata adapter is not available here."


class OrganizationUnknownError(InvalidError):
    """Raised when an adapter shall be shown to an organization that does not exist."""

    code = "not_found"
    message = "No such organization."
