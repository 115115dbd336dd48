"""The WSGI environ (PEP 3333) of a request, built from the ASGI scope."""

import sys
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_to_bytes

from sartiq.core.http.request_body import Readable

_CONSTANT: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
_PLAIN_NAMES = {"CONTENT_TYPE", "CONTENT_LENGTH"}


def environ_of(scope: Any, body: Readable) -> dict[str, Any]:
    """Return the WSGI environment of one request."""
    environ = {
        **_CONSTANT,
        "REQUEST_METHOD": scope["method"],
        # WSGI passes the decoded bytes as latin-1.
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": str(scope["server"][0]),
        "SERVER_PORT": str(scope["server"][1]),
        "REMOTE_ADDR": str(scope["client"][0]),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": body,
    }
    for raw_name, raw_value in scope["headers"]:
        name = _name(raw_name)
        if name is not None:
            value = raw_value.decode("latin-1")
            if name in environ:  # cookies can contain commas
                value = environ[name] + (";" if name == "HTTP_COOKIE" else ",") + value
            environ[name] = value
    return environ


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str | None:
    """Return the WSGI name of a header; None if it contains `_`, as it could imitate another."""
    if b"_" in raw:
        return None
    name = raw.decode("latin-1").upper().replace("-", "_")
    return name if name in _PLAIN_NAMES else f"HTTP_{name}"
