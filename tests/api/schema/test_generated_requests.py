"""Valid and invalid requests, generated from the served schema, as different users.

Every response must match the schema, and none may be a server error.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sartiq.wsgi import application
from tests.api.world import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EXAMPLES = 4  # for each operation and mode
PRINCIPALS = ("anonymous", "member", "superuser")  # those who may delete most come last
# The sample object that replaces a generated path parameter in about half of the requests.
OBJECTS = {
    "org_id": "organization",
    "user_id": "colleague",
    "resource_id": "resource",
    "upload_id": "upload",
    "config_id": "configuration",
    "job_id": "job",
    "run_id": "run",
    "products": "product",
    "subjects": "subject",
    "looks": "look",
    "guidelines": "guideline",
    "production-requests": "request",
}


@pytest.fixture
def keep_connection(db: None) -> Iterator[None]:
    """Keep the test's transaction open across requests, as Django's own test client does."""
    signals.request_started.disconnect(close_old_connections)
    signals.request_finished.disconnect(close_old_connections)
    yield
    signals.request_started.connect(close_old_connections)
    signals.request_finished.connect(close_old_connections)


@pytest.fixture
def schema(keep_connection: None) -> Any:
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


def operations(schema: Any) -> Iterator[Any]:
    for result in schema.get_all_operations():
        yield result.ok()


def use_existing_ids(case: Any, world: World) -> None:
    """Replace the ids in the path by ids of objects that exist."""
    for parameter in case.path_parameters or {}:
        kind = case.path.split("/")[3] if parameter == "entity_id" else parameter
        if kind in OBJECTS:
            case.path_parameters[parameter] = str(world.ids[OBJECTS[kind]])


def send_generated(operation: Any, mode: GenerationMode, world: World) -> int:
    """Send generated requests to one operation, each as every user; return their number."""
    count = 0

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), existing=st.booleans())
    def request(case: Any, existing: bool) -> None:  # noqa: FBT001  Hypothesis passes by keyword
        nonlocal count
        if existing:
            use_existing_ids(case, world)
        for principal in PRINCIPALS:
            token = world.tokens.get(principal)
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            case.validate_response(case.call(headers=headers), checks=CHECKS)
        count += 1

    with suppress(Unsatisfiable):  # without parameters and body no request can be invalid
        request()
    return count


@pytest.mark.covers("T44", "T51")
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_response_matches_the_schema(schema: Any, world: World, mode: GenerationMode) -> None:
    count, failures = 0, []
    for operation in operations(schema):
        try:
            count += send_generated(operation, mode, world)
        except FailureGroup as group:
            failures += [f"{operation.label}: {exception}" for exception in group.exceptions]

    assert failures == []
    assert count > 30 * EXAMPLES
