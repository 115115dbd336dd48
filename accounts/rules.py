"""Pure rules of who is who."""

import unicodedata


def normal_email(text: str) -> str:
    """Return the address as it is stored: trimmed, one Unicode form, the domain in lower case."""
    address = unicodedata.normalize("NFC", text).strip()
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"
