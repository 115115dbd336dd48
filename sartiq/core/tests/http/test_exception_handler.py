"""The rejected value that an error repeats."""

from typing import Any
from uuid import UUID

import pytest

from sartiq.core.http.exception_handler import bounded_json

UNCHANGED: list[Any] = [None, True, 0, 7, 0.5, "Shoe", [], {}]


@pytest.mark.parametrize(
    ("value", "repeated"),
    [
        *[(value, value) for value in UNCHANGED],
        (float("nan"), "nan"),
        (UUID(int=7), str(UUID(int=7))),
        ("\ud800", "?"),
        ("x" * 501, "x" * 500),
        (list(range(21)), list(range(20))),
        ({str(n): n for n in range(21)}, {str(n): n for n in range(20)}),
        ({5: None}, {"5": None}),
        ({"x" * 501: 1}, {"x" * 500: 1}),
        ([[[[1]]]], [[[[1]]]]),
        ([[[[[1]]]]], [[[["…"]]]]),
        ({"a": [{"b": [{}]}]}, {"a": [{"b": ["…"]}]}),
    ],
)
def test_a_rejected_value_is_cut_to_the_documented_size(value: Any, repeated: Any) -> None:
    result = bounded_json(value)

    assert (result, type(result)) == (repeated, type(repeated))
