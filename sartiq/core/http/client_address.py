"""The address of the client, behind the proxies that the deployment trusts.

How many proxies are trusted is `PROXY_COUNT` (sartiq/settings/environment.py).
"""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Return the address of the client; None if it is unknown (a local socket).

    Each proxy appends the address of its client to `X-Forwarded-For`, so behind two proxies the
    last but one is the client's. What stands before it was sent by the client and is not trusted.
    """
    remote: str = request.META.get("REMOTE_ADDR", "")
    count: int = settings.PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if count else []
    candidate = forwarded[-count] if len(forwarded) >= count > 0 else ""
    return _valid(candidate) or _valid(remote)


def _valid(address: str) -> str | None:
    try:
        return str(ip_address(address.strip()))
    except ValueError:
        return None
