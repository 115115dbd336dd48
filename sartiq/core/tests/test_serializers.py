from typing import Any

import pytest
from rest_framework import serializers

from sartiq.core.errors import InvalidManyError
from sartiq.core.serializers import StrictSerializer
from sartiq.core.validation import read


class Shelf(StrictSerializer[Any]):
    name = serializers.CharField(max_length=5)
    sku = serializers.CharField(required=False)
    images = serializers.ListField(
        child=serializers.CharField(max_length=3), required=False, max_length=4
    )


def faults(body: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(InvalidManyError) as refused:
        read(Shelf, body)
    return [(issue.loc, issue.code) for issue in refused.value.issues]


def test_a_value_of_another_type_hides_no_other_fault() -> None:
    assert faults({"sku": 5, "images": "x"}) == [
        (("body", "name"), "missing"),
        (("body", "sku"), "string_type"),
        (("body", "images"), "list_type"),
    ]


def test_items_of_a_list_are_each_named() -> None:
    assert faults({"name": "Shelf", "images": ["abcd", 5, "ok", True]}) == [
        (("body", "images", 0), "string_too_long"),
        (("body", "images", 1), "string_type"),
        (("body", "images", 3), "string_type"),
    ]


def test_a_type_that_would_be_turned_is_refused_alone() -> None:
    assert faults({"name": 5}) == [(("body", "name"), "string_type")]


def test_what_is_no_object_is_named_as_such() -> None:
    assert faults(["name"]) == [(("body",), "object_type")]
