"""Find row locks of product code outside a transaction of its own, while the tests run.

Django rejects them, but most tests run inside a transaction that is rolled back at their end, where
the missing one goes unnoticed.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.query_plans import calling_function

ROW_LOCK = re.compile(r"\bFOR (NO KEY )?UPDATE\b")


@contextmanager
def watching() -> Iterator[None]:
    """Fail at the end of the block if it took row locks outside a transaction that it began."""
    findings: set[str] = set()
    outer_depth = len(connection.atomic_blocks)

    def check(execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
        is_outside = len(connection.atomic_blocks) == outer_depth
        if is_outside and ROW_LOCK.search(str(sql)) and (caller := calling_function()):
            findings.add(caller)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(check):
        yield
    assert not findings, f"Row locks without a transaction: {', '.join(sorted(findings))}"
