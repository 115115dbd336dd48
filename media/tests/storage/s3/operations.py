"""Operations of the S3 store, and plans for the fault proxy."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from media.storage import ObjectHeaders
from media.storage.s3.store import S3Store
from media.tests.storage import fault_proxy
from media.tests.storage.fault_proxy import Fault

PNG = ObjectHeaders(content_type="image/png")


BUDGET = timedelta(seconds=1)


SLACK = 3  # seconds allowed for a busy machine; without a budget these calls take a minute or more


COPY_ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>m</Message></Error>"


DELETE_ERRORS = b"""<?xml version="1.0" encoding="UTF-8"?>
<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Error><Key>media/a</Key><Code>InternalError</Code><Message>try again</Message></Error>
<Error><Key>media/b</Key><Code>NoSuchKey</Code><Message>absent</Message></Error>
</DeleteResult>"""


Operation = Callable[[S3Store, str], Any]


def read(store: S3Store, key: str) -> bytes:
    with store.open(key) as reader:
        return b"".join(reader)


def copy(store: S3Store, key: str) -> None:
    store.copy(key, f"{key}.copy", if_match="8b1a9953c4611296a827abf8c47804d7", headers=PNG)


OPERATIONS: dict[str, Operation] = {
    "head": lambda store, key: store.head(key),
    "open": read,
    "copy": copy,
    "put": lambda store, key: store.put(key, b"Hello", headers=PNG),
    "delete": lambda store, key: store.delete_many([key]),
    "list": lambda store, key: list(store.list(key)),
}


def always(fault: Fault) -> fault_proxy.Plan:
    return lambda _method, _number: fault


def first_of_each(fault: Fault) -> fault_proxy.Plan:
    return lambda _method, number: fault if number == 1 else None
