"""Addresses that look like an S3 endpoint and are none: with them, files land where nobody expects.

The gateway speaks path style, so it adds the bucket's name itself. An endpoint that ends in one
makes the first path segment the bucket: keys of the private bucket become keys of the public one.
"""

from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

R2_API: Final = ".r2.cloudflarestorage.com"
R2_PUBLIC: Final = ".r2.dev"
R2_DASHBOARD: Final = "dash.cloudflare.com"
R2_FORM: Final = "https://<account id>.r2.cloudflarestorage.com"


def endpoint_faults(endpoint: str, *, buckets: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with an absolute address as an S3 endpoint, each as a predicate."""
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").lower().rstrip(".")
    segments = [unquote(each).strip().lower() for each in parts.path.split("/")]
    last = next((each for each in reversed(segments) if each), "")
    names = {name.lower() for name in buckets if name}
    if host == R2_DASHBOARD or host.endswith(R2_PUBLIC):
        yield f"is not the S3 API of R2, which is {R2_FORM}"
    elif last in names:
        yield f"ends in the name of a bucket ({last}); leave it out"
    elif host.endswith(R2_API) and last:
        yield f"has a path; on R2 it is {R2_FORM} and nothing else"
    elif host.split(".")[0] in names and "." in host:
        yield f"begins with the name of a bucket ({host.split('.')[0]}); leave it out"


def is_r2(endpoint: str) -> bool:
    """Tell whether an address is R2's S3 API."""
    return (urlsplit(endpoint).hostname or "").lower().rstrip(".").endswith(R2_API)
