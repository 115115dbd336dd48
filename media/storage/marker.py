"""The environment marker of a bucket.

To another database, every object in the bucket would look like an orphan, so the marker is compared
before anything is deleted.
"""

import json
from typing import Final

from media.errors import ObjectNotFoundError
from media.rules.environment import Identity, identity_from_json
from media.storage.contract import ObjectHeaders, ObjectStore

MARKER_KEY: Final = ".sartiq-environment"  # outside the prefixes that are cleaned up


def marker_of(store: ObjectStore) -> Identity | None:
    """Return the identity a bucket is marked with, None without a marker."""
    try:
        with store.open(MARKER_KEY) as reader:
            return identity_from_json(json.loads(b"".join(reader)))
    except (ObjectNotFoundError, ValueError):
        return None


def mark(store: ObjectStore, identity: Identity) -> None:
    """Write the marker of an identity into a bucket."""
    body = json.dumps(identity.as_json()).encode()
    store.put(MARKER_KEY, body, headers=ObjectHeaders(content_type="application/json"))
