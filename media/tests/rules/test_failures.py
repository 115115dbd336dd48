from collections.abc import Iterator

import pytest

from media.errors import ContentError
from media.rules.failures import RelocationFailure, as_json, sentence_for

UNKNOWN_MESSAGE = sentence_for("code_of_a_later_release")


def codes() -> list[str]:
    """Return every code of a refused upload or failed resource."""
    return sorted({*RelocationFailure, *(error.code for error in errors(ContentError))})


def errors(base: type[ContentError]) -> Iterator[type[ContentError]]:
    for error in base.__subclasses__():
        yield error
        yield from errors(error)


@pytest.mark.parametrize("code", codes())
def test_every_code_has_a_message_that_says_what_to_do(code: str) -> None:
    sentence = sentence_for(code)

    assert sentence != UNKNOWN_MESSAGE
    assert sentence.endswith(".")
    assert any(word in sentence for word in ("pload", "Save"))
    assert code not in sentence


def test_an_unknown_code_has_a_message_too() -> None:
    assert as_json("code_of_a_later_release") == {
        "code": "code_of_a_later_release",
        "message": "The file could not be used. Upload it again.",
    }


def test_an_empty_code_has_no_failure() -> None:
    assert as_json("") is None
