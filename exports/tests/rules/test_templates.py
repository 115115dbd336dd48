from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.errors import TemplateError
from exports.rules.names import MAX_NAME_LENGTH
from exports.rules.templates import (
    DEFAULT_TEMPLATE,
    MAX_TEMPLATE_LENGTH,
    compile_template,
)
from exports.rules.wildcards import EXAMPLES, WILDCARDS, Value
from exports.tests.rules import strategies

# Attacks on `str.format`, and typing errors, each with the position that the error reports.
INVALID: list[tuple[str, int]] = [
    ("", 0),
    ("   ", 0),
    ("{}", 0),
    ("{ }", 0),
    ("{0}", 0),
    ("{brand.__class__}", 0),
    ("{brand.__class__.__mro__[1].__subclasses__}", 0),
    ("{brand.__init__.__globals__}", 0),
    ("a{brand[0]}", 1),
    ("{brand[name]}", 0),
    ("{brand!r}", 0),
    ("{brand!s}", 0),
    ("{brand!a:>9}", 0),
    ("{brand:>99999999}", 0),
    ("{brand:03}", 0),
    ("{date:%Y}", 0),
    ("{version:}", 0),
    ("{version:0}", 0),
    ("{version:3}", 0),
    ("{version:00}", 0),
    ("{version:021}", 0),
    ("{version:099999999999}", 0),
    ("{version:03d}", 0),
    ("{version:0x3}", 0),
    ("{version:0٣}", 0),
    ("{version:0{index}}", 0),
    ("{version:-03}", 0),
    ("{version: 03}", 0),
    ("{ version}", 0),
    ("{version }", 0),
    ("{Version}", 0),
    ("{br\u0430nd}", 0),
    ("{brand\u200b}", 0),
    ("{unknown}", 0),
    ("{brand}_{nope}", 8),
    ("{brand}_{index}_{sku}", 16),
    ("{brand", 0),
    ("x{brand", 1),
    ("brand}", 5),
    ("{{brand}}", 0),
    ("{{}}", 0),
    ("{brand}}", 7),
    ("}{", 0),
    ("{", 0),
    ("}", 0),
    ("../{brand}", 2),
    ("{brand}/{index}", 7),
    ("{brand}\\{index}", 7),
    ("C:{brand}", 1),
    ("{brand}\x00", 7),
    ("{brand}\n{index}", 7),
    ("{brand}\t", 7),
    ("\u202e{brand}", 0),
    ("{brand}\ufeff", 7),
    ("{brand}\ud800", 7),
    ("{brand}?", 7),
    ("{brand}*", 7),
    ('{brand}"', 7),
    ("{brand}<b>", 7),
    ("{brand}|{index}", 7),
    ("x" * (MAX_TEMPLATE_LENGTH + 1), MAX_TEMPLATE_LENGTH),
    ("%(brand)s{brnd}", 9),
    ("${brand}{x}", 8),
    ("#{index}{7*7}", 8),
]
# Every wildcard, followed by syntax of `str.format` or another template language.
INVALID_WILDCARDS = [
    f"{{{name}{suffix}}}"
    for name in WILDCARDS
    for suffix in (
        *(".__class__", "[0]", "!r", ":>9", ":x", ":0", ":1000000", ":{index}", "()", " ", "\x00"),
        *("\u200d", ".", ",", "|upper", "-1", "'", ":.3", ":,", ":*^9", ":%"),
    )
]


@pytest.mark.covers("T46")
@pytest.mark.parametrize(("text", "position"), INVALID, ids=lambda value: ascii(value)[:40])
def test_a_bad_template_is_reported_with_its_position(text: str, position: int) -> None:
    with pytest.raises(TemplateError) as excinfo:
        compile_template(text)

    assert excinfo.value.ctx["position"] == position
    assert excinfo.value.ctx["token"] == text[position : position + len(excinfo.value.ctx["token"])]
    assert excinfo.value.detail.endswith(f"at position {position}.")


@pytest.mark.covers("T46")
def test_invalid_syntax_is_refused_with_every_wildcard() -> None:
    assert len(INVALID_WILDCARDS) + len(INVALID) >= 300
    for text in INVALID_WILDCARDS:
        with pytest.raises(TemplateError) as excinfo:
            compile_template(f"a_{text}")
        assert excinfo.value.ctx["position"] == 2
        assert text.startswith(excinfo.value.ctx["token"])


