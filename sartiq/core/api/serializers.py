from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

T = TypeVar("T")

# The JSON type of each kind of field; DRF itself would accept 5 as "5" and "5" as 5.
_JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], Any, str, str], ...] = (
    (serializers.ChoiceField, str, "string_type", "Must be a string."),
    (serializers.CharField, str, "string_type", "Must be a string."),
    (serializers.UUIDField, str, "uuid_parsing", "Must be a UUID as a string."),
    (serializers.BooleanField, bool, "bool_parsing", "Must be true or false."),
    (serializers.IntegerField, int, "int_parsing", "Must be a whole number."),
    (serializers.FloatField, int | float, "float_parsing", "Must be a number."),
)


class StrictSerializer(serializers.Serializer[T]):
    """Does not convert JSON types: a string is not accepted for a number, nor the reverse."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate the data, and report values of the wrong JSON type with the other errors."""
        type_errors = self._type_errors(data)
        if not type_errors:
            return super().to_internal_value(data)
        try:
            super().to_internal_value(data)
        except ValidationError as error:
            errors = {
                name: _merged(error.detail, type_errors, name)
                for name, _field in self.fields.items()
            }
            raise ValidationError({key: value for key, value in errors.items() if value}) from None
        raise ValidationError(type_errors)

    def _type_errors(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping) or isinstance(data, QueryDict):
            return {}
        return {
            name: issue if isinstance(issue, dict) else [issue]
            for name, field in self.fields.items()
            if not field.read_only and (issue := _type_error(field, data.get(name)))
        }


def _merged(value_errors: Any, type_errors: dict[str, Any], name: str) -> Any:
    """Return the errors of one field; for a list, of each item. Type errors take precedence."""
    by_value, by_type = value_errors.get(name), type_errors.get(name)
    if isinstance(by_value, dict) and isinstance(by_type, dict):
        return {at: by_type.get(at, by_value.get(at)) for at in sorted({*by_value, *by_type})}
    return by_type or by_value


def _type_error(field: Any, value: Any) -> Any:
    """Return an error if the value has the wrong JSON type; for a list, errors by index."""
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return {
            at: [issue]
            for at, item in enumerate(value)
            if (issue := _type_error(field.child, item))
        }
    for field_type, json_type, code, message in _JSON_TYPES:
        if isinstance(field, field_type):
            is_bool = isinstance(value, bool)
            is_valid = isinstance(value, json_type) and (json_type is bool or not is_bool)
            return None if is_valid else ErrorDetail(message, code=code)
    return None
