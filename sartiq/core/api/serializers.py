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
        """Name values of another JSON type than the field's beside what else is wrong."""
        wrong = self._of_another_type(data)
        if not wrong:
            return super().to_internal_value(data)
        try:
            super().to_internal_value(data)
        except ValidationError as refusal:
            errors = {
                name: _joined(refusal.detail, wrong, name) for name, _field in self.fields.items()
            }
            raise ValidationError({name: each for name, each in errors.items() if each}) from None
        raise ValidationError(wrong)

    def _of_another_type(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping) or isinstance(data, QueryDict):
            return {}
        return {
            name: issue if isinstance(issue, dict) else [issue]
            for name, field in self.fields.items()
            if not field.read_only and (issue := _fault(field, data.get(name)))
        }


def _joined(usual: Any, wrong: dict[str, Any], name: str) -> Any:
    """Return the issues of one field: of its type rather than its value, item by item in a list."""
    issues, of_type = usual.get(name), wrong.get(name)
    if isinstance(issues, dict) and isinstance(of_type, dict):
        return {at: of_type.get(at, issues.get(at)) for at in sorted({*issues, *of_type})}
    return of_type or issues


def _fault(field: Any, value: Any) -> Any:
    """Return what is wrong with the value's type: an error, errors by index, or nothing."""
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return {
            at: [issue] for at, item in enumerate(value) if (issue := _fault(field.child, item))
        }
    for kind, json_type, code, message in _JSON_TYPES:
        if isinstance(field, kind):
            is_bool = isinstance(value, bool)
            fits = isinstance(value, json_type) and (json_type is bool or not is_bool)
            return None if fits else ErrorDetail(message, code=code)
    return None
