import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from sartiq.settings.variable_types import MIN_SECRET_BYTES


def ids() -> set[str | None]:
    return {message.id for message in run_checks()}


def test_the_settings_in_use_are_valid() -> None:
    assert not {check_id for check_id in ids() if check_id and check_id.startswith("core.")}


@pytest.mark.covers("T42")
def test_a_short_secret_is_reported(settings: Settings) -> None:
    settings.SECRET_KEY = "x" * (MIN_SECRET_BYTES - 1)

    assert "core.E001" in ids()


@pytest.mark.covers("F07")
@pytest.mark.parametrize("limit", ["TASK_TIME_LIMIT", "ASSEMBLY_TIME_LIMIT"])
@pytest.mark.parametrize("visibility", [299, 300])
def test_a_task_limit_above_the_visibility_timeout_is_reported(
    settings: Settings, visibility: int, limit: str
) -> None:
    settings.TASK_TIME_LIMIT = settings.ASSEMBLY_TIME_LIMIT = 1
    setattr(settings, limit, 300)
    settings.VISIBILITY_TIMEOUT = visibility

    assert "core.E002" in ids()


@pytest.mark.covers("F29")
def test_another_time_zone_is_reported(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Oslo"

    assert "core.E003" in ids()


@pytest.mark.parametrize(
    ("is_on", "at_once", "stops"), [(True, 0, True), (True, 1, False), (False, 0, False)]
)
def test_remote_images_with_a_concurrency_of_zero_are_reported(
    settings: Settings, *, is_on: bool, at_once: int, stops: bool
) -> None:
    settings.BULK_REMOTE_IMAGES = is_on
    settings.BULK_REMOTE_AT_ONCE = at_once

    assert ("core.E004" in ids()) == stops
