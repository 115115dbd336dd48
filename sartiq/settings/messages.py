"""The error message for invalid settings: it names each bad variable, never a secret value."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sartiq.settings.variable_types import REFUSED_TYPE

NOT_SET: Final = "is not set"
_MAX_SHOWN: Final = 60  # characters of a value


def report(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """Return one line per problem: the variable, what is wrong, and what is allowed."""
    lines = dict.fromkeys(
        _line(problem, fields[str(problem["loc"][0])]) for problem in error.errors()
    )
    return "\n".join(["The settings cannot be used:", *(f"  {line}" for line in lines)])


def _line(error: ErrorDetails, field: FieldInfo) -> str:
    name, message = str(error["loc"][0]), error["msg"]
    if error["type"] == "missing" or message == NOT_SET:
        return f"Set {name}; deploy/env.example explains it. Allowed: {allowed(field)}."
    value = _shown(error["input"], field)
    if error["type"] == REFUSED_TYPE:
        return f"{name} {message}{value and f' (it is {value})'}. Allowed: {allowed(field)}."
    return f"{name} is {value or 'set to a wrong value'}. Allowed: {allowed(field)}."


def _shown(value: object, field: FieldInfo) -> str:
    text = str(value)
    if not field.repr or "@" in text:  # a URL may contain a password
        return ""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def allowed(field: FieldInfo) -> str:
    """Return a description of the allowed values of a variable."""
    if field.description:
        return field.description
    annotation: Any = field.annotation
    if get_origin(annotation) is Literal:
        return " or ".join(get_args(annotation))
    if annotation is bool:
        return "true or false"
    minimum = next(bound.ge for bound in field.metadata if isinstance(bound, Ge))
    maximum = next(bound.le for bound in field.metadata if isinstance(bound, Le))
    return f"a whole number from {minimum} to {maximum}"
