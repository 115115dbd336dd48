"""HTTP requests and Celery tasks as the causes of events: who acts, and through what."""

from typing import Any
from uuid import UUID

from celery import signals
from django.db.models import Model
from django.http import HttpRequest

from sartiq.core.events import context
from sartiq.core.events.context import MAX_SOURCE_ID_LENGTH, MAX_SOURCE_LENGTH, Cause
from sartiq.core.http.client_address import client_address
from sartiq.core.http.referrer import STAFF_PATH
from sartiq.core.models import ActorKind


def cause_of_request(request: HttpRequest, request_id: str) -> Cause:
    """Return who sent a request, its route, and the client's address."""
    is_staff = request.path_info.startswith(STAFF_PATH)
    match = request.resolver_match
    return Cause(
        actor_kind=ActorKind.STAFF if is_staff else ActorKind.USER,
        actor_id=user_id_of(request),
        source=f"{request.method} {match.route if match else ''}"[:MAX_SOURCE_LENGTH],
        source_id=request_id[:MAX_SOURCE_ID_LENGTH],
        ip=client_address(request),
    )


def user_id_of(request: HttpRequest) -> UUID | None:
    """Return the id of the user of a request, None if the view did not load one."""
    user: Any = getattr(request, "_cached_user", None) or request.__dict__.get("user")
    # `isinstance` would load a lazy user, which fails while the database is down.
    return user.pk if issubclass(type(user), Model) else None


def follow_tasks() -> None:
    """Set the cause for every task that this process runs."""
    signals.task_prerun.connect(_start_task, dispatch_uid="events-task-started")
    signals.task_postrun.connect(_end_task, dispatch_uid="events-task-ended")


def _start_task(*, task_id: str, task: Any, **_: Any) -> None:
    cause = Cause(
        actor_kind=ActorKind.WORKER,
        source=str(task.name)[:MAX_SOURCE_LENGTH],
        source_id=str(task_id)[:MAX_SOURCE_ID_LENGTH],
    )
    context.enter(lambda: cause)


def _end_task(**_: Any) -> None:
    context.enter(None)
