"""Detection of wrong S3 endpoint URLs, with which files would be stored in the wrong place.

Path-style requests add the bucket name to the endpoint. If the endpoint already ends in a bucket
name, that bucket is used for everything: keys of the private bucket become keys of the public one.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

R2_API: Final = ".r2.cloudflarestorage.com"
R2_PUBLIC: Final = ".r2.dev"
R2_DASHBOARD: Final = "dash.cloudflare.com"
R2_FORM: Final = "https://<account id>.r2.cloudflarestorage.com"
# The account id, optionally with a jurisdiction such as eu.
_R2_ENDPOINT: Final = re.compile(
    r"https://[0-9a-f]{32}(\.[a-z0-9-]+)?\.r2\.cloudflarestorage\.com\.?(:443)?"
)


def endpoint_problems(endpoint: str, *, buckets: Collection[str]) -> Iterator[str]:
    """Yield the problems of a URL as an S3 endpoint, as predicates ('has a path')."""
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").lower().rstrip(".")
    segments = [unquote(segment).strip().lower() for segment in parts.path.split("/")]
    last = next((segment for segment in reversed(segments) if segment), "")
    names = {name.lower() for name in buckets if name}
    bucket = next((segment for segment in segments if segment in names), "")
    if host == R2_DASHBOARD or host.endswith(R2_PUBLIC):
        yield f"is not the S3 API of R2, which is {R2_FORM}"
    elif last in names:
        yield f"ends in the name of a bucket ({last}); leave it out"
    elif bucket:
        yield f"contains the name of a bucket ({bucket}); leave it out"
    elif host.endswith(R2_API) and last:
        yield f"has a path; on R2 it is {R2_FORM} and nothing else"
    elif host.split(".")[0] in names and "." in host:
        yield f"begins with the name of a bucket ({host.split('.')[0]}); leave it out"
    elif is_r2(endpoint) and not _R2_ENDPOINT.fullmatch(f"{parts.scheme}://{parts.netloc.lower()}"):
        yield f"is not the S3 API of R2, which is {R2_FORM}"


def public_url_problems(
    url: str, *, endpoints: Collection[str], private_bucket: str
) -> Iterator[str]:
    """Yield the problems of the URL that serves public objects."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    segments = [unquote(segment).strip().lower() for segment in parts.path.split("/")]
    if is_r2(url):
        yield "is the S3 API of R2, which refuses unsigned requests"
    elif url and url in endpoints:
        yield "is S3_ENDPOINT_URL or S3_PUBLIC_ENDPOINT_URL, which refuse unsigned requests"
    elif private_bucket and private_bucket in {segments[-1], host.split(".")[0]} - {host}:
        yield f"names the private bucket ({private_bucket})"


def is_r2(endpoint: str) -> bool:
    """Return whether a URL is R2's S3 API."""
    host = (urlsplit(endpoint).hostname or "").lower().rstrip(".")
    return f".{host}".endswith(R2_API)
