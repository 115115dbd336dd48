"""Structured logging: one JSON line per event, without secrets.

The fields of every line of a request are bound in `sartiq/core/http/middleware.py`.
"""

import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

Event = MutableMapping[str, Any]

HIDDEN = "[hidden]"
# Secrets that would let a reader of the log act as another user: signatures, tokens, passwords.
_SECRETS = re.compile(
    r"(?P<name>X-Amz-(?:Signature|Credential|Security-Token)=|[Bb]earer |/uploads/local/"
    r"|(?:signature|token|password|secret)=)[^\s&\"'<>]+"
    r"|eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"
)
_SECRET_NAMES = re.compile(r"password|secret|token|authorization|signature", re.IGNORECASE)


def hide_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Replace every secret in the values of an event (a structlog processor)."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = HIDDEN
        elif isinstance(value, str):
            event[name] = hidden(value)
    return event


def hidden(text: str) -> str:
    """Return `text` with every signature, token and password replaced."""
    return _SECRETS.sub(lambda match: (match["name"] or "") + HIDDEN, text)


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
_RENDERED: list[Any] = [
    structlog.processors.format_exc_info,
    hide_secrets,
    structlog.processors.JSONRenderer(default=str),
]


def configure(level: str) -> None:
    """Write structlog's events directly to standard error, at half the cost of `logging`."""
    structlog.configure(
        processors=[*_SHARED, *_RENDERED],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )


def formatter() -> structlog.stdlib.ProcessorFormatter:
    """Return the formatter of the standard library's handler (for the LOGGING setting)."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERED],
    )
