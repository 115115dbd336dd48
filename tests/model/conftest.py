"""The profiles of the model; `--hypothesis-profile=model-long` chooses the long one."""

from typing import Any, Final

from hypothesis import HealthCheck, settings

COMMON: Final[dict[str, Any]] = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}

settings.register_profile(
    "model", max_examples=8, stateful_step_count=30, derandomize=True, **COMMON
)
settings.register_profile("model-long", max_examples=200, stateful_step_count=50, **COMMON)
