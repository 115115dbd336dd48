from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

T = TypeVar("T")

# What a JSON value must be for each kind of field; DRF alone would turn 5 into "5" and "5" into 5.
_JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], Any, str, str], ...] = (
    (serializers.ChoiceField, str, "string_type", "Must be a string."),
    (serializers.CharField, str, "string_type", "Must be a string."),
    (serializers.UUIDField, str, "uuid_parsing", "Must be a UUID as a string."),
    (serializers.BooleanField, bool, "bool_parsing", "Must be true or false."),
    (serializers.IntegerField, int, "int_parsing", "Must be a whole number."),
    (serializers.FloatField, int | float, "float_parsing", "Must be a number."),
)


class StrictSerializer(serializers.Serializer[T]):
    """Reads JSON as it is written: a number is no string, a string no number, a bool neither."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse values of another JSON type than the field's, then validate as usual."""
        if isinstance(data, Mapping) and not isinstance(data, QueryDict):
            wrong = {
                name: fault if isinstance(fault, dict) else [fault]
                for name, field in self.fields.items()
                if not field.read_only and (fault := _fault(field, data.get(name)))
            }
            if wrong:
                raise ValidationError(wrong)
        return super().to_internal_value(data)


def _fault(field: Any, value: Any) -> Any:
    """Return what is wrong with the value's type: an error, errors by index, or nothing."""
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return {
            at: [fault] for at, item in enumerate(value) if (fault := _fault(field.child, item))
        }
    for kind, wanted, code, message in _JSON_TYPES:
        if isinstance(field, kind):
            is_bool = isinstance(value, bool)
            fits = isinstance(value, wanted) and (wanted is bool or not is_bool)
            return None if fits else ErrorDetail(message, code=code)
    return None
