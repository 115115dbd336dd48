"""What a number format cannot show."""


class NotShownError(Exception):
    """Raised when what a sheet shows cannot be known: from the file alone, or at all."""
