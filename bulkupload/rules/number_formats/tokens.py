"""Parsing a format code: its sections, their conditions and their tokens.

The grammar is that of ECMA-376 part 1, 18.8.30 and 18.8.31, as Excel writes it to files.
"""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, NamedTuple, cast

from bulkupload.rules.number_formats.errors import UndeterminedFormatError

Kind = Literal[
    "text",
    "general",
    "text_placeholder",
    "digit",
    "point",
    "comma",
    "percent",
    "exponent",
    "slash",
    "date",
    "elapsed",
    "am_pm",
]

MAX_SECTIONS: Final = 4
MAX_CODE_LENGTH: Final = 255  # characters, the limit of Excel
_TOKEN: Final = re.compile(
    r'"(?P<text>[^"]*)(?:"|$)'
    r"|\\(?P<escaped>.)"
    r"|_(?P<blank>.)"
    r"|\*(?P<fill>.)"
    r"|\[(?P<block>[^\]]*)\]"
    r"|(?P<section>;)"
    r"|(?P<general>General)"
    r"|(?P<am_pm>AM/PM|A/P)"
    r"|(?P<exponent>E[+-])"
    r"|(?P<date>y+|m+|d+|h+|s+)"
    r"|(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<slash>/)"
    r"|(?P<text_placeholder>@)"
    r"|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_COLOR: Final = re.compile(
    r"black|blue|cyan|green|magenta|red|white|yellow|color\s*\d+", re.IGNORECASE
)
_CONDITION: Final = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d*)?(?:E[+-]?\d+)?)", re.IGNORECASE)
_ELAPSED: Final = re.compile(r"h+|m+|s+", re.IGNORECASE)
# After the hyphen: two hex digits for the numerals, two for the calendar, four for the language.
_LOCALE: Final = re.compile(r"\$(?P<symbol>[^-]*)(?:-(?P<tag>.*))?", re.DOTALL)
_LCID: Final = re.compile(r"(?:0?[01])?(?:0?[012])?(?P<language>[0-9a-f]{1,4})", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"(?P<language>[a-z]{2,3})(?:-[a-z0-9]+)*(?:,1)?", re.IGNORECASE)
_ENGLISH: Final = 0x09  # the lower ten bits of every LCID of English
_PRIMARY_LANGUAGE: Final = 0x3FF
_SYSTEM_FORMATS: Final = {0xF400, 0xF800}  # the computer's own formats of times and long dates
# In other programs and languages these stand for weeks, quarters, eras and calendars. Excel escapes
# them where they are literal text.
_RESERVED: Final = frozenset("abegnqwABEGNQW[\\*_上下午")
_COMPARISONS: Final[dict[str, Callable[[Decimal, Decimal], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


class Token(NamedTuple):
    """One element of a section; `text` is its literal text, or its letters in lower case."""

    kind: Kind
    text: str


class Condition(NamedTuple):
    """The condition of a section, like `[<100]`: it is for the numbers that meet it."""

    comparison: str
    limit: Decimal

    def holds(self, value: Decimal) -> bool:
        """Whether a number meets the condition."""
        return _COMPARISONS[self.comparison](value, self.limit)

    @property
    def is_negative(self) -> bool:
        """Whether only negative numbers meet it: no minus is added in such a section."""
        is_below_zero = {"<": self.limit <= 0, "<=": self.limit < 0, "=": self.limit < 0}
        return is_below_zero.get(self.comparison, False)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of a format; `has_foreign_names` means that month names are not English."""

    tokens: Sequence[Token]
    condition: Condition | None = None
    has_foreign_names: bool = False

    def has(self, *kinds: Kind) -> bool:
        """Whether there is a token of one of these kinds."""
        return any(token.kind in kinds for token in self.tokens)


def sections_of(code: str) -> list[Section]:
    """Split a format code into its sections, or raise UndeterminedFormatError."""
    if len(code) > MAX_CODE_LENGTH:
        raise UndeterminedFormatError(code[:MAX_CODE_LENGTH])
    sections: list[Section] = []
    builder = _SectionBuilder()
    for match in _TOKEN.finditer(code):
        if match.lastgroup == "section":
            sections.append(builder.build())
            builder = _SectionBuilder()
        else:
            builder.add(match.lastgroup or "", match[match.lastgroup or 0])
    sections.append(builder.build())
    if len(sections) > MAX_SECTIONS:
        raise UndeterminedFormatError(code)
    return sections


class _SectionBuilder:
    """Collects the tokens of one section."""

    def __init__(self) -> None:
        self._tokens: list[Token] = []
        self._condition: Condition | None = None
        self._has_foreign_names = False

    def build(self) -> Section:
        return Section(
            tokens=self._tokens,
            condition=self._condition,
            has_foreign_names=self._has_foreign_names,
        )

    def add(self, kind: str, text: str) -> None:
        if kind == "block":
            self._add_block(text)
        elif kind == "other" and text in _RESERVED:
            raise UndeterminedFormatError(text)
        elif kind in {"text", "escaped", "other"}:
            self._tokens.append(Token("text", text))
        elif kind == "blank":  # a space as wide as the next character
            self._tokens.append(Token("text", " "))
        elif kind == "fill":  # a character that is repeated to the width of the column
            if text != " ":
                raise UndeterminedFormatError(text)
            self._tokens.append(Token("text", " "))
        else:
            lower = text.lower() if kind in {"date", "general"} else text
            self._tokens.append(Token(cast("Kind", kind), lower))

    def _add_block(self, text: str) -> None:
        if _COLOR.fullmatch(text):
            return
        condition = _CONDITION.fullmatch(text)
        if condition:
            self._condition = Condition(condition[1], Decimal(condition[2]))
        elif _ELAPSED.fullmatch(text):
            self._tokens.append(Token("elapsed", text.lower()))
        else:
            self._add_locale(text)

    def _add_locale(self, text: str) -> None:
        block = _LOCALE.fullmatch(text)
        if block is None:
            raise UndeterminedFormatError(text)
        if block["symbol"]:
            self._tokens.append(Token("text", block["symbol"]))
        if not block["tag"]:
            return
        number, name = _LCID.fullmatch(block["tag"]), _LANGUAGE.fullmatch(block["tag"])
        if number:
            language = int(number["language"], 16)
            if language in _SYSTEM_FORMATS:
                raise UndeterminedFormatError(text)
            self._has_foreign_names |= language & _PRIMARY_LANGUAGE != _ENGLISH
        elif name:
            self._has_foreign_names |= name["language"].lower() != "en"
        else:  # the computer's own format, or other numerals or another calendar
            raise UndeterminedFormatError(text)
