"""The error of number formats."""


class NotShownError(Exception):
    """Raised when the file does not determine what a sheet shows."""
