"""Templates and values as Hypothesis draws them."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from exports.rules.names import is_allowed
from exports.rules.wildcards import WILDCARDS, Value

SEPARATORS = "_-+="
LETTERS = "abcXYZéß0129"


def _field(draw: Any, name: str) -> str:
    if WILDCARDS[name].is_number and draw(st.booleans()):
        return f"{{{name}:0{draw(st.integers(1, 20))}}}"
    return f"{{{name}}}"


@st.composite
def templates(draw: Any) -> str:
    """Draw any template that can be saved."""
    literal = st.text(max_size=5).map(
        lambda text: "".join(letter for letter in text if is_allowed(letter) and letter not in "{}")
    )
    names = draw(st.lists(st.sampled_from(sorted(WILDCARDS)), min_size=1, max_size=6))
    parts = [part for name in names for part in (draw(literal), _field(draw, name))]
    return "".join([*parts, draw(literal)])


@st.composite
def separated_templates(draw: Any) -> str:
    """Draw a template of different fields with separators between them."""
    names = draw(st.lists(st.sampled_from(sorted(WILDCARDS)), min_size=1, max_size=5, unique=True))
    separators = st.text(alphabet=SEPARATORS, min_size=1, max_size=2)
    separator: str = draw(separators)
    return separator.join(_field(draw, name) for name in names)


def any_values() -> st.SearchStrategy[dict[str, Value]]:
    """Draw any values, some of them missing."""
    text = st.none() | st.text(max_size=300)
    return st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.integers(-(10**30), 10**30)
            if wildcard.is_number
            else (st.none() | st.dates() if wildcard.is_date else text)
            for name, wildcard in WILDCARDS.items()
        },
    )


def filename_safe_values(alphabet: str = LETTERS) -> st.SearchStrategy[dict[str, Value]]:
    """Draw values for every wildcard that are unchanged in a file name."""
    text = st.text(alphabet=alphabet, min_size=1, max_size=12)
    return st.fixed_dictionaries(
        {
            name: st.integers(0, 10**9)
            if wildcard.is_number
            else (st.dates(min_value=date(1000, 1, 1)) if wildcard.is_date else text)
            for name, wildcard in WILDCARDS.items()
        }
    )
