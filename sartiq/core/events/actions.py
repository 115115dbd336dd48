"""The closed list of actions that events can have; each app registers its own."""

from typing import TypeVar

from django.db.models import TextChoices

Actions = TypeVar("Actions", bound=type[TextChoices])

_labels: dict[str, str] = {}


def register(actions: Actions) -> Actions:
    """Add the actions of an app, named `object_type.verb`; usable as a class decorator."""
    for action in actions:
        object_type, _, verb = action.value.partition(".")
        if not object_type or not verb:
            message = f"{action.value!r} is not of the form object_type.verb."
            raise ValueError(message)
        _labels[action.value] = str(action.label)
    return actions


def require_registered(action: str) -> str:
    """Return the action as text; raise ValueError if no app registered it."""
    if str(action) not in _labels:
        message = f"{action!r} is not a registered action."
        raise ValueError(message)
    return str(action)


def object_type_of(action: str) -> str:
    """Return the type of the objects that an action is about."""
    return action.partition(".")[0]


def choices() -> list[tuple[str, str]]:
    """Return all actions with their labels, in alphabetical order."""
    return sorted(_labels.items())


def label_of(action: str) -> str:
    """Return the label of an action; of a retired one, the action itself."""
    return _labels.get(action, action)
