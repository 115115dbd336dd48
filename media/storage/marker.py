"""The object that says which environment a bucket belongs to.

A sweep pointed at another environment's bucket would see nothing but orphans; it asks this first.
"""

import json
from typing import Final

from media.errors import ObjectNotFoundError
from media.storage.contract import ObjectHeaders, ObjectStore

MARKER_KEY: Final = ".sartiq-environment"  # under no prefix that is ever swept


def environment_of(store: ObjectStore) -> str | None:
    """Return the environment a bucket is marked with, None for an unmarked one."""
    try:
        with store.open(MARKER_KEY) as reader:
            marked = json.loads(b"".join(reader))
    except (ObjectNotFoundError, ValueError):
        return None
    name = marked.get("environment") if isinstance(marked, dict) else None
    return name if isinstance(name, str) else None


def mark(store: ObjectStore, environment: str) -> None:
    """Write the marker."""
    body = json.dumps({"environment": environment}).encode()
    store.put(MARKER_KEY, body, headers=ObjectHeaders(content_type="application/json"))
