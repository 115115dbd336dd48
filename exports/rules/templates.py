"""Naming templates: compiled once into typed tokens, then rendered without errors.

Not `str.format`: a template is untrusted text. It may contain only `{name}` from the registry and,
for numbers, `{name:03}`.
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
MAX_NUMBER_WIDTH = 20
MAX_NUMBER = 10**MAX_NUMBER_WIDTH - 1
DEFAULT_TEMPLATE = "{brand}_{product_sku}_{shot_type}_v{version}"
_WIDTH: Final = re.compile(r"0([1-9][0-9]?)")
# Nothing that could be a URL.
_SAFE_IN_MESSAGES: Final = re.compile(r"[\w.:!\[\]{}]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Literal:
    """Fixed text of every name."""

    text: str

    def text_for(self, values: Mapping[str, Value]) -> str:
        """Return the text."""
        return self.text


@dataclass(frozen=True)
class Field:
    """A placeholder for one value; `width` pads a number with zeros."""

    wildcard: Wildcard
    width: int = 0

    def text_for(self, values: Mapping[str, Value]) -> str:
        """Return the value formatted for a name, empty when there is none."""
        value = values.get(self.wildcard.name)
        if value is None:
            return ""
        if isinstance(value, int):
            return f"{min(abs(value), MAX_NUMBER):0{self.width}d}"
        return value.isoformat() if isinstance(value, date) else names.clean(value)


Token = Literal | Field

# No template and no value can contain these two characters.
_VALUE: Final = "\x01"
_EMPTY: Final = "\x00"
_SEPARATOR: Final = r"[ _.,;+~\u2013\u2014-]*"
_EMPTY_RUN: Final = rf"{_EMPTY}(?:{_SEPARATOR}{_EMPTY})*"
_EMPTY_BRACKETS: Final = re.compile(
    rf"\({_SEPARATOR}{_EMPTY_RUN}{_SEPARATOR}\)|\[{_SEPARATOR}{_EMPTY_RUN}{_SEPARATOR}\]"
)
_GAP: Final = re.compile(rf"({_SEPARATOR}){_EMPTY_RUN}({_SEPARATOR})")


def _without_gaps(name: str) -> str:
    """Return a name without the separators and brackets around values that are empty."""
    unbracketed = _EMPTY_BRACKETS.sub(_EMPTY, name)
    return _GAP.sub(lambda gap: _bridge(gap, unbracketed), unbracketed)


def _bridge(gap: re.Match[str], name: str) -> str:
    """Return the separator that replaces a gap: none next to a bracket or an end of the name."""
    previous, following = name[: gap.start()][-1:], name[gap.end() :][:1]
    if previous in {"", "(", "["} or following in {"", ")", "]"}:
        return ""
    return max(gap.groups(), key=len)


@dataclass(frozen=True)
class Template:
    """A compiled template: rendering it cannot fail."""

    text: str
    tokens: tuple[Token, ...]

    def render(self, values: Mapping[str, Value]) -> str:
        """Return a portable name without extension; empty values leave no gaps."""
        texts = [(token, token.text_for(values)) for token in self.tokens]
        gapped = "".join(
            text if isinstance(token, Literal) else _VALUE if text else _EMPTY
            for token, text in texts
        )
        field_texts = iter([text for token, text in texts if text and isinstance(token, Field)])
        return names.portable(
            "".join(
                next(field_texts) if character == _VALUE else character
                for character in _without_gaps(gapped)
            )
        )

    def text_with_gaps(self, values: Mapping[str, Value]) -> str:
        """Return the name before it is cleaned: separators around empty values are still in it."""
        return "".join(token.text_for(values) for token in self.tokens)

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The names of the wildcards, in order."""
        return tuple(token.wildcard.name for token in self.tokens if isinstance(token, Field))


def compile_template(text: str) -> Template:
    """Compile a template; raise TemplateError for the first problem, with its token and position.

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
    if width is None or int(width[1]) > MAX_NUMBER_WIDTH:
        raise _template_error(
            "Padding must look like :03, up to :020, invalid wildcard", text, token, at
        )
    return Field(wildcard, width=int(width[1]))


def _template_error(problem: str, text: str, token: str, position: int) -> TemplateError:
    message = f"{problem} {token}" if _SAFE_IN_MESSAGES.fullmatch(token) else problem
    return TemplateError(message, text=text, token=token, position=position)
