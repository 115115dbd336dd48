"""The object stores behind one interface (`media.storage.contract`)."""

from media.storage.contract import (
    Body,
    DeleteFailure,
    ObjectHead,
    ObjectHeaders,
    ObjectListing,
    ObjectReader,
    ObjectStore,
    SignedPut,
)
from media.storage.deadline import time_limit
from media.storage.factory import private_store, public_store
from media.storage.remote_fetch import RemoteBusyError, RemoteError, RemoteFault, RemoteFetcher

__all__ = [
    "Body",
    "DeleteFailure",
    "ObjectHead",
    "ObjectHeaders",
    "ObjectListing",
    "ObjectReader",
    "ObjectStore",
    "RemoteBusyError",
    "RemoteError",
    "RemoteFault",
    "RemoteFetcher",
    "SignedPut",
    "private_store",
    "public_store",
    "time_limit",
]
