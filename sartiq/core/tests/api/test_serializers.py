from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from sartiq.core.api import fields
from sartiq.core.api.serializers import StrictSerializer
from sartiq.core.api.validation import validate_input
from sartiq.core.errors import InvalidValuesError


class Shelf(StrictSerializer[Any]):
    name = serializers.CharField(max_length=5)
    sku = serializers.CharField(required=False)
    images = serializers.ListField(
        child=serializers.CharField(max_length=3), required=False, max_length=4
    )


def issues(body: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(InvalidValuesError) as excinfo:
        validate_input(Shelf, body)
    return [(issue.loc, issue.code) for issue in excinfo.value.issues]


def test_a_value_of_the_wrong_type_hides_no_other_error() -> None:
    assert issues({"sku": 5, "images": "x"}) == [
        (("body", "name"), "missing"),
        (("body", "sku"), "string_type"),
        (("body", "images"), "list_type"),
    ]


def test_each_invalid_item_of_a_list_is_reported() -> None:
    assert issues({"name": "Shelf", "images": ["abcd", 5, "ok", True]}) == [
        (("body", "images", 0), "string_too_long"),
        (("body", "images", 1), "string_type"),
        (("body", "images", 3), "string_type"),
    ]


def test_a_value_that_drf_would_convert_is_refused() -> None:
    assert issues({"name": 5}) == [(("body", "name"), "string_type")]


def test_a_body_that_is_not_an_object_is_reported() -> None:
    assert issues(["name"]) == [(("body",), "object_type")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (fields.IntegerField(), "1_0"),
        (fields.IntegerField(), "\u0661"),
        (fields.IntegerField(), "\u00b2"),
        (fields.IntegerField(), " 1"),
        (fields.IntegerField(), "1\n"),
        (fields.IntegerField(), "+1"),
        (fields.IntegerField(), "1e3"),
        (fields.IntegerField(), "1.0"),
        (fields.IntegerField(), ""),
        (fields.BooleanField(), "tRuE"),
        (fields.BooleanField(), "TRUE"),
        (fields.BooleanField(), "yes"),
        (fields.BooleanField(), "true\n"),
        (fields.BooleanField(), ""),
        (fields.Sha256Field(), "a" * 64 + "\n"),
        (fields.UUIDField(), "urn:uuid:018f2d3e-0000-7000-8000-00000000000a"),
        (fields.UUIDField(), "018f2d3e-0000-7000-8000-00000000000a\n"),
        (fields.UUIDField(), "018f2d3e000070008000-00000000000a"),
        (fields.UUIDField(), 5),
    ],
)
def test_other_spellings_of_a_value_are_refused(field: Any, value: Any) -> None:
    with pytest.raises(ValidationError):
        field.run_validation(value)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (fields.IntegerField(), "10", 10),
        (fields.IntegerField(), "-3", -3),
        (fields.BooleanField(), "true", True),
        (fields.BooleanField(), "True", True),
        (fields.BooleanField(), "0", False),
        (fields.Sha256Field(), "aB" * 32, "aB" * 32),
    ],
)
def test_the_accepted_spelling_is_parsed(field: Any, text: str, value: Any) -> None:
    assert field.run_validation(text) == value
