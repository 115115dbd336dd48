"""Each reference to a file is registered, with whether it keeps the file from being deleted."""

from django.apps import apps
from django.db import models

from catalog.rules.slots import SLOTS
from media.models import MediaResource, Upload
from media.rules import references


def foreign_keys() -> dict[str, models.ForeignKey]:  # type: ignore[type-arg]  # of any models
    """Return every foreign key to a resource or an upload, by its label."""
    return {
        f"{model._meta.label}.{field.name}": field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey) and field.related_model in {MediaResource, Upload}
    }


def labels(on_delete: object) -> set[str]:
    return {
        label
        for label, field in foreign_keys().items()
        if field.remote_field.on_delete is on_delete
    }


def test_every_foreign_key_is_registered() -> None:
    assert set(foreign_keys()) == references.KEEPING | references.CLEARED


def test_a_foreign_key_does_what_is_registered() -> None:
    assert labels(models.RESTRICT) == references.KEEPING
    assert labels(models.SET_NULL) == references.CLEARED


def test_every_slot_is_registered() -> None:
    slots = {f"{kind}.{slot.name}" for kind, each in SLOTS.items() for slot in each}

    assert slots == references.SLOTS


def test_every_column_with_a_public_key_is_registered() -> None:
    columns = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_app_config("media").get_models()
        for field in model._meta.local_fields
        if field.name == "key" or field.name.endswith("_key")
    }

    assert columns == references.KEYS