@pytest.mark.parametrize("text", ["{https://evil.example/x}", "{a b}", "{" + "x" * 90 + "}"])
def test_a_message_repeats_nothing_that_could_be_a_url(text: str) -> None:
    with pytest.raises(TemplateError) as excinfo:
        compile_template(text)

    assert excinfo.value.detail == "Unknown wildcard at position 0."
    assert excinfo.value.ctx["token"] == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (DEFAULT_TEMPLATE, "Sartiq_AW26-1044_front_v1"),
        ("{brand}", "Sartiq"),
        ("{version:03}-{index:010}", "001-0000000007"),
        ("{date} {look}", "2026-01-31 Autumn city"),
        ("{brand}{brand}", "SartiqSartiq"),
        ("shots", "shots"),
        ("é_{color}", "é_black"),
    ],
)
def test_a_template_is_rendered_with_the_examples(text: str, name: str) -> None:
    assert compile_template(text).render(EXAMPLES) == name


@pytest.mark.parametrize(
    ("text", "values", "name"),
    [
        ("{brand}_{color}", {"brand": "A"}, "A"),
        ("{brand}", {}, "unnamed"),
        ("{brand}", {"brand": "../../etc/passwd"}, "-..-etc-passwd"),
        ("{brand}", {"brand": "a/b\\c:d"}, "a-b-c-d"),
        ("{brand}", {"brand": " a \n\t b "}, "a b"),
        ("{brand}", {"brand": "a\x00b\u202ec"}, "abc"),
        ("{brand}", {"brand": "CON"}, "_CON"),
        ("{brand}", {"brand": "e\u0301te\u0301"}, "été"),
        ("{brand}{color}", {"brand": "e", "color": "\u0301"}, "é"),
        ("{brand}", {"brand": "{color}"}, "{color}"),
        ("{version:03}", {"version": 12345}, "12345"),
        ("{version}", {"version": -1}, "1"),
        ("{version}", {"version": 10**6000}, "9" * 20),
        ("{brand}...", {"brand": "Dr."}, "Dr"),
    ],
)
def test_values_become_valid_in_file_names(text: str, values: dict[str, Value], name: str) -> None:
    assert compile_template(text).render(values) == name


@pytest.mark.covers("T46")
@settings(max_examples=300, deadline=None)
@given(text=strategies.templates(), values=strategies.any_values())
def test_rendering_never_raises(text: str, values: dict[str, Value]) -> None:
    name = compile_template(text).render(values)

    assert 1 <= len(name) <= MAX_NAME_LENGTH
    assert not set('/\\:*?"<>|') & set(name)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.text(alphabet="{}:0brand3version_", max_size=30))
def test_any_template_compiles_or_is_refused_with_a_position(text: str) -> None:
    error = error_of(text)

    if error is None:
        assert len(compile_template(text).render({})) >= 1
    else:
        assert 0 <= error.ctx["position"] <= max(0, len(text) - 1)


def error_of(text: str) -> TemplateError | None:
    try:
        compile_template(text)
    except TemplateError as refused:
        return refused
    return None


def test_examples_have_the_type_of_their_values() -> None:
    kinds = {wildcard.name for wildcard in WILDCARDS.values() if wildcard.is_number}

    assert kinds == {"version", "index"}
    assert isinstance(WILDCARDS["date"].example, date)


@pytest.mark.parametrize(
    ("text", "values", "name"),
    [
        (DEFAULT_TEMPLATE, {"shot_type": "cover", "version": 1}, "cover_v1"),
        (DEFAULT_TEMPLATE, {"brand": "A", "shot_type": "cover", "version": 1}, "A_cover_v1"),
        (DEFAULT_TEMPLATE, {"brand": "A", "product_sku": "B", "version": 1}, "A_B_v1"),
        (DEFAULT_TEMPLATE, {"brand": "", "product_sku": " ", "version": 1}, "v1"),
        # A separator of the value itself stays.
        (DEFAULT_TEMPLATE, {"brand": "A", "product_sku": "_x_", "version": 1}, "A__x__v1"),
        ("{color}{gender}_{brand}", {"brand": "A"}, "A"),
        ("{brand}{color}_{look}", {"brand": "A", "look": "B"}, "A_B"),
        ("{brand} - {color} - {look}", {"brand": "A", "look": "B"}, "A - B"),
        ("{brand} ({color}) - {look}", {"brand": "A", "look": "B"}, "A - B"),
        ("{brand}({color})", {"brand": "A"}, "A"),
        ("{brand} [{color}, {gender}]", {"brand": "A", "gender": "men"}, "A [men]"),
        ("{brand} [{color}, {gender}]", {"brand": "A", "color": "red"}, "A [red]"),
        ("{brand} [{color}, {gender}]", {"brand": "A"}, "A"),
        ("{brand}.{color}.{look}", {"brand": "A", "look": "B"}, "A.B"),
        ("shot_{color}", {}, "shot"),
        ("_{color}_", {}, "unnamed"),
        # Separators of the template stay if no value is missing.
        ("{brand}__{color}", {"brand": "A", "color": "B"}, "A__B"),
        ("_{brand}", {"brand": "A"}, "_A"),
    ],
)
def test_an_empty_value_leaves_no_gap(text: str, values: dict[str, Value], name: str) -> None:
    assert compile_template(text).render(values) == name
