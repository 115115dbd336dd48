"""Parsing of a file name into the fields of its template.

An ambiguous name is not parsed: a wrong match is worse than none. For any template the time grows
at most with the number of fields times the square of the name's length; a regular expression cannot
guarantee that.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Final

from exports.rules import names
from exports.rules.templates import Field, Template, Token
from exports.rules.wildcards import Value

Reading = dict[str, Value]
_EXTENSION: Final = re.compile(r"\.(?:webp|jpe?g|png|avif|gif)", re.IGNORECASE)
_SUFFIX: Final = re.compile(r"_(?:[2-9]|[1-9][0-9]+)")
_NUMBER: Final = re.compile(r"[0-9]+")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_file_name(template: Template, name: str) -> Reading | None:
    """Return the values in a file name, or None if it does not match or is ambiguous.

    An image extension is ignored, and if nothing matches, so is the number (`_2`) of equal names.
    Empty values are left out of the result.
    """
    extension = _last(_EXTENSION, name)
    stem = name.removesuffix(extension)
    table = _table(template.tokens, stem)
    if 0 in table[0]:
        return _read(template, stem, table)
    suffix = _last(_SUFFIX, stem)
    return read(template, stem.removesuffix(suffix)) if suffix else None


def read(template: Template, stem: str) -> Reading | None:
    """Return the values in a name without extension, None if it is ambiguous or no match."""
    table = _table(template.tokens, stem)
    return _read(template, stem, table) if 0 in table[0] else None


def _read(template: Template, stem: str, table: list[set[int]]) -> Reading | None:
    """Return the values in a name that matches, None if it is ambiguous."""
    shortest = _walk(template.tokens, stem, table, order=iter)
    longest = _walk(template.tokens, stem, table, order=lambda ends: reversed(list(ends)))
    if shortest != longest:
        return None
    return _values(template.tokens, shortest)


def matches(template: Template, stem: str) -> bool:
    """Return whether a name without extension matches the template at all."""
    return 0 in _table(template.tokens, stem)[0]


def _last(pattern: re.Pattern[str], text: str) -> str:
    matches = list(pattern.finditer(text))
    return matches[-1][0] if matches and matches[-1].end() == len(text) else ""


def _table(tokens: tuple[Token, ...], stem: str) -> list[set[int]]:
    """Return for every token the positions where it can begin in a match of the whole name."""
    size = len(stem)
    if names.clean(stem) != stem or size > names.MAX_NAME_LENGTH:
        return [set()]
    starts = [{0}]  # those that can be reached from the start of the name
    for token in tokens:
        starts.append(_reached(token, stem, starts[-1]))
    table = [starts[-1] & {size}]
    for token, reached in zip(reversed(tokens), reversed(starts[:-1]), strict=True):
        table.append(_leading(token, stem, reached, after=table[-1]))
    return table[::-1]


def _reached(token: Token, stem: str, starts: set[int]) -> set[int]:
    """Return the possible ends of a token that begins at one of these positions."""
    if not isinstance(token, Field):
        size = len(token.text)
        return {start + size for start in starts if stem.startswith(token.text, start)}
    if not _is_text(token):
        return {end for start in starts for end in _ends(token, stem, start)}
    first = min((start for start in starts if stem[start : start + 1] != " "), default=len(stem))
    return starts | {end for end in range(first + 1, len(stem) + 1) if stem[end - 1] != " "}


def _leading(token: Token, stem: str, starts: set[int], *, after: set[int]) -> set[int]:
    """Return those positions where a token can begin and end at a position of `after`."""
    if not isinstance(token, Field):
        possible = {end - len(token.text) for end in after} & starts
        return {start for start in possible if stem.startswith(token.text, start)}
    if not _is_text(token):
        return {start for start in starts if not after.isdisjoint(_ends(token, stem, start))}
    last = max((end for end in after if end and stem[end - 1] != " "), default=0)
    return {
        start
        for start in starts
        if start in after or (start < last and stem[start : start + 1] != " ")
    }


def _is_text(field: Field) -> bool:
    """Return whether a field matches any text that has no spaces around it, also none."""
    return not (field.wildcard.is_number or field.wildcard.is_date)


def _ends(token: Token, stem: str, start: int) -> Iterator[int]:
    """Yield the possible ends of a token that begins at `start`, nearest first."""
    if not isinstance(token, Field):
        if stem.startswith(token.text, start):
            yield start + len(token.text)
    elif token.wildcard.is_number:
        yield from _number_ends(token, stem, start)
    elif token.wildcard.is_date:
        if _is_day(stem[start : start + 10]):
            yield start + 10
    else:
        yield start
        if stem[start : start + 1] != " ":
            ends = range(start + 1, len(stem) + 1)
            yield from (end for end in ends if stem[end - 1] != " ")


def _number_ends(token: Field, stem: str, start: int) -> Iterator[int]:
    digits = _NUMBER.match(stem, start)
    for end in range(start + 1, digits.end() + 1 if digits else 0):
        if token.text_for({token.wildcard.name: int(stem[start:end])}) == stem[start:end]:
            yield end


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _walk(
    tokens: tuple[Token, ...],
    stem: str,
    table: list[set[int]],
    *,
    order: Callable[[Iterable[int]], Iterator[int]],
) -> list[str]:
    """Return the part of the name that each token matches; `order` chooses among several ends."""
    parts, start = [], 0
    for at, token in enumerate(tokens):
        ends = order(_ends(token, stem, start))
        end = next(end for end in ends if end in table[at + 1])
        parts.append(stem[start:end])
        start = end
    return parts


def _values(tokens: tuple[Token, ...], parts: list[str]) -> Reading | None:
    """Return the values, None if a repeated wildcard has two different values."""
    values: Reading = {}
    for token, part in zip(tokens, parts, strict=True):
        if isinstance(token, Field) and part:
            value = _value(token, part)
            if values.setdefault(token.wildcard.name, value) != value:
                return None
    return values


def _value(token: Field, part: str) -> Value:
    if token.wildcard.is_number:
        return int(part)
    return date.fromisoformat(part) if token.wildcard.is_date else part
