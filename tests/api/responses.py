"""Assertions for all error responses of the product."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from sartiq.core.api.issue_codes import CODES

LOCATIONS: Final = {"body", "path", "query", "header"}
# SQL, file paths, tracebacks, and names of libraries must not be shown to callers (T51).
LEAK: Final = re.compile(
    r"Traceback|File \"|\bline \d+\b|SELECT |INSERT |UPDATE \"|psycopg|postgres|redis|valkey"
    r"|site-packages|rest_framework|django|\.py\b|/home/|/usr/|/tmp/|granian|botocore|SECRET",
    re.IGNORECASE,
)


def require_error_format(status: int, body: bytes, headers: Mapping[str, str]) -> Any:
    """Assert that an error response has the documented format and codes, and leaks nothing."""
    assert 400 <= status < 500, (status, body[:500])
    assert headers["content-type"] == "application/json"
    content = json.loads(body.decode())
    assert set(content) == {"detail"}
    require_no_leak(body)
    if status == 422:
        require_issues(content["detail"])
    else:
        assert isinstance(content["detail"], str)
    return content["detail"]


def require_issues(issues: Any) -> None:
    """Assert that the detail of a 422 is a list of the specification's ValidationError."""
    assert isinstance(issues, list)
    assert issues
    for issue in issues:
        assert set(issue) == {"loc", "msg", "type", "input", "ctx"}
        assert issue["loc"][0] in LOCATIONS
        assert issue["type"] in CODES
        assert isinstance(issue["msg"], str)
        assert isinstance(issue["ctx"], dict)


def require_no_leak(body: bytes) -> None:
    """Assert that a body reveals no internals of the product."""
    leak = LEAK.search(body.decode())
    assert leak is None, leak
