import pytest

from catalog.rules.identifiers import clean_identifier


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("AW26-1", "AW26-1"),
        ("  AW26 1 ", "AW26 1"),
        ("A\u200bB", "AB"),
        ("\ufeffA", "A"),
        ("A\u00ad-1", "A-1"),
        ("\u202aA\u202c", "A"),
        ("A\u00a0", "A"),
        ("A\u00a0B\u2003C", "A B C"),
        ("CAFE\u0301", "CAFÉ"),
        ("\u3000A\t\n", "A"),
        ("A\x07", "A"),
        ("A\x00", "A\x00"),  # a later check reports it
        ("\u200b", ""),
        ("鞋-1", "鞋-1"),
    ],
)
def test_identifiers_that_look_alike_are_equal(text: str, identifier: str) -> None:
    assert clean_identifier(text) == identifier
    assert clean_identifier(identifier) == identifier
