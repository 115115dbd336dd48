from io import BytesIO
from typing import Any

import pytest
from rest_framework.exceptions import ParseError

from sartiq.core.api.parsers import MAX_DEPTH, MAX_JSON_BYTES, BoundedJSONParser
from sartiq.core.errors import RequestTooLargeError, UnsupportedTypeError


def parse(raw: bytes, media_type: str = "application/json") -> Any:
    return BoundedJSONParser().parse(BytesIO(raw), media_type)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('{"ü": "é"}'.encode(), {"ü": "é"}),
        (b'"' + b"a" * (MAX_JSON_BYTES - 2) + b'"', "a" * (MAX_JSON_BYTES - 2)),
    ],
)
def test_json_is_read(raw: bytes, value: Any) -> None:
    assert parse(raw) == value


@pytest.mark.parametrize("raw", [b'{"a": 1, "a": 2}', b'[{"b": {"a": 1, "a": 1}}]'])
def test_an_object_with_the_same_key_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="the same key twice"):
        parse(raw)


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"', "U8"])
def test_every_name_of_utf8_is_accepted(charset: str) -> None:
    assert parse(b"[]", f"application/json; charset={charset}") == []


@pytest.mark.covers("T45")
@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "klingon", "rot13"])
def test_every_other_charset_is_refused(charset: str) -> None:
    with pytest.raises(UnsupportedTypeError):
        parse(b"[]", f"application/json; charset={charset}")


@pytest.mark.covers("T45")
def test_one_byte_over_the_limit_is_refused() -> None:
    with pytest.raises(RequestTooLargeError):
        parse(b'"' + b"a" * (MAX_JSON_BYTES - 1) + b'"')


@pytest.mark.covers("T45")
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_is_limited(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"

    parse(opening * MAX_DEPTH + b"1" + closing * MAX_DEPTH)
    with pytest.raises(ParseError, match="nested too deeply"):
        parse(opening * (MAX_DEPTH + 1) + b"1" + closing * (MAX_DEPTH + 1))
    with pytest.raises(ParseError, match="nested too deeply"):
        parse(opening * 50_000)


@pytest.mark.covers("T45")
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"NaN", b"[Infinity]", b"9" * 5000, b"\xff", b"{'a':1}"]
)
def test_invalid_json_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError):
        parse(raw)
