import time
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from exports.rules import names
from exports.rules.reading import Reading, read, read_file_name
from exports.rules.templates import DEFAULT_TEMPLATE, compile_template
from exports.rules.wildcards import Value
from exports.tests.rules import strategies


def without_missing(text: str, values: dict[str, Value]) -> Reading:
    """Return the values a template uses, without those that are missing."""
    wildcards = compile_template(text).wildcards
    return {name: values[name] for name in values if name in wildcards and values[name] != ""}


@settings(max_examples=300, deadline=None)
@given(text=strategies.separated_templates(), values=strategies.filename_safe_values())
def test_separated_values_can_be_read_back(text: str, values: dict[str, Value]) -> None:
    template = compile_template(text)
    assume(template.render(values) == template.text_with_gaps(values))  # nothing was replaced

    name = names.file_name(template.render(values), extension="webp")

    assert read_file_name(template, name) == without_missing(text, values)


@settings(max_examples=300, deadline=None)
@given(
    text=strategies.separated_templates() | strategies.templates(),
    values=strategies.filename_safe_values(strategies.LETTERS + strategies.SEPARATORS),
)
def test_parsed_values_are_right_or_none(text: str, values: dict[str, Value]) -> None:
    template = compile_template(text)
    assume(template.render(values) == template.text_with_gaps(values))

    reading = read(template, template.render(values))

    assert reading is None or reading == without_missing(text, values)


@settings(max_examples=200, deadline=None)
@given(text=strategies.templates(), stem=st.text(max_size=40))
def test_parsed_values_render_to_the_same_name(text: str, stem: str) -> None:
    template = compile_template(text)

    values = read(template, stem)

    assert values is None or template.text_with_gaps(values) == stem


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (
            DEFAULT_TEMPLATE,
            "Sartiq_AW26-1044_front_v2.webp",
            {"brand": "Sartiq", "product_sku": "AW26-1044", "shot_type": "front", "version": 2},
        ),
        # the number that is added to equal names is not part of the version
        (
            DEFAULT_TEMPLATE,
            "Sartiq_AW26-1044_front_v2_3.JPG",
            {"brand": "Sartiq", "product_sku": "AW26-1044", "shot_type": "front", "version": 2},
        ),
        ("{product_sku}_{index:02}", "AW_26_07.png", {"product_sku": "AW_26", "index": 7}),
        ("{product_sku}_{index:02}", "AW26_123", {"product_sku": "AW26", "index": 123}),
        ("{product_sku}_{index:02}", "AW26_7", None),
        ("{product_sku}_{index}", "AW26_07", None),
        ("{brand}_{color}", "a_b_c", None),
        ("{brand}_{color}", "a_", {"brand": "a"}),
        ("{brand}{color}", "ab", None),
        ("{date}{index}", "2026-02-287", {"date": date(2026, 2, 28), "index": 7}),
        ("{date}", "2026-02-30", None),
        ("{brand}_{brand}", "a_a", {"brand": "a"}),
        ("{brand}_{brand}", "a_b", None),
        ("{brand}", "a/b", None),
        ("{brand}", "e\u0301", None),
        ("{brand}", "x" * 300, None),
        ("shots", "shots.png", {}),
        ("shots", "shots_2.png", {}),
        ("shots", "shots_1.png", None),
        ("{brand} {index}", "Hugo Boss 3", {"brand": "Hugo Boss", "index": 3}),
    ],
)
def test_names_are_parsed(text: str, name: str, expected: Reading | None) -> None:
    assert read_file_name(compile_template(text), name) == expected


def test_no_template_makes_parsing_slow() -> None:
    """A regular expression would need exponential time for this template."""
    template = compile_template("{brand}_" * 24)
    started_at = time.process_time()

    assert read_file_name(template, "_" * 190 + "x") is None

    assert time.process_time() - started_at < 2
