"""Errors of number formats."""


class UndeterminedFormatError(Exception):
    """Raised when the file does not determine how a sheet shows a value."""
