"""The parent side of the decoder: one child for each process."""

from typing import Any

from media.errors import DecodeLimitError
from sartiq.core.sandbox.client import BoundedChild, ChildDiedError

_decoder = BoundedChild(
    "media.services.decoding.child.main",
    environment={"VIPS_CONCURRENCY": "1", "VIPS_BLOCK_UNTRUSTED": "1"},
)


def ask(request: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to one request; the caller holds the memory share for it."""
    try:
        return _decoder.ask(request)
    except ChildDiedError:
        raise DecodeLimitError from None


def stop() -> None:
    """End this process's decoder, if it has one; the next request starts another."""
    _decoder.stop()


def running_pid() -> int | None:
    """Return the process id of this process's decoder, if it has one."""
    return _decoder.running_pid()
