"""What is wrong with the environment, in one message that names every variable and no secret."""

from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

NOT_SET: Final = "is not set"
_MAX_SHOWN: Final = 60  # characters of a value


def report(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """Return one line per problem: the variable, what is wrong, and what is allowed."""
    lines = dict.fromkeys(_line(each, fields[str(each["loc"][0])]) for each in error.errors())
    return "\n".join(["The settings cannot be used:", *(f"  {line}" for line in lines)])


def _line(error: ErrorDetails, field: FieldInfo) -> str:
    name, message = str(error["loc"][0]), error["msg"]
    if error["type"] == "missing" or message == NOT_SET:
        return f"Set {name}; deploy/env.example explains it. Allowed: {allowed(field)}."
    value = _shown(error["input"], field)
    if error["type"] == "refused":
        return f"{name} {message}{value and f' (it is {value})'}. Allowed: {allowed(field)}."
    return f"{name} is {value or 'set to a wrong value'}. Allowed: {allowed(field)}."


def _shown(value: object, field: FieldInfo) -> str:
    text = str(value)
    if not field.repr or "@" in text:  # an address may hold a password
        return ""
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def allowed(field: FieldInfo) -> str:
    """Return the range of a variable in words."""
    if field.description:
        return field.description
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(get_args(kind))
    if kind is bool:
        return "true or false"
    least = next(each.ge for each in field.metadata if isinstance(each, Ge))
    maximum = next(each.le for each in field.metadata if isinstance(each, Le))
    return f"a whole number from {least} to {maximum}"
