"""Rules for e-mail addresses and roles."""

import unicodedata

MANAGING_ROLES = ("OWNER", "ADMIN")  # may manage members


def normalize_email(text: str) -> str:
    """Return the address as it is stored: trimmed, one Unicode form, the domain in lower case."""
    address = unicodedata.normalize("NFC", text).strip()
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def sign_in_name(text: str) -> str:
    """Return the user name for an address, equal for all its spellings."""
    return normalize_email(text).lower()


def may_assign_role(actor_role: str, role: str) -> bool:
    """Return whether a member with `actor_role` may assign or remove `role`.

    Only owners can make or remove owners.
    """
    if role == "OWNER":
        return actor_role == "OWNER"
    return actor_role in MANAGING_ROLES
