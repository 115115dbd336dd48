from datetime import timedelta
from http import HTTPStatus

from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from media.errors import StoreUnavailableError
from media.services.health import store_health
from media.services.store_verification import RETRY_SECONDS, require_verified_store
from media.storage import public_store
from sartiq.core.http import health
from sartiq.core.http.exception_handler import json_error_response
from sartiq.core.limits import request_limits

PROOF_TIME = timedelta(seconds=30)  # once, for a dozen requests to the store


@csrf_exempt
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Report whether the database responds and whether the store settings have been verified."""
    response = health.ready(request)
    if response.status_code == HTTPStatus.OK:
        request_limits.extend(PROOF_TIME)
        try:
            require_verified_store()
        except (StoreUnavailableError, DatabaseError):
            reason = (
                "Clients cannot use the object store yet. Run `manage.py setup_bucket` to see why."
            )
            status = {"status": "unavailable", "database": "ok", "store": reason}
            unavailable = JsonResponse(status, status=HTTPStatus.SERVICE_UNAVAILABLE)
            unavailable["Retry-After"] = str(RETRY_SECONDS)
            return unavailable
    return response


@csrf_exempt
@never_cache
@require_safe
def storage(request: HttpRequest) -> JsonResponse:
    """Report whether the object store responds, and the difference between the clocks."""
    try:
        report = store_health(public_store(), now=timezone.now())
    except StoreUnavailableError as error:
        return json_error_response(error)
    drift = None if report.drift is None else round(report.drift.total_seconds(), 1)
    status = "degraded" if report.is_degraded else "ok"
    return JsonResponse({"status": status, "clock_drift_seconds": drift})
