from catalog.rules.slots import EntityType
from media.api.filters import ENTITY_TYPES


def test_media_is_filtered_by_every_kind_of_entity() -> None:
    assert sorted(ENTITY_TYPES) == sorted(kind.value.lower() for kind in EntityType)
