from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from media.errors import StoreUnavailableError
from media.services.health import store_health
from media.storage import public_store
from sartiq.core.exception_handler import as_json


@never_cache
@require_safe
def storage(request: HttpRequest) -> JsonResponse:
    """Answer whether the object store does, and how far the clocks are apart."""
    try:
        health = store_health(public_store(), now=timezone.now())
    except StoreUnavailableError as error:
        return as_json(error)
    return JsonResponse(
        {
            "status": "degraded" if health.is_degraded else "ok",
            "clock_drift_seconds": round(health.drift.total_seconds(), 1),
        }
    )
