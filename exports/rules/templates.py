"""Naming templates: read once into typed tokens, then rendered without ever raising.

Never `str.format`: a template is a customer's text. `{name}` from the registry and, for numbers,
`{name:03}` are all it can say.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from exports.errors import TemplateError
from exports.rules import names
from exports.rules.wildcards import WILDCARDS, Value, Wildcard

MAX_TEMPLATE_LENGTH = 200
WIDEST_NUMBER = 20
HIGHEST_NUMBER = 10**WIDEST_NUMBER - 1
DEFAULT_TEMPLATE = "{brand}_{product_sku}_{shot_type}_v{version}"
_WIDTH: Final = re.compile(r"0([1-9][0-9]?)")
_SHOWABLE: Final = re.compile(r"[\w.:!\[\]{}]{1,64}", re.ASCII)  # nothing that could be a URL


@dataclass(frozen=True)
class Literal:
    """Text that stands in every name as it is."""

    text: str

    def written(self, values: Mapping[str, Value]) -> str:
        """Return the text."""
        return self.text


@dataclass(frozen=True)
class Field:
    """A place for one value; `width` pads a number with zeros."""

    wildcard: Wildcard
    width: int = 0

    def written(self, values: Mapping[str, Value]) -> str:
        """Return the value formatted for a name, empty when there is none."""
        value = values.get(self.wildcard.name)
        if value is None:
            return ""
        if isinstance(value, int):
            return f"{min(abs(value), HIGHEST_NUMBER):0{self.width}d}"
        return value.isoformat() if isinstance(value, date) else names.clean(value)


Token = Literal | Field

# No template and no value can hold these two characters.
_VALUE: Final = "\x01"
_NOTHING: Final = "\x00"
_SEPARATOR: Final = r"[ _.,;+~\u2013\u2014-]*"
_NOTHINGS: Final = rf"{_NOTHING}(?:{_SEPARATOR}{_NOTHING})*"
_EMPTY_BRACKETS: Final = re.compile(
    rf"\({_SEPARATOR}{_NOTHINGS}{_SEPARATOR}\)|\[{_SEPARATOR}{_NOTHINGS}{_SEPARATOR}\]"
)
_GAP: Final = re.compile(rf"({_SEPARATOR}){_NOTHINGS}({_SEPARATOR})")


def _closed(name: str) -> str:
    """Return a name without the separators and brackets around values that are empty."""
    unbracketed = _EMPTY_BRACKETS.sub(_NOTHING, name)
    return _GAP.sub(lambda gap: _bridge(gap, unbracketed), unbracketed)


def _bridge(gap: re.Match[str], name: str) -> str:
    """Return the one separator that stays of a gap: none at an end of the name or a bracket."""
    previous, following = name[: gap.start()][-1:], name[gap.end() :][:1]
    if previous in {"", "(", "["} or following in {"", ")", "]"}:
        return ""
    return max(gap.groups(), key=len)


@dataclass(frozen=True)
class Template:
    """A template that was read: rendering it cannot fail."""

    text: str
    tokens: tuple[Token, ...]

    def render(self, values: Mapping[str, Value]) -> str:
        """Return a portable name without extension; an empty value leaves no gap in it."""
        texts = [(token, token.written(values)) for token in self.tokens]
        gapped = "".join(
            text if isinstance(token, Literal) else _VALUE if text else _NOTHING
            for token, text in texts
        )
        remaining = iter([text for token, text in texts if text and isinstance(token, Field)])
        return names.portable(
            "".join(next(remaining) if each == _VALUE else each for each in _closed(gapped))
        )

    def spelled(self, values: Mapping[str, Value]) -> str:
        """Return the name with a gap for every empty value, before it is cleaned."""
        return "".join(token.written(values) for token in self.tokens)

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The names of the wildcards, in order."""
        return tuple(each.wildcard.name for each in self.tokens if isinstance(each, Field))


def compile_template(text: str) -> Template:
    """Read a template, or raise TemplateError for the first problem, with its token and position.

    Positions count characters from 0.
    """
    if not text.strip():
        raise _template_error("The template is empty", text, text, 0)
    if len(text) > MAX_TEMPLATE_LENGTH:
        raise _template_error(
            "The template is too long", text, text[MAX_TEMPLATE_LENGTH:], MAX_TEMPLATE_LENGTH
        )
    return Template(text=text, tokens=tuple(_tokens(text)))


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at] == "{":
            token = _braced(text, at)
            yield _field(text, token, at)
        else:
            end = text.find("{", at)
            token = text[at:] if end < 0 else text[at:end]
            yield _literal(text, token, at)
        at += len(token)


def _braced(text: str, at: int) -> str:
    end = text.find("}", at)
    if end < 0:
        raise _template_error("Missing closing brace", text, text[at:], at)
    return text[at : end + 1]


def _literal(text: str, token: str, at: int) -> Literal:
    for offset, character in enumerate(token):
        if character == "}":
            raise _template_error("Missing opening brace", text, character, at + offset)
        if not names.is_allowed(character):
            raise _template_error(
                "Character not allowed in file names", text, character, at + offset
            )
    return Literal(token)


def _field(text: str, token: str, at: int) -> Field:
    name, colon, spec = token[1:-1].partition(":")
    wildcard = WILDCARDS.get(name)
    if wildcard is None:
        raise _template_error("Unknown wildcard", text, token, at)
    if not colon:
        return Field(wildcard)
    if not wildcard.is_number:
        raise _template_error("Only numbers can be padded, invalid wildcard", text, token, at)
    width = _WIDTH.fullmatch(spec)
    if width is None or int(width[1]) > WIDEST_NUMBER:
        raise _template_error(
            "Padding must be written like :03, up to :020, invalid wildcard", text, token, at
        )
    return Field(wildcard, width=int(width[1]))


def _template_error(fault: str, text: str, token: str, position: int) -> TemplateError:
    message = f"{fault} {token}" if _SHOWABLE.fullmatch(token) else fault
    return TemplateError(message, text=text, token=token, position=position)
