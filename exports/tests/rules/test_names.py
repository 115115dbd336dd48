import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exports.rules import names
from exports.rules.names import (
    MAX_NAME_BYTES,
    MAX_NAME_LENGTH,
    distinct,
    file_name,
    portable,
)

ANY_NAME = st.text(max_size=300) | st.sampled_from(
    ["CON", "nul", "Com1.txt", "LPT\u00b2", "..", ".", "", " ", "a.", "a ", "CONIN$", "aux .x"]
)
WINDOWS_DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"
}


def require_portable(name: str) -> None:
    assert 1 <= len(name) <= MAX_NAME_LENGTH
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert unicodedata.normalize("NFC", name) == name
    assert not set('<>:"/\\|?*') & set(name)
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in name)
    assert name.strip(" .") == name
    assert name.partition(".")[0].rstrip(" ").upper() not in WINDOWS_DEVICES


@pytest.mark.covers("T46", "T47")
@settings(max_examples=400, deadline=None)
@given(stem=ANY_NAME)
def test_every_name_is_portable(stem: str) -> None:
    require_portable(portable(stem))
    require_portable(file_name(stem, extension="webp", suffix="_12"))
    assert portable(portable(stem)) == portable(stem)


@pytest.mark.covers("T47")
@settings(max_examples=300, deadline=None)
@given(
    stems=st.lists(
        st.sampled_from(["a", "A", "a_2", "a_2_2", "\u00e9", "e\u0301", "CON", "", "x" * 300])
        | ANY_NAME,
        max_size=12,
    )
)
def test_names_of_one_export_are_all_different(stems: list[str]) -> None:
    chosen_names = distinct([(stem, "webp") for stem in stems], taken=["unnamed.webp"])

    assert len(chosen_names) == len(stems)
    folded_names = [unicodedata.normalize("NFC", name.casefold()) for name in chosen_names]
    assert len({*folded_names, "unnamed.webp"}) == len(stems) + 1
    for name in chosen_names:
        require_portable(name)


@pytest.mark.parametrize(
    ("stems", "chosen_names"),
    [
        (["a", "b"], ["a.png", "b.png"]),
        (["a", "a", "a"], ["a.png", "a_2.png", "a_3.png"]),
        (["a", "A", "á", "A\u0301"], ["a.png", "A_2.png", "á.png", "Á_2.png"]),
        # a name that another file already has is skipped
        (["a", "a", "a_2"], ["a.png", "a_3.png", "a_2.png"]),
        (["x" * 300, "x" * 300], ["x" * 196 + ".png", "x" * 194 + "_2.png"]),
        (["manifest"], ["manifest_2.png"]),
    ],
)
def test_equal_names_get_numbers(stems: list[str], chosen_names: list[str]) -> None:
    assert distinct([(stem, "png") for stem in stems], taken=["manifest.png"]) == chosen_names


def test_different_extensions_do_not_collide() -> None:
    assert distinct([("a", "png"), ("a", "jpg")]) == ["a.png", "a.jpg"]


def test_a_name_of_multi_byte_characters_fits_a_file_system() -> None:
    name = file_name("\U0001f45f" * 200, extension="webp")

    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name == "\U0001f45f" * 58 + ".webp"


def test_thousands_of_equal_names_are_numbered_in_linear_time() -> None:
    call_count = 0

    def counting_stem(stem: str, **options: str) -> str:
        nonlocal call_count
        call_count += 1
        return original(stem, **options)

    original = names.file_name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(names, "file_name", counting_stem)
        distinct_names = distinct([("Us", "webp")] * 5000)

    assert distinct_names[:3] == ["Us.webp", "Us_2.webp", "Us_3.webp"]
    assert len(set(distinct_names)) == 5000
    assert call_count < 3 * 5000
